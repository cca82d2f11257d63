package login

import (
	"fmt"

	"vault-plugin-auth-radius/internal/decision"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/username"
)

// BarredAsTestUser returns why no user logs in under the name of a test user, whichever
// source has it, nor under a realm form of it where that source is asked; none for other
// names. Else a client that guesses the password of the test user would get a token.
func BarredAsTestUser(settings *Settings, sources *source.Set, identity Identity) Reason {
	for _, src := range testedSources(settings, sources) {
		for _, name := range []string{identity.Name, settings.Config.NameAsked(identity.Source, identity.Name)} {
			for i, form := range username.RealmForms(name) {
				if (i == 0 || src.Key() == identity.Source.Key()) && username.Skeleton(form) == src.TestUser {
					text := "status_check_username of %s has the name: its probes log in under it, and nobody else does"
					return Reason{decision.TestUser, fmt.Sprintf(text, src.Title())}
				}
			}
		}
	}
	return Reason{}
}

// testedSources returns the sources that have a test user, mostly none.
func testedSources(settings *Settings, sources *source.Set) []*source.Source {
	var tested []*source.Source
	if settings.Source.TestUser != "" {
		tested = append(tested, settings.Source)
	}
	for _, src := range sources.Ordered {
		if src.TestUser != "" {
			tested = append(tested, src)
		}
	}
	return tested
}
