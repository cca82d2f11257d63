// Package directory checks passwords against an LDAP directory or Active
// Directory, by binding as the user (RFC 4511 section 4.2, RFC 4513).
//
// A [Client] asks the servers of one directory. One of them that cannot be reached
// is left out until it answers again. Connections are kept and used again, for one
// login at a time. Passwords go to these servers only: referrals are not followed.
//
// An entry of the directory has one name here, whatever spellings the directory
// takes for it: after the bind the entry is read, and has to spell its name as
// it was typed.
package directory
