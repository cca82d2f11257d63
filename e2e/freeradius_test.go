package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
)

const (
	oddName      = `zo"ë\%{x}`
	oddPassword  = `pä"s\s %{User-Name} ${x} 'w' €&=+%25`
	evilName     = `%{echo:/usr/bin/id} %{client:secret} "\%{x}`
	inTheOffice  = `Called-Station-Id = "office"`
	ntHash       = "nt:891fc570507eef023cbfec043dd5f2b1"
	ntPassword   = "Cam0_liX" // of ntHash
	bobsPassword = "bob-password"
)

func TestFreeRADIUSKeepsItsUsersAndSessionsInVault(t *testing.T) {
	t.Parallel()
	stores := map[string]func(t *testing.T) map[string]any{
		"vault": func(*testing.T) map[string]any { return map[string]any{"store": "vault"} },
		"postgres": func(t *testing.T) map[string]any {
			return map[string]any{"store": "postgres", "connection_url": startPostgres(t).URL("postgres")}
		},
	}
	behaviours := []struct {
		name string
		test func(t *testing.T, v *vaultServer, f *frontend)
	}{
		{"reply attributes of the profile that matches are sent", testReplyAttributes},
		{"login is rejected if no profile matches", testNoProfileMatches},
		{"wrong password is rejected", testWrongPassword},
		{"name and password may have any character", testOddNameAndPassword},
		{"name is expanded once, and not run", testEvilName},
		{"names that look like syntax are rejected", testNamesLikeSyntax},
		{"names with control octets are no other name", testNamesWithControlOctets},
		{"disabled, expired and unknown users are rejected", testUsersThatMayNotLogIn},
		{"MS-CHAP works with an NT hash that is exposed", testMSCHAP},
		{"counters have 64 bits, and a session ends once", testCountersOfSession},
		{"Acct-Delay-Time is subtracted", testDelayedSession},
		{"copy of a Start begins no session", testCopiedStart},
		{"sessions are filtered and paged, the newest first", testPagesOfSessions},
		{"Accounting-On ends the sessions of a NAS", testAccountingOn},
		{"attempts are logged, without passwords", testLoggedAttempts},
		{"packets over IPv6 are answered", testIPv6},
		{"octets that are not UTF-8 are kept", testOctetsOfStation},
		{"token that is not valid is answered with silence", testFrontendWithoutToken},
		{"quota of Vault is answered with silence", testQuota},
	}
	for name, config := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fixture := startFreeRADIUSFixture(t, config(t))
			for _, behaviour := range behaviours {
				fixture.run(t, behaviour.name, behaviour.test)
			}
		})
	}
}

// startFreeRADIUSFixture starts a Vault with profiles and users, whose sessions are in the store that
// config names, and its FreeRADIUS.
func startFreeRADIUSFixture(t *testing.T, config map[string]any) *freeRADIUSFixture {
	t.Helper()
	v := startPlugin(t)
	v.write("auth/radius/config", map[string]any{"extauth": "local", "password_hash_cost": 1, "password_hash_algorithm": "argon2id"})
	v.write("auth/radius/freeradius/config", config)
	f := startFrontend(t, v)
	v.write("auth/radius/profiles", map[string]any{
		"name": "Office", "short_name": "office",
		"check_attribute": []any{map[string]any{"attribute": "Called-Station-Id", "op": "==", "value": "office"}},
		"reply_attribute": []any{
			map[string]any{"attribute": "Session-Timeout", "op": ":=", "value": "3600"},
			map[string]any{"attribute": "Reply-Message", "op": ":=", "value": `100%% \ "%%{echo:/usr/bin/id} %%{client:secret} ${x}`},
			map[string]any{"attribute": "Cisco-AVPair", "op": "+=", "value": "a=1"},
			map[string]any{"attribute": "Cisco-AVPair", "op": "+=", "value": "b=2"},
			map[string]any{"attribute": "Tunnel-Type:1", "op": "+=", "value": "VLAN"},
			map[string]any{"attribute": "Tunnel-Type:2", "op": "+=", "value": "GRE"},
			map[string]any{"attribute": "Class", "op": ":=", "value": "0x00ff41"},
		},
	})
	v.write("auth/radius/profiles", map[string]any{
		"name": "Greeting", "short_name": "greeting",
		"reply_attribute": []any{map[string]any{"attribute": "Reply-Message", "op": ":=", "value": "Hello %{User-Name}"}},
	})
	for name, fields := range map[string]map[string]any{
		"bob":      {"password": bobsPassword, "profiles": "office"},
		"disabled": {"password": "the-password", "enabled": false},
		"expired":  {"password": "the-password", "expires_at": "2020-01-01"},
		oddName:    {"password": oddPassword},
		evilName:   {"password": "the-password", "profiles": "greeting"},
		"mia":      {"password_hash": ntHash, "expose_credential": true},
		"secret":   {"password_hash": ntHash},
	} {
		fields["extauth"] = "local"
		status, answer := v.request(http.MethodPost, "auth/radius/users/"+pathEscape(name), "application/json", mustMarshal(t, fields))
		require.Less(t, status, 300, answer)
	}
	return &freeRADIUSFixture{vault: v, frontend: f}
}

func testReplyAttributes(t *testing.T, _ *vaultServer, f *frontend) {
	answer := f.login("bob", bobsPassword, inTheOffice)
	require.True(t, strings.HasPrefix(answer, "Access-Accept"), answer)
	for _, want := range []string{
		"Session-Timeout = 3600", `Reply-Message = "100% \\ \"%{echo:/usr/bin/id} %{client:secret} ${x}"`,
		`Cisco-AVPair = "a=1"`, `Cisco-AVPair = "b=2"`,
		"Tunnel-Type:1 = VLAN", "Tunnel-Type:2 = GRE", "Class = 0x00ff41", "Message-Authenticator = 0x",
	} {
		require.Contains(t, answer, want)
	}
	require.NotContains(t, f.Log(), "uid=", "nothing was run")
}

func testNoProfileMatches(t *testing.T, _ *vaultServer, f *frontend) {
	require.Contains(t, f.login("bob", bobsPassword, `Called-Station-Id = "home"`), "Access-Reject")
}

func testWrongPassword(t *testing.T, _ *vaultServer, f *frontend) {
	require.Contains(t, f.login("bob", "wrong"), "Access-Reject")
	require.Contains(t, f.login("bob", "wrong", inTheOffice), "Access-Reject")
}

func testOddNameAndPassword(t *testing.T, _ *vaultServer, f *frontend) {
	require.Equal(t, radius.CodeAccessAccept, f.outcome(oddName, oddPassword))
}

func testEvilName(t *testing.T, _ *vaultServer, f *frontend) {
	greeted := f.answer(evilName, "the-password")
	require.Equal(t, radius.CodeAccessAccept, greeted.Code)
	require.Equal(t, "Hello "+evilName, rfc2865.ReplyMessage_GetString(greeted))
	require.NotContains(t, f.Log(), "uid=", "nothing was run")
}

func testNamesLikeSyntax(t *testing.T, _ *vaultServer, f *frontend) {
	for _, name := range []string{"new\nline", `bob","x":"`, "%{User-Password}", "${x}"} {
		require.Equal(t, radius.CodeAccessReject, f.outcome(name, bobsPassword), name)
	}
}

func testNamesWithControlOctets(t *testing.T, _ *vaultServer, f *frontend) {
	for _, name := range []string{"bob\x01", "bob\x00", "bob\xff"} {
		require.Equal(t, radius.CodeAccessReject, f.outcome(name, bobsPassword), "%q", name)
	}
}

func testUsersThatMayNotLogIn(t *testing.T, _ *vaultServer, f *frontend) {
	for _, name := range []string{"disabled", "expired", "unknown"} {
		require.Contains(t, f.login(name, "the-password"), "Access-Reject", name)
	}
}

func testMSCHAP(t *testing.T, _ *vaultServer, f *frontend) {
	login := func(name, password string) string {
		return f.ask("auth", "User-Name = "+name, "MS-CHAP-Password = "+quoted(password), "Message-Authenticator = 0x00")
	}
	require.Contains(t, login("mia", ntPassword), "Access-Accept")
	require.Contains(t, login("mia", "wrong"), "Access-Reject")
	require.Contains(t, login("secret", ntPassword), "Access-Reject", "not exposed")
	require.Contains(t, login("bob", bobsPassword), "Access-Reject", "argon2 is no NT hash")
}

func testLoggedAttempts(t *testing.T, v *vaultServer, f *frontend) {
	require.Contains(t, f.login("bob", bobsPassword, inTheOffice), "Access-Accept")
	require.Contains(t, f.login("bob", bobsPassword), "Access-Reject")
	_, attempts := v.request(http.MethodGet, "auth/radius/freeradius/postauth?username=bob&page_size=100", "", "")
	require.Contains(t, attempts, `"Access-Accept"`)
	require.Contains(t, attempts, `"Access-Reject"`)
	require.NotContains(t, attempts+v.log.String(), bobsPassword)
	require.NotContains(t, f.Log(), "uid=", "nothing was run")
}

func testIPv6(t *testing.T, v *vaultServer, f *frontend) {
	host := f.host
	f.host = "::1"
	defer func() { f.host = host }()
	require.Contains(t, f.login("bob", bobsPassword, inTheOffice), "Access-Accept")
	require.Contains(t, f.ask("acct", "Acct-Status-Type = Start", "Acct-Session-Id = s4", "User-Name = bob"), "Accounting-Response")
	require.Len(t, v.sessions("nas_ip_address=::1"), 1)
}

func testFrontendWithoutToken(t *testing.T, v *vaultServer, _ *frontend) {
	stranger := startFrontendWith(t, v, "no-such-token")
	stranger.requireSilence()
	require.Contains(t, stranger.Log(), "permission denied")
}

func testQuota(t *testing.T, v *vaultServer, f *frontend) {
	const quota = "sys/quotas/rate-limit/freeradius"
	v.write(quota, map[string]any{"path": "auth/radius/", "rate": 1, "interval": "1h"})
	defer func() {
		_, err := v.Client.Logical().Delete(quota)
		require.NoError(t, err)
	}()
	require.Contains(t, f.login("bob", bobsPassword, inTheOffice), "Access-Accept", "the login that the quota allows")
	f.requireSilence()
	require.Contains(t, f.Log(), "quota exceeded")
}

// requireSilence logs bob in and begins a session, and has no answer to either.
func (f *frontend) requireSilence() {
	f.t.Helper()
	patience := f.answersWithin
	f.answersWithin = 2 * time.Second
	defer func() { f.answersWithin = patience }()
	var login string
	var group errgroup.Group
	group.Go(func() error {
		login = f.login("bob", bobsPassword)
		return nil
	})
	require.Empty(f.t, f.account("Start", "unanswered"))
	require.NoError(f.t, group.Wait())
	require.Empty(f.t, login)
}

// pathEscape returns a name as it is in a URL.
func pathEscape(name string) string { return strings.ReplaceAll(url.PathEscape(name), "%2F", "/") }
