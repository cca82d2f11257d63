package login

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/catalog"
	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/profile"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
)

// mondayNoon is a Monday; in Berlin it is two in the afternoon.
var mondayNoon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// itemOf returns a check or reply item.
func itemOf(attribute, operator, value string) profile.Item {
	return profile.Item{Attribute: attribute, Operator: operator, Value: value}
}

// repliedItem returns an attribute as a server has answered it.
func repliedItem(t *testing.T, name, text string) dictionary.Item {
	t.Helper()
	attribute, known := dictionary.Standard().Lookup(name)
	require.True(t, known, name)
	value, err := attribute.ParseValue(text)
	require.NoError(t, err)
	return dictionary.Item{Attribute: attribute, Value: value}
}

// acceptWith returns the answer of a server that accepts with these attributes.
func acceptWith(items ...dictionary.Item) source.Answer {
	return source.Answer{Verdict: radclient.Verdict{Outcome: radclient.Accept, Server: "192.0.2.1:1812"}, Reply: items}
}

// compileProfile returns a profile that is enabled and has been changed once, ready for logins.
func compileProfile(t *testing.T, id int64, shortName string, check, reply []profile.Item, policies ...string) *catalog.Compiled {
	t.Helper()
	rules, _, err := profile.CompileStored(dictionary.Standard(), profile.Definition{Check: check, Reply: reply})
	require.NoError(t, err)
	entry := &catalog.Profile{ID: id, Revision: 2, ShortName: shortName, Policies: policies, Enabled: true}
	return &catalog.Compiled{Entry: entry, Rules: rules}
}

// authorizationBy returns an authorization of a user who is not registered, by the config's
// default profiles, which go by UTC.
func authorizationBy(assigned ...*catalog.Compiled) *Authorization {
	config := DefaultConfig()
	config.UnregisteredUserPolicies = []string{"guest"}
	return &Authorization{
		config: &config, Source: &source.Source{}, dictionary: dictionary.Standard(), assigned: assigned,
		required: len(assigned) > 0, zone: time.UTC,
	}
}

// loadZone returns a zone of the IANA's database.
func loadZone(t *testing.T, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	require.NoError(t, err)
	return zone
}
