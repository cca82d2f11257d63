// Package batch creates many users at once, from a csv or a prefix, prints their vouchers, and
// keeps the names of the users of a batch, so that they can be deleted together. It knows
// nothing of Vault, nor of the entries of users.
package batch
