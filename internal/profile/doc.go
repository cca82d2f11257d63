// Package profile decides which AAA profiles a login matches and what they
// reply. A profile has check items, all of which must hold, and reply items,
// with the operators of FreeRADIUS.
//
// [Compile] turns a definition into a [Profile] once, or says what is wrong with
// each field. [Evaluate] takes compiled profiles and the attributes of one login
// and decides; [Explain] decides the same and says why, item by item. Nothing
// here reads a clock, a file or the network, and nothing logs: when a login is, is
// part of its input.
//
// What FreeRADIUS's control list has decides there, and so it does here: Expiration,
// Login-Time and Auth-Type := Reject are limits, which refuse the login if the
// profile's other check items hold. Whatever else is set by := or +=, and whatever no
// request can have, would hold always or never: it does not compile.
//
// What is absent never matches: a check item whose attribute is missing or whose
// expansion has no value does not hold, with `!*`, which asks for absence, as
// the one exception. Patterns are RE2: the time they take grows with the value,
// never exponentially.
package profile
