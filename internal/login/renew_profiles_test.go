package login

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/catalog"
	"vault-plugin-auth-radius/internal/profile"
	"vault-plugin-auth-radius/internal/users"
)

func TestProfileThatHasChangedStopsRenewals(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f *fixture) {
		id, other := f.saveChecked("vpn"), f.saveChecked("other")
		f.saveUser("carol", assign(id))
		data := f.kept("carol")
		f.requireRenewed("carol", data)
		f.server.takeQueried()

		f.saveUser("carol", assign(other))
		f.requireNotRenewed("carol", data, changedRenewal)
		f.saveUser("carol", assign())
		f.requireNotRenewed("carol", data, changedRenewal)
		f.saveUser("carol", assign(other, id))
		f.requireRenewed("carol", data)
		f.server.takeQueried()
		f.saveChecked("vpn", itemOf("NAS-Identifier", "==", "vault"))
		f.requireNotRenewed("carol", data, changedRenewal)
		require.Empty(t, f.server.takeQueried())
	})
}

// To disable a profile counts as a change: its revision is another one.
func TestProfileThatIsDisabledStopsRenewals(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f *fixture) {
		id := f.saveChecked("vpn")
		f.saveUser("carol", assign(id))
		data := f.kept("carol")
		f.saveProfile("vpn", func(p *catalog.Profile) { p.Enabled = false })
		f.requireNotRenewed("carol", data, changedRenewal)
	})
}

// Profiles that decide now have decided nothing about a token without any.
func TestFirstProfileOfAUserStopsRenewals(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f *fixture) {
		data := f.kept("stranger")
		id := f.saveChecked("vpn")
		f.configure(func(c *Config) { c.DefaultProfiles = []int64{id} })
		f.requireNotRenewed("stranger", data, changedRenewal)
	})
}

func TestProfileThatDoesNotCompileAnyMoreStopsRenewals(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f *fixture) {
		text := []byte(`{"text":"ATTRIBUTE Acme-Team 105 string\n"}`)
		f.storage.entries[catalog.DictionaryKeyPrefix+"acme"] = text
		f.service.Dictionaries.Drop()
		f.saveUser("carol", assign(f.saveChecked("vpn", itemOf("Acme-Team", "!*", "ANY"))))
		data := f.kept("carol")
		delete(f.storage.entries, catalog.DictionaryKeyPrefix+"acme")
		f.service.Dictionaries.Drop()
		f.service.Profiles.Clear()
		f.requireNotRenewed("carol", data, changedRenewal)
	})
}

func TestWindowThatHasEndedStopsRenewals(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f *fixture) {
		f.saveUser("carol", assign(f.saveChecked("office", itemOf("Login-Time", ":=", "Wk0800-1800"))))
		data := f.kept("carol")
		left, limited := f.requireRenewed("carol", data).Granted.TimeLeft(f.now)
		require.True(t, limited)
		require.Equal(t, 6*time.Hour+time.Minute, left, "with the minute of 18:00")

		f.now = f.now.Add(7 * time.Hour)
		_, refusal := f.renew("carol", data)
		require.NotNil(t, refusal)
		require.Contains(t, refusal.Text, DeniedText)
		require.Contains(t, f.log.String(), "profile office: Login-Time := Wk0800-1800")
	})
}

func TestRenewedTokenEndsWhenTheUserExpires(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f *fixture) {
		f.now = time.Now()
		f.saveUser("carol", nil)
		data := f.kept("carol")
		_, limited := f.requireRenewed("carol", data).Granted.TimeLeft(f.now)
		require.False(t, limited)
		end := f.now.Add(10 * time.Hour)
		f.saveUser("carol", func(u *users.User) { u.ExpiresAt = &end })
		left, limited := f.requireRenewed("carol", data).Granted.TimeLeft(f.now)
		require.True(t, limited)
		require.Equal(t, 10*time.Hour, left)
	})
}

// A profile that did not match at the login, for the time alone, may refuse its renewals; one
// that was ruled out by something else may not: what ruled it out is not known any more.
func TestRecheckSparesProfilesThatWereRuledOut(t *testing.T) {
	t.Parallel()
	f := newFixture(t, recheckConfig)
	open := f.saveChecked("open")
	evening := []profile.Item{itemOf("Current-Time", "==", "Al1800-2359"), itemOf("Auth-Type", ":=", "Reject")}
	elsewhere := append([]profile.Item{itemOf("NAS-Identifier", "==", "elsewhere")}, evening...)
	f.saveUser("carol", assign(open, f.saveChecked("evening-elsewhere", elsewhere...)))
	f.saveUser("bob", assign(open, f.saveChecked("evening", evening...)))
	carol, bob := f.kept("carol"), f.kept("bob")
	require.Equal(t, []string{"2:1"}, carol.RuledOut)
	require.Empty(t, bob.RuledOut)
	f.requireRenewed("carol", carol)
	f.requireRenewed("bob", bob)

	f.now = f.now.Add(7 * time.Hour)
	f.requireRenewed("carol", carol)
	f.requireNotRenewed("bob", bob, deniedRenewal)
	require.Contains(t, f.log.String(), "profile evening: Auth-Type := Reject")

	f.saveProfile("evening", func(p *catalog.Profile) { p.Enabled = false })
	f.requireRenewed("bob", bob)
}

func TestRecheckWithoutTheZoneIsRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t, recheckConfig)
	f.saveUser("carol", assign(f.saveChecked("open")))
	data := f.kept("carol")
	f.configure(func(c *Config) { c.TimeZone = "Europe/Atlantis" })
	f.requireNotRenewed("carol", data, deniedRenewal)
	require.Contains(t, f.log.String(), ErrUnknownZone.Error())
}

func TestProfilesDecideAgainByWhatTheClientSaid(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.saveUser("carol", assign(f.saveChecked("laptop", itemOf("client:device", "==", "laptop"))))
	attempt := Attempt{Username: "carol", Password: rightPassword, ClientAttributes: map[string]string{"device": "laptop"}}
	result, err := f.authenticate(attempt)
	require.NoError(t, err)
	data := NewRenewalData(result.Authorization, rightPassword, result.Grant)
	require.Equal(t, []string{"laptop"}, ShortNamesOf(f.requireRenewed("carol", data).Granted.Matched))
	data.ClientAttributes = nil
	f.requireNotRenewed("carol", data, DeniedText)
}
