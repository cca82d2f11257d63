package radiusauth

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/catalog"
	"vault-plugin-auth-radius/internal/directory"
	"vault-plugin-auth-radius/internal/directorytest"
	"vault-plugin-auth-radius/internal/profile"
	"vault-plugin-auth-radius/internal/radclient"
)

// besideLines are lines of the log that are about no decision, and what makes them.
func besideLines() map[string]func(*testing.T) *testBackend {
	changes := func(to radclient.State) func(*testing.T) *testBackend {
		return func(t *testing.T) *testBackend {
			b := newTestBackend(t)
			b.serverChanged(radclient.Change{To: to})
			return b
		}
	}
	directoryChanges := func(to directory.State) func(*testing.T) *testBackend {
		return func(t *testing.T) *testBackend {
			b := newTestBackend(t)
			b.directoryChanged(directory.Change{To: to})
			return b
		}
	}
	warned := func(config map[string]any) func(*testing.T) *testBackend {
		return func(t *testing.T) *testBackend {
			b := newTestBackend(t)
			fields := minimalConfig()
			for field, value := range config {
				fields[field] = value
			}
			b.ok(logical.UpdateOperation, "config", fields)
			return b
		}
	}
	return map[string]func(*testing.T) *testBackend{
		"RADIUS server answers":              changes(radclient.Alive),
		"RADIUS server is silent":            changes(radclient.Zombie),
		"RADIUS server is dead":              changes(radclient.Dead),
		"RADIUS server is being tried again": changes(radclient.Probing),
		"directory answers":                  directoryChanges(directory.Alive),
		"directory is dead":                  directoryChanges(directory.Dead),
		"config: the secret is short":        warned(map[string]any{"secret": "short"}),
		"config: MS-CHAPv2 without TLS":      warned(map[string]any{"auth_protocol": string(radclient.MSCHAPv2)}),
		"custom dictionary is left out": func(t *testing.T) *testBackend {
			b := newTestBackend(t)
			b.dictionaryMisfit(errors.New("it does not fit"))
			return b
		},
		"profile has items without an effect": func(t *testing.T) *testBackend {
			b := newTestBackend(t)
			b.profileWarning(&catalog.Compiled{Entry: catalog.NewProfile(), Ineffective: profile.Problems{}})
			return b
		},
		"a lockout was ended": func(t *testing.T) *testBackend {
			b := newConfiguredBackend(t, map[string]any{"lockout_threshold": 1})
			b.refused(logical.UpdateOperation, "login/alice", map[string]any{"password": "wrong"})
			b.ok(logical.UpdateOperation, "unlock/alice", nil)
			return b
		},
		"notice of a directory": func(t *testing.T) *testBackend {
			// graceAuthNsRemaining 2 (draft-behera-ldap-password-policy section 6.2)
			b, _ := newDirectoryBackend(t, bindsWith(ldap.LDAPResultSuccess, "", "\x30\x05\xa0\x03\x81\x01\x02"), nil)
			b.loginOK("alice", "alice-password")
			return b
		},
		"the primary group cannot be read": hiddenPrimaryGroup,
	}
}

// hiddenPrimaryGroup is a mount with a domain where alice does not see her primary group.
func hiddenPrimaryGroup(t *testing.T) *testBackend {
	const suffix = "DC=corp,DC=example,DC=com"
	sid := "\x01\x01\x00\x00\x00\x00\x00\x05\x10\x00\x00\x00" // S-1-5-16
	s, err := directorytest.StartScripted("127.0.0.1:0", func(r directorytest.Request) directorytest.Answer {
		switch {
		case r.Bind || r.DN == directorytest.Groups:
			return directorytest.Answer{}
		case r.DN == "":
			return directorytest.Answer{Entries: []*ldap.Entry{ldap.NewEntry("", map[string][]string{"defaultNamingContext": {suffix}})}}
		case strings.HasPrefix(r.Filter, "(objectSid="): // the group of the number 513
			return directorytest.Answer{}
		}
		return directorytest.Answer{Entries: []*ldap.Entry{ldap.NewEntry("CN=alice,"+suffix, map[string][]string{
			"sAMAccountName": {"alice"}, "userPrincipalName": {"alice@corp.example.com"}, "objectSid": {sid}, "primaryGroupID": {"513"},
		})}}
	})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	b := newTestBackend(t)
	t.Cleanup(func() { b.Cleanup(t.Context()) })
	b.source("ad", map[string]any{
		"name": "domain", "host": "127.0.0.1", "port": s.Port(), "ad_domain": "corp.example.com", "ssl": false, "ssl_cert": nil,
		"allow_cleartext": true, "group_search_base": directorytest.Groups,
		"group_search_filter": "(member:1.2.840.113556.1.4.1941:={{dn}})",
	})
	b.ok(logical.UpdateOperation, "config", map[string]any{"extauth": "domain"})
	b.loginOK("alice", "alice-password")
	return b
}

func TestLinesAboutNoDecisionHaveTheirWords(t *testing.T) {
	t.Parallel()
	for pattern, mount := range besideLines() {
		t.Run(pattern, func(t *testing.T) {
			t.Parallel()
			require.True(t, findsIn(pattern)(mount(t).log.String()))
		})
	}
}
