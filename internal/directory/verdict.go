package directory

import "vault-plugin-auth-radius/internal/fairshare"

// Credentials hold what a user typed.
type Credentials struct {
	Username string // without the realm that led here
	Password string
	// Share names the logins with which this one shares places where too many wait for
	// a server; the zero value is a share of its own.
	Share fairshare.Share
	// SameName reports whether the directory's spelling of the name will do, where it is
	// not the very same; nil: it never does.
	SameName func(spelled string) bool
}

// Verdict is what a directory decided about a login.
type Verdict struct {
	Accepted   bool
	Reason     string              // of a refusal, for operators
	DN         string              // of the user's entry
	Attributes map[string][]string // that the config asks for, by the name it has there
	Groups     []string
	Notices    []string // for operators, such as of passwords that are about to expire
	Host       string   // server that answered, as in the config
	Server     string   // host:port; empty if none was asked
}
