package login

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"

	"vault-plugin-auth-radius/internal/catalog"
	"vault-plugin-auth-radius/internal/profile"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/users"
)

// saveChecked stores a profile with check items, and returns its id.
func (f *fixture) saveChecked(shortName string, check ...profile.Item) int64 {
	f.t.Helper()
	return f.saveProfile(shortName, func(p *catalog.Profile) { p.Check, p.Policies = check, []string{shortName} })
}

// assign gives a user profiles.
func assign(ids ...int64) func(*users.User) {
	return func(user *users.User) { user.Policies, user.Profiles = []string{"dev"}, ids }
}

func TestProfileOfTheUserDecidesInsteadOfTheDefaultOnes(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	own, byDefault := f.saveChecked("own"), f.saveChecked("default")
	f.saveUser("carol", assign(own))
	f.saveUser("bob", assign())
	f.configure(func(c *Config) { c.DefaultProfiles = []int64{byDefault} })
	require.Equal(t, []string{"dev", "own"}, f.requireAccepted("carol").Grant.Policies)
	require.Equal(t, []string{"dev", "default"}, f.requireAccepted("bob").Grant.Policies)
	require.Equal(t, []string{"default"}, f.requireAccepted("stranger").Grant.Policies)
}

func TestLoginThatMatchesNoProfileIsRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	staff := f.saveChecked("staff", itemOf("reply:Filter-Id", "==", "staff"))
	vpn := f.saveChecked("vpn", itemOf("client:device", "==", "laptop"))
	f.saveUser("carol", assign(staff, vpn))
	f.requireDenied("carol", rightPassword, "none of the profiles matches: staff, vpn")

	laptop := map[string]string{"device": "laptop"}
	result, err := f.authenticate(Attempt{Username: "carol", Password: rightPassword, ClientAttributes: laptop})
	require.NoError(t, err)
	require.Nil(t, result.Refusal)
	require.Equal(t, []string{"dev", "vpn"}, result.Grant.Policies)
	f.server.setRespond(func(query source.Query) (source.Answer, error) {
		filter := &radius.AVP{Type: rfc2865.FilterID_Type, Attribute: []byte("staff")}
		return f.server.withReply(query, f.server.answer(radclient.Accept, filter)), nil
	})
	require.Equal(t, []string{"dev", "staff"}, f.requireAccepted("carol").Grant.Policies)
}

// A profile that is gone, that is disabled or that does not compile lets no login in.
func TestProfilesThatDoNotApplyMatchNoLogin(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	disabled := f.saveProfile("disabled", func(p *catalog.Profile) { p.Enabled = false })
	broken := f.saveChecked("broken", itemOf("Acme-Gone", "==", "1"))
	for _, id := range []int64{disabled, broken, 4711} {
		f.saveUser("carol", assign(id))
		f.requireDenied("carol", rightPassword, "none of the profiles matches")
	}
	working := f.saveChecked("working")
	f.saveUser("carol", assign(4711, disabled, broken, working))
	require.Equal(t, []string{"working"}, ShortNamesOf(f.requireAccepted("carol").Grant.Matched))
}

func TestChecksSeeTheRequestAsItGoesToTheSource(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.Realm, c.NASIdentifier = "radius.example", "vault-7" })
	f.saveUser("carol", assign(f.saveChecked("seen",
		itemOf("User-Name", "==", "carol@radius.example"), itemOf("NAS-Identifier", "==", "vault-7"),
		itemOf("Calling-Station-Id", "==", "192.0.2.7"), itemOf("User-Password", "==", rightPassword),
	)))
	require.Equal(t, []string{"dev", "seen"}, f.requireAccepted("carol").Grant.Policies)
}

// FreeRADIUS asks for a server that has got a request of its own.
func TestChecksSeeTheRequestOfAServerThatAsks(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.saveUser("carol", assign(f.saveChecked("ap", itemOf("NAS-Identifier", "==", "ap-1"), itemOf("User-Password", "==", rightPassword))))
	attempt := Attempt{Username: "carol", Password: rightPassword}
	attempt.RequestItems = append(attempt.RequestItems, repliedItem(t, "NAS-Identifier", "ap-1"))
	result, err := f.authenticate(attempt)
	require.NoError(t, err)
	require.Nil(t, result.Refusal)
	require.Len(t, attempt.RequestItems, 1, "the password is not added to the caller's")
	f.requireDenied("carol", rightPassword, "none of the profiles matches: ap")
}

func TestAuthTypeRejectRefusesWhateverOtherProfilesSay(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	open := f.saveChecked("open")
	barred := f.saveChecked("barred", itemOf("client:device", "==", "stolen"), itemOf("Auth-Type", ":=", "Reject"))
	f.saveUser("carol", assign(open, barred))
	require.Equal(t, []string{"dev", "open"}, f.requireAccepted("carol").Grant.Policies)
	stolen := map[string]string{"device": "stolen"}
	result, err := f.authenticate(Attempt{Username: "carol", Password: rightPassword, ClientAttributes: stolen})
	require.NoError(t, err)
	require.Equal(t, &Refusal{Text: DeniedText}, shown(result.Refusal))
	require.Empty(t, result.Grant.Policies)
	require.Contains(t, f.log.String(), "profile barred: Auth-Type := Reject")
}

func TestLoginTimeGoesByTheSetClockInTheConfigsZone(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.saveUser("carol", assign(f.saveChecked("office", itemOf("Login-Time", ":=", "Wk0800-1800"))))
	for _, test := range []struct {
		zone string
		hour int // of a Monday in June, in UTC
		in   bool
	}{
		{"UTC", 7, false},
		{"UTC", 8, true},
		{"UTC", 17, true},
		{"UTC", 19, false},
		{"Europe/Berlin", 7, true},
		{"Europe/Berlin", 17, false},
		{"America/New_York", 8, false},
		{"America/New_York", 19, true},
	} {
		f.configure(func(c *Config) { c.TimeZone = test.zone })
		f.now = time.Date(2026, 6, 1, test.hour, 0, 0, 0, time.UTC)
		if test.in {
			f.requireAccepted("carol")
			continue
		}
		f.requireDenied("carol", rightPassword, "profile office: Login-Time := Wk0800-1800")
	}
}

func TestExpirationGoesByTheSetClockInTheConfigsZone(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.TimeZone = "Europe/Berlin" })
	f.saveUser("carol", assign(f.saveChecked("guest", itemOf("Expiration", ":=", "Jun 01 2026 14:00:00"))))
	f.now = mondayNoon.Add(-time.Minute)
	left, limited := f.requireAccepted("carol").Grant.TimeLeft(f.now)
	require.True(t, limited)
	require.Equal(t, time.Minute, left)
	f.now = mondayNoon
	f.requireDenied("carol", rightPassword, "profile guest: Expiration := Jun 01 2026 14:00:00")
}

// Another server of the cluster knows the zone that is configured: this one cannot tell the
// time by it, and lets no limit be passed by.
func TestUnknownZoneRefusesLoginsWithProfiles(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.TimeZone = "Europe/Atlantis" })
	f.saveUser("carol", assign(f.saveChecked("open")))
	f.requireDenied("carol", rightPassword, ErrUnknownZone.Error())
	require.Empty(t, f.requireAccepted("stranger").Grant.Policies, "no profile decides about others")
}

func TestReplyItemThatCannotBeSetIsLeftOutAndLogged(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	id := f.saveProfile("partial", func(p *catalog.Profile) {
		p.Reply = []profile.Item{itemOf("Filter-Id", ":=", "%{Login-LAT-Group}"), itemOf("Framed-Pool", ":=", "pool")}
	})
	f.saveUser("carol", assign(id))
	granted := f.requireAccepted("carol").Grant
	require.Equal(t, []string{"pool"}, granted.Groups([]string{"Filter-Id", "Framed-Pool"}))
	require.Contains(t, f.log.String(), "reply_attribute[0].value")
	require.Contains(t, f.log.String(), "Filter-Id is left out")
}

func TestRequestAttributesGoToTheConfigsServersAndTheChecks(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) {
		c.RequestAttributes = []profile.Item{
			itemOf("Called-Station-Id", "+=", "vault:%{User-Name}@%{Calling-Station-Id}"), itemOf("Framed-MTU", "+=", "1400"),
		}
	})
	f.saveUser("carol", assign(f.saveChecked("seen",
		itemOf("Called-Station-Id", "==", "vault:carol@192.0.2.7"), itemOf("Framed-MTU", "==", "1400"),
	)))
	f.requireAccepted("carol")
	sent := f.server.lastQuery(t).Attributes
	require.Len(t, sent, 2)
	require.Equal(t, "vault:carol@192.0.2.7", string(sent.Get(rfc2865.CalledStationID_Type)))
	require.Equal(t, []byte{0, 0, 5, 120}, []byte(sent.Get(rfc2865.FramedMTU_Type)))
	require.NotContains(t, f.log.String(), "request_attributes")
}

func TestRequestAttributesGoToNoOtherSource(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.RequestAttributes = []profile.Item{itemOf("Framed-MTU", "+=", "1400")} })
	id, branch := f.saveSource("branch", source.TypeRADIUS, nil)
	f.saveUser("carol", func(u *users.User) { u.Source = id })
	f.requireAccepted("carol")
	require.Empty(t, branch.lastQuery(t).Attributes)
}

func TestRequestAttributeWithoutAValueIsNotSentAndLogged(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) {
		c.RequestAttributes = []profile.Item{itemOf("Login-LAT-Node", "+=", "%{Login-LAT-Group}"), itemOf("Framed-MTU", "+=", "1400")}
	})
	f.requireAccepted("carol")
	sent := f.server.lastQuery(t).Attributes
	require.Len(t, sent, 1)
	require.NotNil(t, sent.Get(rfc2865.FramedMTU_Type))
	require.Contains(t, f.log.String(), "request_attributes: not all could be sent")
	require.Contains(t, f.log.String(), "Login-LAT-Node is left out")
}

// Values that are fine one by one may be too long together.
func TestRequestAttributesThatDoNotFitTogetherAreNotSent(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.storage.entries[catalog.DictionaryKeyPrefix+"acme"] = []byte(`{"text":"ATTRIBUTE Acme-Group 105 tlv\n` +
		`ATTRIBUTE Acme-One 105.1 string\nATTRIBUTE Acme-Two 105.2 string\n"}`)
	f.service.Dictionaries.Drop()
	f.configure(func(c *Config) {
		c.RequestAttributes = []profile.Item{
			itemOf("Acme-One", "+=", strings.Repeat("1", 200)), itemOf("Acme-Two", "+=", strings.Repeat("2", 200)),
		}
	})
	f.requireAccepted("carol")
	require.Empty(t, f.server.lastQuery(t).Attributes)
	require.Contains(t, f.log.String(), "none was sent: ")
}

func TestFaultsOfStorageStopALoginBeforeTheSourceIsAsked(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{catalog.KeyPrefix, catalog.DictionaryKeyPrefix} {
		f := newFixture(t, nil)
		f.saveUser("carol", assign(f.saveChecked("open")))
		f.service.Dictionaries.Drop()
		f.storage.breakKeys(prefix)
		_, err := f.authenticate(Attempt{Username: "carol", Password: rightPassword})
		require.ErrorIs(t, err, ErrReadFault, prefix)
		require.Empty(t, f.server.takeQueried(), prefix)
		require.Contains(t, f.log.String(), errBroken.Error(), prefix)
	}
}

// The built-in method, which checks less, may have stored it.
func TestStoredConfigThatIsNotValidRefusesItsLogins(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.Host, c.Secret, c.NASPortType = "127.0.0.1", "testing123", "carrier pigeon" })
	result := f.login("carol", rightPassword)
	require.Equal(t, &Refusal{Text: NotConfiguredText}, shown(result.Refusal))
	require.Contains(t, f.log.String(), "nas_port_type")
}

func TestClientAttributesThatAreNotValidLetNoLoginIn(t *testing.T) {
	t.Parallel()
	authorization := authorizationBy()
	authorization.clientAttributes = map[string]string{"no name": "x"}
	_, _, err := authorization.evaluate(acceptWith(), mondayNoon)
	require.ErrorContains(t, err, `client attribute "no name"`)
}

func TestRecheckKeepsToTheClockOfTheZone(t *testing.T) {
	t.Parallel()
	office := compileProfile(t, 1, "office", []profile.Item{itemOf("Login-Time", ":=", "Wk0800-1300")}, nil)
	matched := []*catalog.Compiled{office}
	ends, err := recheck(matched, nil, time.UTC, mondayNoon)
	require.NoError(t, err)
	require.True(t, mondayNoon.Add(61*time.Minute).Equal(ends.First()), "with the minute of 13:00")

	_, err = recheck(matched, nil, loadZone(t, "Europe/Berlin"), mondayNoon)
	require.ErrorContains(t, err, "profile office: Login-Time := Wk0800-1300")
	_, err = recheck(matched, nil, nil, mondayNoon)
	require.ErrorIs(t, err, ErrUnknownZone)
	ends, err = recheck(nil, nil, nil, mondayNoon)
	require.NoError(t, err)
	require.True(t, ends.First().IsZero())
}

func TestRecheckKeepsToTheLimitsOfProfilesThatMayMatchNow(t *testing.T) {
	t.Parallel()
	open := compileProfile(t, 1, "open", nil, nil)
	rejects := []profile.Item{itemOf("Current-Time", "==", "Al0000-2359"), itemOf("Auth-Type", ":=", "Reject")}
	night := compileProfile(t, 2, "night", rejects, nil)
	_, err := recheck([]*catalog.Compiled{open}, []*catalog.Compiled{night}, time.UTC, mondayNoon)
	require.ErrorContains(t, err, "profile night: Auth-Type := Reject")
}
