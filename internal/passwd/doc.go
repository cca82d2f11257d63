// Package passwd keeps the passwords of an auth method's own users, as hashes.
// It makes hashes, verifies passwords, and reads the hashes that other systems
// have made, so that users can move in with the password they have.
//
// [Parse] reads a hash and checks what verifying it costs: a hash that takes
// seconds or gigabytes, or that protects nothing, is refused when it is
// imported, not when a user logs in. A [Hasher] makes and verifies hashes, a
// few at a time, whatever the number of logins.
//
// A wrong password and an unknown user should take the same time, or strangers
// learn which users exist: [Hasher.VerifyDummy] is for the unknown. It costs what a
// hash costs that [Hasher.Make] makes now with the same [Settings].
// [Hasher.VerifyAtLeast] takes as long for a wrong password where the hash is a cheaper
// one, imported or of [Hasher.MakeGenerated]. A more expensive one takes a time of its
// own, by which strangers may learn that its user exists.
package passwd
