package radiusauth

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
	"layeh.com/radius/rfc2865"
)

const (
	profilesChanged = "profiles have changed, not renewing"
	policiesChanged = "policies have changed, not renewing"
)

// stored is what Vault hands back at renewal: the auth has been JSON meanwhile.
func stored(t *testing.T, auth *logical.Auth) *logical.Auth {
	t.Helper()
	octets, err := json.Marshal(auth)
	require.NoError(t, err)
	restored := &logical.Auth{}
	require.NoError(t, json.Unmarshal(octets, restored))
	return restored
}

// inBothModes runs a test for each of the config's values of renewal.
func inBothModes(t *testing.T, test func(t *testing.T, mode string)) {
	t.Helper()
	for _, mode := range []string{"reauthenticate", "recheck"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			test(t, mode)
		})
	}
}

func TestRenewalReturnsTheGroupAliases(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, mode string) {
		b := accepting(t, map[string]any{"renewal": mode, "group_attributes": "Class"}, class("vpn"), class("staff"))
		b.profile("all", map[string]any{"policies": "dev"})
		b.ok(logical.UpdateOperation, "users/bob", map[string]any{"profiles": "all"})
		for _, name := range []string{"bob", "eve"} { // with profiles and without
			auth := stored(t, b.loginOK(name, "p"))
			for range 2 {
				renewed := b.renewOK(auth)
				require.Equal(t, []string{"vpn", "staff"}, groupNames(renewed), "Vault drops memberships that are missing")
				auth = stored(t, renewed)
			}
		}
	})
}

func TestReauthenticationFollowsTheServersGroups(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, mode string) {
		b := accepting(t, map[string]any{"renewal": mode, "group_attributes": "Class"}, class("vpn"))
		auth := stored(t, b.loginOK("bob", "p"))
		b.answers(class("staff"))
		want := map[string][]string{"reauthenticate": {"staff"}, "recheck": {"vpn"}}[mode]
		require.Equal(t, want, groupNames(b.renewOK(auth)))
	})
}

func TestRenewalIsRefusedWhenProfilesHaveChanged(t *testing.T) {
	t.Parallel()
	type change struct {
		operation logical.Operation
		path      string
		data      map[string]any
		want      string
	}
	patch := func(path string, data map[string]any, want string) change {
		return change{logical.PatchOperation, path, data, want}
	}
	for name, change := range map[string]change{
		"description":     patch("profiles/one", map[string]any{"description": "new"}, profilesChanged),
		"replaced":        {logical.UpdateOperation, "profiles/one", map[string]any{"name": "Profile one", "policies": "dev"}, profilesChanged},
		"disabled":        patch("profiles/one", map[string]any{"enabled": false}, profilesChanged),
		"policies":        patch("profiles/one", map[string]any{"policies": "ops"}, profilesChanged),
		"checks":          patch("profiles/one", checks(item("NAS-Port", "==", "99")), profilesChanged),
		"taken away":      patch("users/bob", map[string]any{"profiles": "two"}, profilesChanged),
		"all taken away":  patch("users/bob", map[string]any{"profiles": nil}, profilesChanged),
		"user's policies": patch("users/bob", map[string]any{"policies": "ops"}, policiesChanged),
		"user gone":       {logical.DeleteOperation, "users/bob", nil, profilesChanged},
		"token policies":  patch("config", map[string]any{"token_policies": "base"}, policiesChanged),
		"dictionary":      {logical.DeleteOperation, "dictionary/custom/acme", nil, profilesChanged},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBothModes(t, func(t *testing.T, mode string) {
				b := accepting(t, map[string]any{"renewal": mode})
				b.ok(logical.UpdateOperation, "dictionary/custom/acme", map[string]any{"text": "ATTRIBUTE Acme-Role 105 string\n"})
				b.profile("one", map[string]any{"policies": "dev", "reply_attribute": []any{item("Acme-Role", ":=", "x")}})
				b.profile("two", nil)
				b.ok(logical.UpdateOperation, "users/bob", map[string]any{"policies": "own", "profiles": "two,one"})
				auth := stored(t, b.loginOK("bob", "p"))
				b.renewOK(stored(t, auth))
				sent := len(b.server.Requests())

				b.ok(change.operation, change.path, change.data)
				require.Equal(t, change.want, b.renewRefused(stored(t, auth)))
				if change.want == profilesChanged {
					require.Len(t, b.server.Requests(), sent, "nobody is asked in vain")
				}
			})
		})
	}
}

func TestProfilesThatDidNotMatchMayChange(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, mode string) {
		b := accepting(t, map[string]any{"renewal": mode})
		b.profile("one", map[string]any{"policies": "dev"})
		b.profile("never", checks(item("NAS-Port", "==", "99")))
		b.profile("default", nil)
		b.ok(logical.UpdateOperation, "users/bob", map[string]any{"profiles": "never,one"})
		auth := stored(t, b.loginOK("bob", "p"))
		b.ok(logical.PatchOperation, "profiles/never", map[string]any{"policies": "ops"})
		b.ok(logical.UpdateOperation, "config", map[string]any{"default_profiles": "default"})
		b.renewOK(auth)
		b.ok(logical.PatchOperation, "users/bob", map[string]any{"profiles": "one"})
		b.renewOK(auth)
	})
}

func TestDefaultProfilesCountAtRenewal(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, mode string) {
		b := accepting(t, map[string]any{"renewal": mode, "unregistered_user_policies": "guest"})
		before := stored(t, b.loginOK("eve", "p"))
		b.renewOK(before)
		b.profile("default", nil)
		b.ok(logical.UpdateOperation, "config", map[string]any{"default_profiles": "default"})
		require.Equal(t, profilesChanged, b.renewRefused(before), "profiles decide now, and have not decided about this token")

		auth := stored(t, b.loginOK("eve", "p"))
		b.renewOK(auth)
		b.ok(logical.UpdateOperation, "config", map[string]any{"default_profiles": ""})
		require.Equal(t, profilesChanged, b.renewRefused(auth))
	})
}

// A profile that was deleted and made again is another one.
func TestProfileMadeAgainIsAnother(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, mode string) {
		b := accepting(t, map[string]any{"renewal": mode})
		b.profile("one", nil)
		b.ok(logical.UpdateOperation, "users/bob", map[string]any{"profiles": "one"})
		auth := stored(t, b.loginOK("bob", "p"))
		b.ok(logical.PatchOperation, "users/bob", map[string]any{"profiles": nil})
		b.ok(logical.DeleteOperation, "profiles/one", nil)
		b.profile("one", nil)
		b.ok(logical.UpdateOperation, "users/bob", map[string]any{"profiles": "one"})
		require.Equal(t, profilesChanged, b.renewRefused(auth))
	})
}

func TestRecheckRunsNoChecksAgain(t *testing.T) {
	t.Parallel()
	b := accepting(t, map[string]any{"renewal": "recheck"}, filterID("staff"))
	b.profile("staff", checks(item("reply:Filter-Id", "==", "staff"), item("client:device", "==", "laptop")))
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"profiles": "staff"})
	auth := stored(t, b.ok(logical.UpdateOperation, "login/bob", map[string]any{"password": "p", "attributes": map[string]any{"device": "laptop"}}).Auth)
	require.NotContains(t, auth.InternalData, "attributes", "nothing to run again")
	b.answers() // staff no more
	b.renewOK(auth)
	require.Len(t, b.server.Requests(), 1)
}

func TestReauthenticationRunsTheChecksAgain(t *testing.T) {
	t.Parallel()
	b := accepting(t, nil, filterID("staff"))
	b.profile("staff", checks(item("reply:Filter-Id", "==", "staff"), item("client:device", "==", "laptop")))
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"profiles": "staff"})
	auth := stored(t, b.ok(logical.UpdateOperation, "login/bob", map[string]any{"password": "p", "attributes": map[string]any{"device": "laptop"}}).Auth)
	b.renewOK(auth) // what the client said of itself is remembered
	require.Len(t, b.server.Requests(), 2)
	b.answers() // staff no more
	require.Equal(t, "access denied by the authentication server", b.renewRefused(auth))
	require.Contains(t, b.log.String(), "none of the profiles matches: staff")
}

// Vault keeps ExplicitMaxTTL: renewals do not lengthen what a profile has limited.
func TestRenewalKeepsTheLimitOfAProfile(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, mode string) {
		b := accepting(t, map[string]any{"renewal": mode, "token_ttl": "1h", "token_max_ttl": "2h"}, integer(rfc2865.SessionTimeout_Type, 30))
		b.profile("limit", replies(item("Session-Timeout", ":=", "600")))
		b.ok(logical.UpdateOperation, "users/bob", map[string]any{"profiles": "limit"})
		require.Equal(t, 10*time.Minute, b.renewOK(stored(t, b.loginOK("bob", "p"))).ExplicitMaxTTL)
	})
}

func TestTokenFromBeforeProfilesIsRenewed(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, mode string) {
		b := accepting(t, map[string]any{"renewal": mode, "group_attributes": "Class"})
		b.ok(logical.UpdateOperation, "users/bob", map[string]any{"policies": "dev"})
		auth := &logical.Auth{
			Policies:     []string{"dev"},
			Metadata:     map[string]string{"username": "bob", "policies": "dev"},
			InternalData: map[string]any{"password": "p", "registered": true},
		}
		require.Empty(t, b.renewOK(auth).GroupAliases)
	})
}

func TestRenewalOfATokenWithOddInternalDataDoesNotPanic(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, mode string) {
		b := accepting(t, map[string]any{"renewal": mode})
		b.profile("one", nil)
		b.ok(logical.UpdateOperation, "users/bob", map[string]any{"profiles": "one"})
		for _, odd := range []map[string]any{
			{"profiles": 7}, {"profiles": ","}, {"profiles": "1:1,1:1"}, {"profiles": "1"}, {"profiles": []any{"1:1"}, "groups": "x"},
		} {
			auth := stored(t, b.loginOK("bob", "p"))
			for key, value := range odd {
				auth.InternalData[key] = value
			}
			require.Equal(t, profilesChanged, b.renewRefused(auth), odd)
		}
		auth := stored(t, b.loginOK("bob", "p"))
		auth.InternalData["groups"], auth.InternalData["attributes"] = []any{7, "staff"}, map[string]any{"device": 7}
		b.renewOK(auth)
	})
}
