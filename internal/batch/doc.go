// Package batch makes many users at once, from a csv or a prefix, prints their vouchers, and
// keeps what a batch has made, so that it can be deleted as one. It knows nothing of Vault,
// nor of the entries of users.
package batch
