// Package acct keeps RADIUS accounting (RFC 2866): a record of every session,
// made of the packets that a NAS sends about it, and a log of logins (post-auth).
//
// Merge holds the rules, and two stores keep what comes out of it: Vault's own
// storage, and PostgreSQL with the tables radacct and radpostauth of FreeRADIUS,
// which other programs read.
//
// Packets get lost, come twice and overtake each other. So a packet is never
// applied to a record, it is merged: times and counters only get better, what is
// known stays known, and merging a packet again changes nothing. A client without an
// answer may thus send the packet again, at any time.
package acct
