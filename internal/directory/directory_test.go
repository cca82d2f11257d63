package directory

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/directorytest"
)

const (
	people   = directorytest.People
	password = "alice-password"
)

var alice = Credentials{Username: "alice", Password: password}

// entry returns a user's entry as a scripted directory finds it.
func entry(uid string) *ldap.Entry {
	return ldap.NewEntry(directorytest.PersonDN(uid), map[string][]string{"uid": {uid}, "mail": {uid + "@example.org"}})
}

// knowsAlice takes alice's password, and returns her entry.
func knowsAlice(r directorytest.Request) directorytest.Answer {
	switch {
	case !r.Bind:
		return directorytest.Answer{Entries: []*ldap.Entry{entry("alice")}}
	case r.Password == password, r.DN == "": // the latter is anonymous, to search
		return directorytest.Answer{}
	}
	return directorytest.Answer{Result: ldap.LDAPResultInvalidCredentials}
}

func scripted(t *testing.T, answer func(directorytest.Request) directorytest.Answer) *directorytest.Scripted {
	t.Helper()
	s, err := directorytest.StartScripted("127.0.0.1:0", answer)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// newClient asks the servers; change completes the config.
func newClient(t *testing.T, change func(*Config), ports ...int) *Client {
	t.Helper()
	config := Config{Kind: LDAP, Security: Cleartext, BindDN: people, Timeout: 10 * time.Second}
	for _, port := range ports {
		config.Servers = append(config.Servers, Server{"127.0.0.1", port})
	}
	if change != nil {
		change(&config)
	}
	client, err := New(config)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client
}

func TestUserBindsAsTheEntryWithTheName(t *testing.T) {
	t.Parallel()
	s := scripted(t, knowsAlice)
	client := newClient(t, func(c *Config) { c.Attributes = []string{"mail"} }, s.Port())
	verdict, err := client.Authenticate(t.Context(), alice)
	require.NoError(t, err)
	require.True(t, verdict.Accepted)
	require.Equal(t, "uid=alice,"+people, verdict.DN)
	require.Equal(t, map[string][]string{"mail": {"alice@example.org"}}, verdict.Attributes)
	require.Equal(t, "uid=alice,"+people, s.Requests()[0].DN)

	verdict, err = client.Authenticate(t.Context(), Credentials{Username: "alice", Password: "wrong"})
	require.NoError(t, err)
	require.False(t, verdict.Accepted)
	require.Contains(t, verdict.Reason, "result 49")
	require.Equal(t, "127.0.0.1:"+strconv.Itoa(s.Port()), verdict.Server)
}

func TestEmptyPasswordNeverReachesTheDirectory(t *testing.T) {
	t.Parallel()
	s := scripted(t, func(directorytest.Request) directorytest.Answer {
		return directorytest.Answer{Entries: []*ldap.Entry{entry("alice")}} // as a directory that allows unauthenticated binds
	})
	verdict, err := newClient(t, nil, s.Port()).Authenticate(t.Context(), Credentials{Username: "alice"})
	require.NoError(t, err)
	require.False(t, verdict.Accepted)
	require.Contains(t, verdict.Reason, "empty")
	made, _ := s.Connections()
	require.Zero(t, made)
}

func TestPasswordIsNotSentInClearTextUnlessAskedFor(t *testing.T) {
	t.Parallel()
	s := scripted(t, knowsAlice)
	_, err := newClient(t, func(c *Config) { c.Security = "" }, s.Port()).Authenticate(t.Context(), alice)
	var misconfigured *ConfigurationError
	require.ErrorAs(t, err, &misconfigured)
	require.ErrorContains(t, err, "allow_cleartext")
	made, _ := s.Connections()
	require.Zero(t, made)
}

func TestHostileNamesAreRefusedOrEscaped(t *testing.T) {
	t.Parallel()
	s := scripted(t, func(r directorytest.Request) directorytest.Answer {
		if r.Bind {
			return directorytest.Answer{}
		}
		return directorytest.Answer{Entries: []*ldap.Entry{entry("alice")}}
	})
	byDN := newClient(t, nil, s.Port())
	bySearch := newClient(t, func(c *Config) { c.BindDN, c.Search = "", &Search{BaseDN: people} }, s.Port())
	escaped := map[string][2]string{ // the DN of the bind, the filter of the search
		"*)(uid=*":  {"uid=*)(uid=*," + people, `(uid=\2a\29\28uid=\2a)`},
		"a,dc=x":    {`uid=a\,dc=x,` + people, "(uid=a,dc=x)"},
		`\`:         {`uid=\\,` + people, `(uid=\5c)`},
		`"q"`:       {`uid=\"q\",` + people, `(uid="q")`},
		"../x":      {"uid=../x," + people, "(uid=../x)"},
		"uid=alice": {"uid=uid=alice," + people, "(uid=uid=alice)"},
		"#a+b;c<d>": {`uid=\#a\+b\;c\<d\>,` + people, "(uid=#a+b;c<d>)"},
	}
	for name, want := range escaped {
		before := len(s.Requests())
		for _, client := range []*Client{byDN, bySearch} {
			verdict, err := client.Authenticate(t.Context(), Credentials{Username: name, Password: password})
			require.NoError(t, err)
			require.False(t, verdict.Accepted, "%q is not alice", name)
		}
		var bind, search bool
		for _, request := range s.Requests()[before:] {
			bind = bind || request.DN == want[0]
			search = search || request.Filter == want[1]
		}
		require.True(t, bind && search, "%q: %v", name, s.Requests()[before:])
	}
	before := len(s.Requests())
	for _, name := range []string{
		"", " alice", "alice ", "alice\x00", "ali\nce", "alice\u202e", "a\u200fb", "\xff",
		strings.Repeat("a", 1<<20), "alice\u00a0",
	} {
		for _, client := range []*Client{byDN, bySearch} {
			verdict, err := client.Authenticate(t.Context(), Credentials{Username: name, Password: password})
			require.NoError(t, err)
			require.False(t, verdict.Accepted)
			require.NotEmpty(t, verdict.Reason)
		}
	}
	require.Len(t, s.Requests(), before, "none of them was sent")
	for _, name := range []string{"a@b", `CORP\a`, "a/b", "a*"} {
		require.Error(t, ActiveDirectory.CheckUsername(name))
		require.NoError(t, LDAP.CheckUsername(name))
	}
}

func TestOneEntryHasOneName(t *testing.T) {
	t.Parallel()
	s := scripted(t, func(r directorytest.Request) directorytest.Answer {
		if r.Bind {
			return directorytest.Answer{} // directories ignore case and spaces
		}
		if strings.Contains(r.DN, "two") {
			return directorytest.Answer{Entries: []*ldap.Entry{ldap.NewEntry("uid=two,"+people, map[string][]string{"uid": {"2", "two"}})}}
		}
		if strings.Contains(r.DN, "odd") {
			odd := ldap.NewEntry("cn=odd,"+people, map[string][]string{"uid": {"odd", "even"}})
			return directorytest.Answer{Entries: []*ldap.Entry{odd}}
		}
		return directorytest.Answer{Entries: []*ldap.Entry{ldap.NewEntry("uid=Alice,"+people, map[string][]string{"UID": {"Alice"}})}}
	})
	client := newClient(t, nil, s.Port())
	for name, want := range map[string]bool{"Alice": true, "ALICE": false, "alice": false, "two": true, "uid=Alice": false} {
		verdict, err := client.Authenticate(t.Context(), Credentials{Username: name, Password: password})
		require.NoError(t, err)
		require.Equal(t, want, verdict.Accepted, name)
		if !want {
			require.Contains(t, verdict.Reason, `"Alice"`)
		}
	}
	verdict, err := client.Authenticate(t.Context(), Credentials{
		Username: "alice", Password: password,
		SameName: func(spelled string) bool { return strings.EqualFold(spelled, "alice") },
	})
	require.NoError(t, err)
	require.True(t, verdict.Accepted, "the mount has it in lower case")
	_, err = client.Authenticate(t.Context(), Credentials{Username: "odd", Password: password})
	require.ErrorContains(t, err, "has 2 values of uid, and one account has one name: give an attribute with one value as user_attribute")
}

func TestSearchThatFindsNoneOrSeveralLetsNoUserIn(t *testing.T) {
	t.Parallel()
	found := map[string][]*ldap.Entry{"(uid=none)": nil, "(uid=both)": {entry("both"), entry("both")}}
	s := scripted(t, func(r directorytest.Request) directorytest.Answer {
		return directorytest.Answer{Entries: found[r.Filter]}
	})
	client := newClient(t, func(c *Config) { c.BindDN, c.Search = "", &Search{BaseDN: people} }, s.Port())
	for _, name := range []string{"none", "both"} {
		verdict, err := client.Authenticate(t.Context(), Credentials{Username: name, Password: password})
		require.NoError(t, err)
		require.False(t, verdict.Accepted)
		require.NotEmpty(t, verdict.Reason)
	}
	for _, request := range s.Requests() {
		require.Empty(t, request.Password, "nobody bound but the searcher")
	}
}

func TestWrongSearcherIsNotAWrongPassword(t *testing.T) {
	t.Parallel()
	s := scripted(t, knowsAlice)
	client := newClient(t, func(c *Config) {
		c.BindDN, c.Search = "", &Search{BaseDN: people, BindDN: directorytest.AdminDN, BindPassword: "wrong"}
	}, s.Port())
	_, err := client.Authenticate(t.Context(), alice)
	var misconfigured *ConfigurationError
	require.ErrorAs(t, err, &misconfigured)
	require.ErrorContains(t, err, "search_password")
}

func TestResultsHaveTheirOwnTexts(t *testing.T) {
	t.Parallel()
	const recorded = "80090308: LdapErr: DSID-0C090439, comment: AcceptSecurityContext error, data %s, v4563"
	type want struct {
		kind string // of the answer: reason, configuration or unavailable
		text string
	}
	tests := map[string]struct {
		answer directorytest.Answer
		want   want
	}{
		"8":  {directorytest.Answer{Result: 8}, want{"configuration", "ssl or starttls (result 8)"}},
		"10": {directorytest.Answer{Result: 10, Referrals: []string{"ldap://127.0.0.1:1/"}}, want{"configuration", "no password is sent"}},
		"34": {directorytest.Answer{Result: 34}, want{"configuration", "ldap_binddn"}},
		"49": {directorytest.Answer{Result: 49}, want{"reason", "result 49"}},
		"51": {directorytest.Answer{Result: 51}, want{"unavailable", "busy"}},
		"52": {directorytest.Answer{Result: 52}, want{"unavailable", "not available"}},
		"53": {directorytest.Answer{Result: 53}, want{"configuration", "not willing"}},
		"32": {directorytest.Answer{Result: 32}, want{"reason", "no such entry"}},
		"99": {directorytest.Answer{Result: 99}, want{"configuration", "result 99"}},
	}
	for code, text := range subCodeTexts {
		tests["49 "+code] = struct {
			answer directorytest.Answer
			want   want
		}{directorytest.Answer{Result: 49, Diagnostic: fmt.Sprintf(recorded, code)}, want{"reason", text}}
	}
	for _, code := range []string{"525", "532"} { // which Samba never says
		require.Contains(t, tests, "49 "+code)
	}
	texts := map[string]string{}
	for name, test := range tests {
		s := scripted(t, func(directorytest.Request) directorytest.Answer { return test.answer })
		verdict, err := newClient(t, nil, s.Port()).Authenticate(t.Context(), alice)
		require.False(t, verdict.Accepted)
		kind, text := "reason", verdict.Reason
		var unavailable *UnavailableError
		var misconfigured *ConfigurationError
		switch {
		case errors.As(err, &unavailable):
			kind, text = "unavailable", err.Error()
		case errors.As(err, &misconfigured):
			kind, text = "configuration", err.Error()
		}
		require.Equal(t, test.want.kind, kind, name)
		require.Contains(t, text, test.want.text, name)
		require.NotContains(t, text, password)
		text = strings.ReplaceAll(text, strconv.Itoa(s.Port()), "")
		require.NotContains(t, texts, text, "%s has a text of its own", name)
		texts[text] = name
	}
}

func TestReferralsAreNotFollowed(t *testing.T) {
	t.Parallel()
	elsewhere := scripted(t, knowsAlice)
	url := fmt.Sprintf("ldap://127.0.0.1:%d/%s", elsewhere.Port(), people)
	s := scripted(t, func(r directorytest.Request) directorytest.Answer {
		answer := knowsAlice(r)
		if r.Bind && r.Password == "referred" {
			return directorytest.Answer{Result: ldap.LDAPResultReferral, Referrals: []string{url}}
		}
		answer.Continue = []string{url}
		return answer
	})
	client := newClient(t, func(c *Config) { c.BindDN, c.Search = "", &Search{BaseDN: people} }, s.Port())
	verdict, err := client.Authenticate(t.Context(), alice)
	require.NoError(t, err)
	require.True(t, verdict.Accepted, "a continuation reference is left out")
	_, err = client.Authenticate(t.Context(), Credentials{Username: "alice", Password: "referred"})
	require.ErrorContains(t, err, "result 10")
	made, _ := elsewhere.Connections()
	require.Zero(t, made)
}

func TestWrongConfigsNameTheirField(t *testing.T) {
	t.Parallel()
	for field, change := range map[string]func(*Config){
		"ldap_binddn":            func(c *Config) { c.BindDN = "people" },
		"user_attribute":         func(c *Config) { c.UserAttribute = "u)(id" },
		"user_search_base":       func(c *Config) { c.Search = &Search{BaseDN: ""} },
		"user_search_filter":     func(c *Config) { c.Search = &Search{BaseDN: people, Filter: "(uid={{username}}"} },
		"{{username}}":           func(c *Config) { c.Search = &Search{BaseDN: people, Filter: "(uid=alice)"} },
		"search_password":        func(c *Config) { c.Search = &Search{BaseDN: people, BindDN: "cn=x"} },
		"ad_domain":              func(c *Config) { c.Kind, c.Domain = ActiveDirectory, "corp.example.com " },
		"ssl_cert":               func(c *Config) { c.Security, c.CACertificates = LDAPS, "no PEM" },
		"group_search_base":      func(c *Config) { c.Groups = &GroupSearch{} },
		"group_search_filter":    func(c *Config) { c.Groups = &GroupSearch{BaseDN: people, Filter: "(cn=x)"} },
		"group_search_attribute": func(c *Config) { c.Groups = &GroupSearch{BaseDN: people, Attribute: "c n"} },
		"reply_attributes":       func(c *Config) { c.Attributes = []string{"*"} },
	} {
		config := Config{Kind: LDAP, BindDN: people, Servers: []Server{{"h", 1}}, Timeout: time.Second}
		require.NoError(t, config.Check())
		change(&config)
		require.ErrorContains(t, config.Check(), field)
		_, err := New(config)
		require.Error(t, err)
	}
}
