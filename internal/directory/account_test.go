package directory

import (
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/directorytest"
)

// Directories refuse an account, and what comes in clear text, with the same result.
func TestResultThatOneAccountGetsIsARefusalAndThatOfAllIsNot(t *testing.T) {
	t.Parallel()
	ways := map[string]func(*Config){
		"base":     func(*Config) {},
		"template": func(c *Config) { c.BindDN = "uid={{username}}," + people },
		"search":   func(c *Config) { c.BindDN, c.Search = "", &Search{BaseDN: people} },
		"searcher": func(c *Config) {
			c.BindDN, c.Search = "", &Search{BaseDN: people, BindDN: "cn=vault", BindPassword: "x"}
		},
		"the domain": func(c *Config) { c.Kind, c.Domain = ActiveDirectory, "corp.example.org" },
	}
	for way, change := range ways {
		for _, result := range []uint16{48, 50, 53} {
			for _, ofAll := range []bool{false, true} {
				if ofAll && way == "searcher" {
					continue // else it could not have searched
				}
				s := scripted(t, func(r directorytest.Request) directorytest.Answer {
					if r.Bind && r.DN != "" && (ofAll || strings.Contains(r.DN, "alice")) {
						return directorytest.Answer{Result: result, Diagnostic: "Account inactivated."}
					}
					answer := knowsAlice(r)
					if r.Bind && r.DN == "cn=vault" {
						answer.Result = 0
					}
					return answer
				})
				verdict, err := newClient(t, change, s.Port()).Authenticate(t.Context(), alice)
				if ofAll {
					var misconfigured *ConfigurationError
					require.ErrorAs(t, err, &misconfigured, "%s %d", way, result)
					require.ErrorContains(t, err, `the directory says "Account inactivated."`)
					continue
				}
				require.NoError(t, err, "%s %d", way, result)
				require.False(t, verdict.Accepted)
				require.Contains(t, verdict.Reason, `the directory says "Account inactivated."`)
			}
		}
	}
}

func TestResultsOfASearchAreMistakesOfTheSource(t *testing.T) {
	t.Parallel()
	const anonymous = "it allows no anonymous search: set search_binddn and search_password (result "
	for result, want := range map[uint16]struct{ search, anonymous string }{
		8:  {"ssl or starttls (result 8)", anonymous + "8)"},
		13: {"ssl or starttls (result 13)", "ssl or starttls (result 13)"},
		32: {
			"there is nothing at user_search_base (result 32)",
			"there is nothing at user_search_base, or an anonymous search does not see it: see search_binddn (result 32)",
		},
		48: {"(result 48)", anonymous + "48)"},
		50: {"search_binddn (result 50)", anonymous + "50)"},
		53: {"(result 53)", anonymous + "53)"},
	} {
		s := scripted(t, func(r directorytest.Request) directorytest.Answer {
			if r.Bind {
				return directorytest.Answer{}
			}
			return directorytest.Answer{Result: result}
		})
		for searcher, text := range map[string]string{"cn=vault": want.search, "": want.anonymous} {
			client := newClient(t, func(c *Config) {
				c.BindDN, c.Search = "", &Search{BaseDN: people, BindDN: searcher, BindPassword: searcher}
			}, s.Port())
			_, err := client.Authenticate(t.Context(), alice)
			var misconfigured *ConfigurationError
			require.ErrorAs(t, err, &misconfigured, "%d %q", result, searcher)
			require.ErrorContains(t, err, text, "%d %q", result, searcher)
		}
	}
}

func TestSearcherThatTheDirectoryDoesNotLetInIsAMistakeOfTheSource(t *testing.T) {
	t.Parallel()
	for result, want := range map[uint16]string{
		19: "it refuses search_binddn with search_password: the account is locked, or its password has expired (result 19)",
		48: "it does not let search_binddn bind: see its log (result 48)",
		50: "it does not let search_binddn bind: see its log (result 50)",
		53: `it does not let search_binddn bind: see its log (result 53): the directory says "inactive"`,
	} {
		s := scripted(t, func(directorytest.Request) directorytest.Answer {
			return directorytest.Answer{Result: result, Diagnostic: "inactive"}
		})
		client := newClient(t, func(c *Config) {
			c.BindDN, c.Search = "", &Search{BaseDN: people, BindDN: "cn=vault", BindPassword: "x"}
		}, s.Port())
		_, err := client.Authenticate(t.Context(), alice)
		var misconfigured *ConfigurationError
		require.ErrorAs(t, err, &misconfigured)
		require.ErrorContains(t, err, want)
	}
}

func TestAnonymousUserThatMayNotBindSearchesNothing(t *testing.T) {
	t.Parallel()
	s := scripted(t, func(r directorytest.Request) directorytest.Answer {
		return directorytest.Answer{Result: 48, Diagnostic: "anonymous bind disallowed"}
	})
	_, err := newClient(t, func(c *Config) { c.BindDN, c.Search = "", &Search{BaseDN: people} }, s.Port()).Authenticate(t.Context(), alice)
	require.ErrorContains(t, err, `it allows no anonymous search: set search_binddn and search_password (result 48):`+
		` the directory says "anonymous bind disallowed"`)
}

func TestControlsOfABindSayWhatBecomesOfThePassword(t *testing.T) {
	t.Parallel()
	policy := func(expire, grace int64, problem int8) ldap.Control {
		return &ldap.ControlBeheraPasswordPolicy{Expire: expire, Grace: grace, Error: problem}
	}
	mustChange, warning := &ldap.ControlVChuPasswordMustChange{MustChange: true}, &ldap.ControlVChuPasswordWarning{Expire: 3600}
	for name, test := range map[string]struct {
		controls         []ldap.Control
		accepted, failed string // the refusal, after a bind that succeeded, and one that failed
		notice           string
	}{
		"nothing":                 {nil, "", "", ""},
		"no word":                 {[]ldap.Control{policy(-1, -1, -1)}, "", "", ""},
		"expired":                 {[]ldap.Control{policy(-1, -1, 0)}, expiredText, expiredText, ""},
		"locked":                  {[]ldap.Control{policy(-1, -1, 1)}, "the account is locked", "the account is locked", ""},
		"reset":                   {[]ldap.Control{policy(-1, -1, 2)}, mustChangeText, mustChangeText, ""},
		"reset, and expires":      {[]ldap.Control{mustChange, policy(86400, -1, 2)}, mustChangeText, mustChangeText, ""},
		"reset, and a grace":      {[]ldap.Control{policy(-1, 1, 2), mustChange}, mustChangeText, mustChangeText, ""},
		"about a new password":    {[]ldap.Control{policy(-1, -1, 8)}, "", "", ""},
		"old control":             {[]ldap.Control{mustChange}, mustChangeText, expiredText, ""},
		"old control, no word":    {[]ldap.Control{mustChange, policy(-1, -1, -1)}, mustChangeText, expiredText, ""},
		"old control and a grace": {[]ldap.Control{mustChange, policy(-1, 0, -1)}, "", "", "logins left until a new one must be set: 0"},
		"grace":                   {[]ldap.Control{policy(-1, 3, -1)}, "", "", "logins left until a new one must be set: 3"},
		"expires":                 {[]ldap.Control{policy(60, -1, -1)}, "", "", "the password expires in 1m0s"},
		"old warning":             {[]ldap.Control{warning}, "", "", "the password expires in 1h0m0s"},
	} {
		accepted := readPasswordState(test.controls, true)
		require.Equal(t, test.accepted, accepted.refusal, name)
		require.Equal(t, test.failed, readPasswordState(test.controls, false).refusal, name)
		require.Contains(t, accepted.notice(), test.notice, name)
		require.Equal(t, test.notice == "", accepted.notice() == "", name)
	}
}

func TestGroupsAreSearchedWithTheNameThatTheEntryHas(t *testing.T) {
	t.Parallel()
	s := scripted(t, func(r directorytest.Request) directorytest.Answer {
		if r.Bind {
			return directorytest.Answer{}
		}
		carla := ldap.NewEntry("uid=Carla,"+people, map[string][]string{"uid": {"Carla"}, "cn": {"group"}})
		return directorytest.Answer{Entries: []*ldap.Entry{carla}}
	})
	client := newClient(t, func(c *Config) { c.Groups = &GroupSearch{BaseDN: people, Filter: "(memberUid={{username}})"} }, s.Port())
	carla := Credentials{Username: "carla", Password: password, SameName: func(string) bool { return true }}
	verdict, err := client.Authenticate(t.Context(), carla)
	require.NoError(t, err)
	require.True(t, verdict.Accepted, verdict.Reason)
	requests := s.Requests()
	require.Equal(t, "(memberUid=Carla)", requests[len(requests)-1].Filter)
}

func TestPrimaryGroupCountsWhereAFilterAsksForMembers(t *testing.T) {
	t.Parallel()
	const inChain = "(member:1.2.840.113556.1.4.1941:={{dn}})"
	sid, nested := "(objectSid="+primarySIDPlace+")", "(member:1.2.840.113556.1.4.1941:="+primaryDNPlace+")"
	for filter, want := range map[string]string{
		adGroupFilter:                       "(&(objectClass=group)(|" + inChain + sid + nested + "))",
		"(&(cn=a*)(member={{dn}}))":         "(&(cn=a*)(|(member={{dn}})" + sid + "))",
		"(!(MEMBER={{dn}}))":                "(!(|(MEMBER={{dn}})" + sid + "))",
		"(managedBy={{dn}})":                "(managedBy={{dn}})",
		"(|(member={{dn}})" + inChain + ")": "(|(|(member={{dn}})" + sid + ")(|" + inChain + sid + nested + "))",
		"(description={{username}})":        "(description={{username}})",
	} {
		require.Equal(t, want, withPrimaryGroup(filter), filter)
		places := strings.NewReplacer(dnPlace, "x", usernamePlace, "x", primarySIDPlace, `\01`, primaryDNPlace, "x")
		_, err := ldap.CompileFilter(places.Replace(want))
		require.NoError(t, err, want)
	}
}

// S-1-5-21-1-2-3-1104 in the group 513, Domain Users.
func TestPrimaryGroupIsInTheDomainOfTheAccount(t *testing.T) {
	t.Parallel()
	const domain = "\x01\x05\x00\x00\x00\x00\x00\x05\x15\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03\x00\x00\x00"
	account := func(sid, number string) *ldap.Entry {
		return ldap.NewEntry("cn=x", map[string][]string{"objectsid": {sid}, "primaryGroupID": {number}})
	}
	require.Equal(t, domain+"\x01\x02\x00\x00", string(primaryGroupSID(account(domain+"\x50\x04\x00\x00", "513"))))
	for _, entry := range []*ldap.Entry{
		account("", "513"), account(domain+"\x50\x04\x00\x00", ""), account(domain, "513"),
		account(domain+"\x50\x04\x00\x00", "4294967296"),
		account("\x01\x00\x00\x00\x00\x00\x00\x05", "513"), ldap.NewEntry("cn=x", nil),
	} {
		require.Nil(t, primaryGroupSID(entry), "%v", entry.Attributes)
	}
}

func TestAnswerThatCannotBeReadIsNoWordOnThePassword(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{"nothing": "", "another error": "\x30\x03\x81\x01\x09", "a text": "abc"} {
		s := scripted(t, func(r directorytest.Request) directorytest.Answer {
			answer := knowsAlice(r)
			answer.Controls = map[string]string{ldap.ControlTypeBeheraPasswordPolicy: value}
			return answer
		})
		_, err := newClient(t, nil, s.Port()).Authenticate(t.Context(), alice)
		var unavailable *UnavailableError
		require.ErrorAs(t, err, &unavailable, name)
		require.ErrorContains(t, err, "no answer can be read", name)
	}
}
