// Package profile decides which AAA profiles a login matches, and how they change the
// reply. A profile has check items, all of which must hold, and reply items,
// with the operators of FreeRADIUS.
//
// [Compile] turns a definition into a [Profile] once, or returns the problems of each
// field. [Evaluate] takes compiled profiles and the attributes of a login and decides;
// [Explain] decides the same and returns the reasons, item by item. The package reads no
// clock, no file and no network, and logs nothing: the time of a login is part of its
// input.
//
// What FreeRADIUS's control list has decides there, and so it does here: Expiration,
// Login-Time and Auth-Type := Reject are limits, which refuse the login if the
// profile's other check items hold. Other attributes with := or +=, and those that no
// request can have, would hold always or never: they do not compile.
//
// An absent attribute never matches: a check item whose attribute is missing or whose
// expansion has no value does not hold, with `!*`, which asks for absence, as
// the one exception. Patterns are RE2: the time they take grows with the value,
// never exponentially.
package profile
