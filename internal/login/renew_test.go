package login

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/catalog"
	"vault-plugin-auth-radius/internal/passwd"
	"vault-plugin-auth-radius/internal/profile"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/users"
)

// recheckConfig keeps no passwords.
func recheckConfig(c *Config) { c.Renewal = RenewalRecheck }

// kept logs in, and returns what the token keeps.
func (f *fixture) kept(name string) Kept {
	f.t.Helper()
	result := f.requireAccepted(name)
	f.server.takeQueried()
	return NewRenewalData(result.Authorization, rightPassword, result.Grant)
}

// tokenOf returns a token to renew, whose policies are those of now.
func tokenOf(name, address string, data Kept) Token {
	samePolicies := func([]string) bool { return true }
	return Token{Username: name, Address: address, Kept: data, SamePolicies: samePolicies}
}

// renew renews a token. That nothing is written holds for each of them.
func (f *fixture) renew(name string, data Kept) (Renewed, *Refusal) {
	f.t.Helper()
	before := f.storage.writeCount()
	renewed, refusal, err := f.service.Renew(f.t.Context(), f.storage, f.settings, tokenOf(name, "192.0.2.7", data))
	require.NoError(f.t, err)
	require.Equal(f.t, before, f.storage.writeCount(), "a renewal has written to storage")
	if refusal != nil {
		require.Equal(f.t, Renewed{}, renewed, "a refusal grants nothing")
	}
	return renewed, refusal
}

// requireRenewed renews a token.
func (f *fixture) requireRenewed(name string, data Kept) Renewed {
	f.t.Helper()
	renewed, refusal := f.renew(name, data)
	require.Nil(f.t, refusal, "%s", f.log)
	return renewed
}

// requireNotRenewed is refused with a text.
func (f *fixture) requireNotRenewed(name string, data Kept, text string) {
	f.t.Helper()
	_, refusal := f.renew(name, data)
	require.Equal(f.t, &Refusal{Text: text}, shown(refusal))
}

const (
	deniedRenewal  = "access denied by the authentication server, not renewing"
	changedRenewal = "profiles have changed, not renewing"
)

// both runs a test with each kind of renewal.
func both(t *testing.T, test func(t *testing.T, f *fixture)) {
	t.Helper()
	for _, renewal := range Renewals {
		t.Run(string(renewal), func(t *testing.T) {
			t.Parallel()
			test(t, newFixture(t, func(c *Config) { c.Renewal = renewal }))
		})
	}
}

func TestTokenKeepsThePasswordOnlyToReauthenticate(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	require.Equal(t, Kept{Password: rightPassword}, f.kept("stranger"))
	f.configure(recheckConfig)
	require.Equal(t, Kept{}, f.kept("stranger"))
}

func TestTokenKeepsWhatItsRenewalsGoBy(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.GroupAttributes = []string{"Filter-Id"} })
	id, _ := f.saveSource("branch", source.TypeRADIUS, nil)
	matching := f.saveProfile("matching", func(p *catalog.Profile) { p.Reply = []profile.Item{itemOf("Filter-Id", ":=", "staff")} })
	ruledOut := f.saveChecked("ruled-out", itemOf("client:device", "==", "phone"), itemOf("Auth-Type", ":=", "Reject"))
	f.saveUser("carol", func(u *users.User) { u.Source, u.Profiles = id, []int64{matching, ruledOut} })
	attempt := Attempt{Username: "carol", Password: rightPassword, ClientAttributes: map[string]string{"device": "laptop"}}
	result, err := f.authenticate(attempt)
	require.NoError(t, err)
	require.Nil(t, result.Refusal)
	want := Kept{
		Password: rightPassword, Registered: true, Source: "extauth/1", Profiles: []string{"1:1"}, RuledOut: []string{"2:1"},
		Groups: []string{"staff"}, ClientAttributes: attempt.ClientAttributes,
	}
	require.Equal(t, want, NewRenewalData(result.Authorization, rightPassword, result.Grant))

	// Without a password, which an answer to a challenge is not, profiles never decide again.
	want.Password, want.ClientAttributes = "", nil
	require.Equal(t, want, NewRenewalData(result.Authorization, "", result.Grant))
}

func TestTokenWithoutProfilesKeepsNothingThatTheClientSaid(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	attempt := Attempt{Username: "stranger", Password: rightPassword, ClientAttributes: map[string]string{"device": "laptop"}}
	result, err := f.authenticate(attempt)
	require.NoError(t, err)
	require.Equal(t, Kept{Password: rightPassword}, NewRenewalData(result.Authorization, rightPassword, result.Grant))
}

func TestRenewalReauthenticatesWithThePassword(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.UnregisteredUserPolicies = []string{"guest"} })
	data := f.kept("stranger")
	require.Equal(t, []string{"guest"}, f.requireRenewed("stranger", data).Granted.Policies)
	query := f.server.lastQuery(t)
	require.Equal(t, []string{"stranger"}, f.server.takeQueried())
	require.Equal(t, rightPassword, query.Password)
	require.Equal(t, "192.0.2.7", query.ClientAddress)
	require.Equal(t, passwd.Renewal, query.Caller.Class)
	require.Equal(t, RenewalShare("stranger"), query.Share, "logins from the address do not push it out")

	data.Password = "wrong"
	f.requireNotRenewedBySource("stranger", data)
	f.server.setError(errors.New("away"))
	_, refusal := f.renew("stranger", data)
	require.Equal(t, &Refusal{Text: NoAnswerText, Unanswered: true}, shown(refusal))
}

// requireNotRenewedBySource is refused by the source, which is asked.
func (f *fixture) requireNotRenewedBySource(name string, data Kept) {
	f.t.Helper()
	_, refusal := f.renew(name, data)
	require.Equal(f.t, &Refusal{Text: DeniedText}, shown(refusal))
	require.Equal(f.t, []string{name}, f.server.takeQueried())
}

func TestRenewalRechecksWithoutAskingTheSource(t *testing.T) {
	t.Parallel()
	f := newFixture(t, recheckConfig)
	f.saveUser("carol", assign())
	data := f.kept("carol")
	require.Equal(t, []string{"dev"}, f.requireRenewed("carol", data).Granted.Policies)
	require.Empty(t, f.server.takeQueried())
}

// A token that was made with another config, or by the answer to a challenge, has no password.
func TestTokenWithoutAPasswordIsOnlyRechecked(t *testing.T) {
	t.Parallel()
	f := newFixture(t, recheckConfig)
	data := f.kept("stranger")
	f.configure(func(c *Config) { c.Renewal = RenewalReauthenticate })
	f.requireRenewed("stranger", data)
	require.Empty(t, f.server.takeQueried())
}

func TestTokenWithAPasswordIsRecheckedIfTheConfigSaysSoNow(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	data := f.kept("stranger")
	f.configure(recheckConfig)
	f.requireRenewed("stranger", data)
	require.Empty(t, f.server.takeQueried())
}

func TestRenewalFollowsTheUsersPolicies(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f *fixture) {
		id := f.saveChecked("vpn")
		f.saveUser("carol", assign(id))
		data := f.kept("carol")
		require.Equal(t, []string{"dev", "vpn"}, f.requireRenewed("carol", data).Granted.Policies)
		f.saveUser("carol", func(u *users.User) { u.Policies, u.Profiles = []string{"ops"}, []int64{id} })
		renewed := f.requireRenewed("carol", data)
		require.Equal(t, []string{"ops", "vpn"}, renewed.Granted.Policies)
		require.Equal(t, []string{"vpn"}, ShortNamesOf(renewed.Granted.Matched))
	})
}

func TestUserWhoIsGoneIsNotRechecked(t *testing.T) {
	t.Parallel()
	f := newFixture(t, recheckConfig)
	f.saveUser("carol", nil)
	data := f.kept("carol")
	require.NoError(t, f.storage.Delete(t.Context(), users.Key("carol")))
	f.service.Users.Drop("carol")
	f.service.Names.Drop()
	f.requireNotRenewed("carol", data, "user is no longer registered, not renewing")
	data.Registered = false
	f.requireRenewed("carol", data)
}

func TestUserWhoMayNotLogInGetsNoRenewal(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f *fixture) {
		f.saveUser("carol", nil)
		data := f.kept("carol")
		f.requireRenewed("carol", data)
		f.server.takeQueried()
		f.saveUser("carol", func(u *users.User) { u.Disabled = true })
		f.requireNotRenewed("carol", data, "the user is disabled, not renewing")
		past := f.now.Add(-time.Minute)
		f.saveUser("carol", func(u *users.User) { u.ExpiresAt = &past })
		f.requireNotRenewed("carol", data, "the user has expired, not renewing")
		require.Empty(t, f.server.takeQueried())
		require.Contains(t, f.log.String(), "renewal refused")
	})
}

func TestNameThatIsBarredNowGetsNoRenewal(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f *fixture) {
		data := f.kept("stranger")
		f.configure(func(c *Config) { c.RegisteredOnly = true })
		f.requireNotRenewed("stranger", data, "the user may not log in any more, not renewing")
		require.Contains(t, f.log.String(), "registered_only")
		require.Empty(t, f.server.takeQueried())
	})
}

func TestNameThatIsNotValidGetsNoRenewal(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f *fixture) {
		_, refusal := f.renew("", f.kept("stranger"))
		require.Contains(t, refusal.Text, ", not renewing")
	})
}

func TestUserWhomAnotherSourceChecksNowGetsNoRenewal(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f *fixture) {
		id, branch := f.saveSource("branch", source.TypeRADIUS, nil)
		f.saveUser("carol", nil)
		data := f.kept("carol")
		f.saveUser("carol", func(u *users.User) { u.Source = id })
		f.requireNotRenewed("carol", data, "another source checks the user now, not renewing")
		require.Empty(t, f.server.takeQueried())
		require.Empty(t, branch.takeQueried())
	})
}

func TestTokenOfASourceIsRenewedThere(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	id, branch := f.saveSource("branch", source.TypeRADIUS, nil)
	f.saveUser("carol", func(u *users.User) { u.Source = id })
	data := f.kept("carol")
	branch.takeQueried()
	f.requireRenewed("carol", data)
	require.Equal(t, []string{"carol"}, branch.takeQueried())
	require.Empty(t, f.server.takeQueried())
}

func TestRenewalThatIsChallengedIsRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	data := f.kept("stranger")
	f.server.setRespond(func(source.Query) (source.Answer, error) { return f.server.answer(radclient.Challenge), nil })
	f.requireNotRenewed("stranger", data, DeniedText)
	require.Contains(t, f.log.String(), "see renewal=recheck")
}

func TestGroupsAreKeptByARecheckAndReadAnewByTheSource(t *testing.T) {
	t.Parallel()
	for renewal, want := range map[Renewal][]string{RenewalReauthenticate: {"new"}, RenewalRecheck: {"old"}} {
		f := newFixture(t, func(c *Config) { c.Renewal = renewal })
		groups := []string{"old"}
		f.server.setRespond(func(source.Query) (source.Answer, error) {
			answer := f.server.answer(radclient.Accept)
			answer.Groups = groups
			return answer, nil
		})
		data := f.kept("stranger")
		require.Equal(t, []string{"old"}, data.Groups)
		groups = []string{"new"}
		require.Equal(t, want, f.requireRenewed("stranger", data).Groups, renewal)
	}
}

// The built-in method, which checks less, may have kept it.
func TestKeptPasswordThatTheSourceCannotBeAskedAboutIsNotRenewed(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	data := f.kept("stranger")
	data.Password = "with\x00NUL"
	f.requireNotRenewed("stranger", data, "password contains a NUL character")
	require.Empty(t, f.server.takeQueried())
}

func TestWireNameThatNoRequestCarriesIsNotRenewed(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	data := f.kept("stranger")
	f.server.setWire(func(string) string { return "" })
	f.requireNotRenewed("stranger", data, "username cannot be empty")
	require.Empty(t, f.server.takeQueried())
}

func TestFaultsOfStorageAtARenewalAreNoRefusals(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{source.KeyPrefix, users.KeyPrefix, catalog.KeyPrefix, catalog.DictionaryKeyPrefix} {
		f := newFixture(t, nil)
		f.saveUser("carol", assign(f.saveChecked("open")))
		data := f.kept("carol")
		f.service.Users.Drop("carol")
		f.service.Names.Drop()
		f.service.Sources.Drop()
		f.service.Dictionaries.Drop()
		if prefix == catalog.KeyPrefix {
			f.service.Profiles.Clear()
		}
		f.storage.breakKeys(prefix)
		renewed, refusal, err := f.service.Renew(t.Context(), f.storage, f.settings, tokenOf("carol", "", data))
		require.ErrorIs(t, err, errBroken, prefix)
		require.Nil(t, refusal, prefix)
		require.Equal(t, Renewed{}, renewed, prefix)
		require.Empty(t, f.server.takeQueried(), prefix)
	}
}
