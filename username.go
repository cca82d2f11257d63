package radiusauth

import (
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/username"
	"vault-plugin-auth-radius/internal/users"
)

// wireName is the User-Name that the config's servers see of a canonical name: with
// strip_realm without a realm, and with the config's realm if there is none.
func (c *configEntry) wireName(name string) string {
	if c.StripRealm {
		name = username.Bare(name)
	}
	return username.WithRealm(name, c.Realm)
}

// nameAsked is the name that the source is asked about.
func (c *configEntry) nameAsked(src *source.Source, name string) string {
	if src.Checker == nil {
		return name
	}
	name = src.Checker.WireName(name)
	if src.Entry == nil || src.Entry.Directory == nil {
		return name
	}
	// No directory knows the realm that the config gives to names without one.
	if user, realm := username.Split(name); username.SameRealm(realm, c.DefaultRealm) {
		return user
	}
	return name
}

// sameName returns what reports whether a directory's spelling is the name that it is
// asked about.
func (c *configEntry) sameName(user *users.User, name string) func(spelled string) bool {
	return username.SameAccount(name, user != nil, c.CaseInsensitiveUsernames)
}
