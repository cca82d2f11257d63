package login

import (
	"context"

	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/username"
	"vault-plugin-auth-radius/internal/users"
)

// Rules returns the rules for names of the config and the sources.
func (c *Config) Rules(sources *source.Set) username.Rules {
	return username.Rules{
		FoldCase:     c.CaseInsensitiveUsernames,
		StripRealm:   c.StripRealm,
		Realm:        c.Realm,
		DefaultRealm: c.DefaultRealm,
		Realms:       sources.Realms,
	}
}

// WireName returns the User-Name that the config's servers see of a canonical name: with
// strip_realm without a realm, and with the config's realm if there is none.
func (c *Config) WireName(name string) string {
	if c.StripRealm {
		name = username.Bare(name)
	}
	return username.WithRealm(name, c.Realm)
}

// NameAsked returns the name that the source is asked about.
func (c *Config) NameAsked(src *source.Source, name string) string {
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

// SameName returns a function that reports whether a directory's spelling is the name that it is
// asked about; nil: only the very same is.
func (c *Config) SameName(user *users.User, name string) func(spelled string) bool {
	return username.SameAccount(name, user != nil, c.CaseInsensitiveUsernames)
}

// RegisteredNames returns the names of the stored users, when they have been read.
func (s *Service) RegisteredNames(ctx context.Context, storage kv.Storage, rules username.Rules) (*username.Names, error) {
	return s.Names.Get(ctx, users.Stored{Storage: storage}, rules)
}
