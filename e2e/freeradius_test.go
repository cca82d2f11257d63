package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"

	"vault-plugin-auth-radius/internal/postgrestest"
)

// sessions reads a page of sessions as JSON.
func (v *vaultServer) sessions(query string) []map[string]any {
	v.t.Helper()
	status, answer := v.request(http.MethodGet, "auth/radius/freeradius/accounting?"+query, "", "")
	require.Equal(v.t, http.StatusOK, status, answer)
	var found []map[string]any
	require.NoError(v.t, json.Unmarshal([]byte(answer), &found), answer)
	return found
}

func TestFreeRADIUSKeepsItsUsersAndSessionsInVault(t *testing.T) {
	t.Parallel()
	stores := map[string]func(t *testing.T) map[string]any{
		"vault": func(*testing.T) map[string]any { return map[string]any{"store": "vault"} },
		"postgres": func(t *testing.T) map[string]any {
			return map[string]any{"store": "postgres", "connection_url": startPostgres(t).URL("postgres")}
		},
	}
	for name, config := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := startPlugin(t)
			v.write("auth/radius/config", map[string]any{"extauth": "local", "password_hash_cost": 1, "password_hash_algorithm": "argon2id"})
			v.write("auth/radius/freeradius/config", config(t))
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
				"name": "Greeting", "short_name": "greeting", "reply_attribute": []any{map[string]any{"attribute": "Reply-Message", "op": ":=", "value": "Hello %{User-Name}"}},
			})
			const evil = `%{echo:/usr/bin/id} %{client:secret} "\%{x}`
			odd := `pä"s\s %{User-Name} ${x} 'w' €&=+%25`
			for name, fields := range map[string]map[string]any{
				"bob":       {"password": "bob-password", "profiles": "office"},
				"disabled":  {"password": "the-password", "enabled": false},
				"expired":   {"password": "the-password", "expires_at": "2020-01-01"},
				`zo"ë\%{x}`: {"password": odd},
				evil:        {"password": "the-password", "profiles": "greeting"},
				"mia":       {"password_hash": "nt:891fc570507eef023cbfec043dd5f2b1", "expose_credential": true},
				"secret":    {"password_hash": "nt:891fc570507eef023cbfec043dd5f2b1"},
			} {
				fields["extauth"] = "local"
				status, answer := v.request(http.MethodPost, "auth/radius/users/"+pathEscape(name), "application/json", mustMarshal(t, fields))
				require.Less(t, status, 300, answer)
			}

			answer := f.login("bob", "bob-password", `Called-Station-Id = "office"`)
			require.True(t, strings.HasPrefix(answer, "Access-Accept"), answer)
			for _, want := range []string{
				"Session-Timeout = 3600", `Reply-Message = "100% \\ \"%{echo:/usr/bin/id} %{client:secret} ${x}"`, `Cisco-AVPair = "a=1"`, `Cisco-AVPair = "b=2"`,
				"Tunnel-Type:1 = VLAN", "Tunnel-Type:2 = GRE", "Class = 0x00ff41", "Message-Authenticator = 0x",
			} {
				require.Contains(t, answer, want)
			}
			require.Contains(t, f.login("bob", "bob-password", `Called-Station-Id = "home"`), "Access-Reject", "no profile matches")
			require.Contains(t, f.login("bob", "wrong"), "Access-Reject")
			require.Equal(t, radius.CodeAccessAccept, f.outcome(`zo"ë\%{x}`, odd))
			greeted := f.answer(evil, "the-password")
			require.Equal(t, radius.CodeAccessAccept, greeted.Code)
			require.Equal(t, "Hello "+evil, rfc2865.ReplyMessage_GetString(greeted))
			for _, name := range []string{"new\nline", `bob","x":"`, "%{User-Password}", "${x}"} {
				require.Equal(t, radius.CodeAccessReject, f.outcome(name, "bob-password"), name)
			}
			for _, name := range []string{"bob\x01", "bob\x00", "bob\xff"} {
				require.Equal(t, radius.CodeAccessReject, f.outcome(name, "bob-password"), "%q", name)
			}
			for _, name := range []string{"disabled", "expired", "nobody"} {
				require.Contains(t, f.login(name, "the-password"), "Access-Reject", name)
			}
			mschap := func(name, password string) string {
				return f.ask("auth", "User-Name = "+name, "MS-CHAP-Password = "+quoted(password), "Message-Authenticator = 0x00")
			}
			require.Contains(t, mschap("mia", "Cam0_liX"), "Access-Accept")
			require.Contains(t, mschap("mia", "wrong"), "Access-Reject")
			require.Contains(t, mschap("secret", "Cam0_liX"), "Access-Reject", "not exposed")
			require.Contains(t, mschap("bob", "bob-password"), "Access-Reject", "argon2 is no NT hash")

			require.Contains(t, f.account("Start", "s1"), "Accounting-Response")
			require.Contains(t, f.account("Interim-Update", "s1", "Acct-Session-Time = 60", "Acct-Input-Octets = 1000", "Acct-Input-Gigawords = 1"), "Accounting-Response")
			open := v.sessions("is_open=true&username=bob")
			require.Len(t, open, 1)
			require.EqualValues(t, 4294968296, open[0]["input_octets"])
			require.Equal(t, "192.0.2.9", open[0]["nas_ip_address"])
			stop := []string{"Acct-Session-Time = 90", "Acct-Terminate-Cause = User-Request", "Acct-Input-Octets = 2000", "Acct-Input-Gigawords = 1"}
			require.Contains(t, f.account("Stop", "s1", stop...), "Accounting-Response")
			require.Contains(t, f.account("Stop", "s1", stop...), "Accounting-Response", "a copy")
			closed := v.sessions("is_open=false")
			require.Len(t, closed, 1)
			require.Equal(t, "User-Request", closed[0]["terminate_cause"])
			require.EqualValues(t, 90, closed[0]["session_time"])
			require.Contains(t, f.account("Start", "delayed", "Acct-Delay-Time = 3600"), "Accounting-Response")
			require.Contains(t, f.account("Stop", "delayed", "Acct-Delay-Time = 60"), "Accounting-Response")
			delayed := v.sessions("page_size=1&page=2") // the one that began before all else
			require.Len(t, delayed, 1)
			require.InDelta(t, 3600, time.Since(parsedTime(t, delayed[0]["start_time"])).Seconds(), 60, "it has no Event-Timestamp")
			require.InDelta(t, 60, time.Since(parsedTime(t, delayed[0]["stop_time"])).Seconds(), 55)
			require.Contains(t, f.account("Start", "copied", "Acct-Delay-Time = 40"), "Accounting-Response")
			require.Contains(t, f.account("Stop", "copied", "Acct-Delay-Time = 10"), "Accounting-Response")
			require.Contains(t, f.account("Start", "copied"), "Accounting-Response", "a copy, of which nothing tells when it was made")
			require.Len(t, v.sessions("is_open=false"), 3)
			require.Empty(t, v.sessions("is_open=true"), "it begins no session")
			require.Contains(t, f.account("Start", "s2"), "Accounting-Response")
			require.Contains(t, f.ask("acct", "Acct-Status-Type = Accounting-On", "NAS-IP-Address = 192.0.2.9", "Acct-Session-Id = \"0\""), "Accounting-Response")
			require.Empty(t, v.sessions("is_open=true"))
			require.Len(t, v.sessions("calling_station_id=66-77&page_size=1&page=2"), 1)

			_, log := v.request(http.MethodGet, "auth/radius/freeradius/postauth?username=bob&page_size=100", "", "")
			require.Contains(t, log, `"Access-Accept"`)
			require.Contains(t, log, `"Access-Reject"`)
			require.NotContains(t, log+v.log.String(), "bob-password")
			require.NotContains(t, f.Log(), "uid=", "nothing was run")

			f.host = "::1"
			require.Contains(t, f.login("bob", "bob-password", `Called-Station-Id = "office"`), "Access-Accept")
			require.Contains(t, f.ask("acct", "Acct-Status-Type = Start", "Acct-Session-Id = s4", "User-Name = bob"), "Accounting-Response")
			require.Len(t, v.sessions("nas_ip_address=::1"), 1)
			require.Contains(t, f.account("Start", "s5", `Called-Station-Id = "00-11:\316\322\265\304\033"`), "Accounting-Response")
			require.Len(t, v.sessions("called_station_id="+url.QueryEscape("00-11:\\316\u04b5\\304\\033")), 1)

			stranger := startFrontendWith(t, v, "no-such-token")
			stranger.requireSilence()
			require.Contains(t, stranger.Log(), "permission denied")
			v.write("sys/quotas/rate-limit/freeradius", map[string]any{"path": "auth/radius/", "rate": 1, "interval": "1h"})
			require.Contains(t, f.login("bob", "bob-password", `Called-Station-Id = "office"`), "Access-Accept", "the one that the quota allows")
			f.requireSilence()
			require.Contains(t, f.Log(), "quota exceeded")
		})
	}
}

// parsedTime returns a time of a session.
func parsedTime(t *testing.T, text any) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, fmt.Sprint(text))
	require.NoError(t, err)
	return at
}

// requireSilence logs bob in and begins a session, and has no answer to either.
func (f *frontend) requireSilence() {
	f.t.Helper()
	f.answersWithin = 2 * time.Second
	var login string
	var group errgroup.Group
	group.Go(func() error {
		login = f.login("bob", "bob-password")
		return nil
	})
	require.Empty(f.t, f.account("Start", "unanswered"))
	require.NoError(f.t, group.Wait())
	require.Empty(f.t, login)
}

func startPostgres(t testing.TB) *postgrestest.Postgres {
	t.Helper()
	p, err := postgrestest.Start(t.Context(), t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Stop()) })
	return p
}

// TestFreeRADIUSAPIIsAsDocumented sends every request of django-freeradius's
// documentation of its API, under Vault's paths and with a Vault token.
func TestFreeRADIUSAPIIsAsDocumented(t *testing.T) {
	t.Parallel()
	v := startPlugin(t)
	v.write("auth/radius/config", map[string]any{"extauth": "local", "password_hash_cost": 1})
	v.write("auth/radius/users/testuser", map[string]any{"password": "testpassword"})
	const (
		path = "auth/radius/freeradius/"
		form = "application/x-www-form-urlencoded"
		js   = "application/json"
		acct = `"session_id": "35000006", "unique_id": "75058e50", "username": "admin", "nas_ip_address": "172.16.64.91", "nas_port_id": "1", "nas_port_type": "Async", "session_time": "261", "authentication": "RADIUS", "input_octets": "9900909", "output_octets": "1513075509", "called_station_id": "00-27-22-F3-FA-F1:hostname", "calling_station_id": "5c:7d:c1:72:a7:3b", "terminate_cause": "User_Request", "service_type": "Login-User", "framed_protocol": "test", "framed_ip_address": "127.0.0.1"`
	)
	steps := []struct {
		method, path, content, body string
		status                      int
		contains                    string // "": an empty body
	}{
		{"POST", "authorize", form, "username=testuser&password=testpassword", 200, `"control:Auth-Type":{"op":":=","do_xlat":false,"value":"Accept"}`},
		{"POST", "authorize", js, `{"username": "testuser", "password": "testpassword"}`, 200, `"Accept"`},
		{"POST", "authorize", form, "username=testuser&password=wrong", 204, ""},
		{"POST", "postauth", form, "username=testuser&password=testpassword&reply=Access-Accept&called_station_id=a&calling_station_id=b", 201, ""},
		{"POST", "postauth", js, `{"password": "x"}`, 400, `"username":"is missing"`},
		{"GET", "postauth?username=testuser", "", "", 200, `"calling_station_id":"b"`},
		{"POST", "accounting", js, `{"status_type": "Start", ` + acct + `}`, 201, ""},
		{"POST", "accounting", js, `{"status_type": "Start", ` + acct + `}`, 200, ""},
		{"POST", "accounting", js, `{"status_type": "Interim-Update", ` + acct + `}`, 200, ""},
		{"POST", "accounting", js, `{"status_type": "Stop", ` + acct + `}`, 200, ""},
		{"POST", "accounting", js, `{"status_type": "Accounting-On", "nas_ip_address": "172.16.64.91"}`, 200, ""},
		{"POST", "accounting", js, `{"status_type": "Stop", "nas_ip_address": "x"}`, 400, `"nas_ip_address":"is not an IP address"`},
		{"POST", "accounting", js, `{"status_type": "Tunnel-Start", "nas_ip_address": "172.16.64.91"}`, 204, ""},
		{"GET", "accounting", "", "", 200, `"unique_id":"75058e50"`},
		{"GET", "accounting?username=admin&called_station_id=00-27-22-F3-FA-F1:hostname&calling_station_id=5c:7d:c1:72:a7:3b&is_open=false&nas_ip_address=172.16.64.91&unique_id=75058e50&start_time=2000-01-01", "", "", 200, `"terminate_cause":"User_Request"`},
		{"GET", "accounting?stop_time=2001-01-01", "", "", 200, "[]"},
		{"GET", "accounting?is_open=True", "", "", 200, "[]"},
		{"GET", "accounting?page=2&page_size=1", "", "", 200, "[]"},
		{"GET", "accounting?start_time=soon&is_open=maybe", "", "", 400, `"is_open"`},
		{"POST", "batch", js, `{"name": "one", "strategy": "prefix", "prefix": "guest", "number_of_users": 2, "expiration_date": "2099-12-31"}`, 201, `"username":"guest1"`},
		{"POST", "batch", js, `{"name": "one", "strategy": "prefix", "prefix": "guest", "number_of_users": 2}`, 409, "exists already"},
		{"POST", "batch", js, `{"name": "two", "strategy": "csv", "csvfile": "rohith,cleartext$x,rohith@example.com,,", "expiration_date": "2099-12-31"}`, 201, `"username":"rohith"`},
		{"POST", "batch", js, `{"name": "three", "strategy": "csv"}`, 400, "csvfile"},
		{"GET", "batch/one", "", "", 200, `"usernames":["guest1","guest2"]`},
		{"LIST", "batch", "", "", 200, `"keys":["one","two"]`},
		{"DELETE", "batch/two", "", "", 204, ""},
	}
	for _, step := range steps {
		status, answer := v.request(step.method, path+step.path, step.content, step.body)
		require.Equal(t, step.status, status, "%s %s %s: %s", step.method, step.path, step.body, answer)
		if step.contains == "" {
			require.Empty(t, answer, "%s %s", step.method, step.path)
		}
		require.Contains(t, strings.ReplaceAll(answer, " ", ""), strings.ReplaceAll(step.contains, " ", ""), "%s %s", step.method, step.path)
	}
	require.NotContains(t, v.log.String(), "testpassword")

	token, err := v.Client.Auth().Token().Create(&api.TokenCreateRequest{Policies: []string{"default"}})
	require.NoError(t, err)
	for _, token := range []string{"", "wrong", token.Auth.ClientToken} {
		req, err := http.NewRequestWithContext(t.Context(), "POST", v.Client.Address()+"/v1/"+path+"authorize", strings.NewReader("{}"))
		require.NoError(t, err)
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusForbidden, resp.StatusCode, "token %q", token)
	}
}

func TestBatchOfTenThousandUsersIsMadeByOneRequest(t *testing.T) {
	t.Parallel()
	v := startPlugin(t)
	v.write("auth/radius/config", map[string]any{"extauth": "local", "password_hash_cost": 1})
	v.write("auth/radius/profiles", map[string]any{"name": "Guests", "short_name": "guests"})
	status, answer := v.request("POST", "auth/radius/freeradius/batch", "application/json",
		`{"name": "conference", "strategy": "prefix", "prefix": "guest", "number_of_users": 10000, "profiles": "guests"}`)
	require.Equal(t, http.StatusCreated, status, answer)
	v.log.await(t, "batch: users created")
	var made struct {
		Users []struct{ Username, Password string }
	}
	require.NoError(t, json.Unmarshal([]byte(answer), &made))
	require.Len(t, made.Users, 10000)
	v.login("auth/radius", made.Users[9999].Username, made.Users[9999].Password)
	status, _ = v.request("DELETE", "auth/radius/freeradius/batch/conference", "", "")
	require.Equal(t, http.StatusNoContent, status)
	status, _ = v.request("LIST", "auth/radius/users", "", "")
	require.Equal(t, http.StatusNotFound, status)
}

func TestPostgresThatIsAwayHoldsUpNobodyAndIsUsedAgain(t *testing.T) {
	t.Parallel()
	v := startPlugin(t)
	p := startPostgres(t)
	v.write("auth/radius/config", map[string]any{"extauth": "local", "password_hash_cost": 1})
	v.write("auth/radius/users/bob", map[string]any{"password": "bob-password"})
	v.write("auth/radius/freeradius/config", map[string]any{"store": "postgres", "connection_url": p.URL("postgres")})
	const start = `{"status_type": "Start", "session_id": "1", "username": "bob", "nas_ip_address": "192.0.2.1"}`
	post := func(path, body string) int {
		status, _ := v.request("POST", "auth/radius/freeradius/"+path, "application/json", body)
		return status
	}
	require.Equal(t, http.StatusCreated, post("accounting", start))
	const attempt = `{"username": "bob", "reply": "Access-Accept"}`
	require.Equal(t, http.StatusCreated, post("postauth", attempt))
	unlock := lock(t, p, "radpostauth") // as a backup does, say
	require.Equal(t, http.StatusNoContent, post("postauth", attempt), "logins do not wait for the table of attempts")
	unlock()
	require.Equal(t, http.StatusCreated, post("postauth", attempt))

	require.NoError(t, p.Kill())
	require.Equal(t, http.StatusServiceUnavailable, post("accounting", start))
	v.log.await(t, "check that it runs and listens there")
	require.Equal(t, http.StatusOK, post("authorize", `{"username": "bob", "password": "bob-password"}`))
	require.Equal(t, http.StatusNoContent, post("postauth", attempt), "a log that is away refuses nobody")
	require.NoError(t, p.Restart())
	require.NoError(t, v.record(t.Context(), start))
	require.Len(t, v.sessions("username=bob"), 1, "nothing that was acknowledged is lost")

	require.NoError(t, p.Exec(t.Context(), "postgres", `CREATE ROLE clerk LOGIN PASSWORD 'clerk-password';
		GRANT SELECT, INSERT, UPDATE, DELETE ON radacct, radpostauth TO clerk; GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO clerk; DROP INDEX radacct_user_newest_idx`))
	status, answer := v.request("POST", "auth/radius/freeradius/config", "application/json", mustMarshal(t, map[string]any{"connection_url": p.URLOf("clerk", "clerk-password", "postgres")}))
	require.Equal(t, http.StatusOK, status, answer)
	require.Contains(t, answer, "may not create an index that queries need")
	require.Contains(t, answer, "radacct_user_newest_idx")

	for _, wrong := range []struct{ url, text string }{
		{p.URLOf("postgres", "wrong-password", "postgres"), "refuses user"},
		{p.URL("nowhere"), "nowhere"},
		{"postgres://bob@127.0.0.1:1/x", "not available"},
		{"postgres://127.0.0.1:1/x", "names no user"},
		{"postgres://bob@127.0.0.1:1/x?passfile=/etc/passwd", "has passfile"},
		{"mysql://user:hush@h/x", "cannot be read"},
	} {
		status, text := v.refused("auth/radius/freeradius/config", map[string]any{"connection_url": wrong.url})
		require.Equal(t, http.StatusBadRequest, status)
		require.Contains(t, text, wrong.text)
		require.NotContains(t, text, "wrong-password")
		require.NotContains(t, text, "hush")
	}
	require.Equal(t, http.StatusOK, post("accounting", start), "the old one stays")
	require.NotContains(t, fmt.Sprint(v.read("auth/radius/freeradius/config")), "postgres://")
}

// lock locks a table of the database postgres until unlock is called.
func lock(t *testing.T, p *postgrestest.Postgres, table string) (unlock func()) {
	t.Helper()
	const locks = `pg_locks WHERE relation = '%[1]s'::regclass AND mode = 'AccessExclusiveLock' AND granted`
	ended := make(chan struct{})
	go func() { // until the server ends it
		defer close(ended)
		_ = p.Exec(t.Context(), "postgres", fmt.Sprintf(`BEGIN; LOCK TABLE %s; SELECT pg_sleep(3600)`, table))
	}()
	require.Eventually(t, func() bool {
		return p.Exec(t.Context(), "postgres", fmt.Sprintf(`DO $$ BEGIN ASSERT EXISTS (SELECT FROM `+locks+`); END $$`, table)) == nil
	}, time.Minute, 10*time.Millisecond)
	return func() {
		require.NoError(t, p.Exec(t.Context(), "postgres", fmt.Sprintf(`SELECT pg_terminate_backend(pid, 60000) FROM `+locks, table)))
		<-ended
	}
}

// pathEscape is a name in a URL.
func pathEscape(name string) string { return strings.ReplaceAll(url.PathEscape(name), "%2F", "/") }

func mustMarshal(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	require.NoError(t, err)
	return string(text)
}

// Without a template FreeRADIUS sends every attribute, in JSON with octets above 127 as if
// they were Latin-1.
func TestWhatFreeRADIUSSendsWithoutATemplateIsRead(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"json", "post"} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			testWithoutTemplate(t, body)
		})
	}
}

func testWithoutTemplate(t *testing.T, body string) {
	v := startPlugin(t)
	v.write("auth/radius/config", map[string]any{"extauth": "local", "password_hash_cost": 1})
	v.write("auth/radius/profiles", map[string]any{
		"name": "Office", "short_name": "office",
		"check_attribute": []any{map[string]any{"attribute": "NAS-Port", "op": ">=", "value": "7"}, map[string]any{"attribute": "Called-Station-Id", "op": "==", "value": "Köln"}},
		"reply_attribute": []any{map[string]any{"attribute": "Reply-Message", "op": ":=", "value": "Hello %{User-Name}"}},
	})
	const odd, password = `zo"ë\€%{x}`, `pä"s\s %{User-Name} €`
	status, answer := v.request(http.MethodPost, "auth/radius/users/"+pathEscape(odd), "application/json", mustMarshal(t, map[string]any{"password": password}))
	require.Less(t, status, 300, answer)
	v.write("auth/radius/users/bob", map[string]any{"password": "bob-password", "profiles": "office"})
	f := startFrontendWith(t, v, frontendToken(t, v), func(dir string, f *frontend) {
		f.replace(filepath.Join(dir, "mods-enabled/rest"), map[string]string{`(?m)^\s*data = '.*$`: "", `body = 'post'`: "body = '" + body + "'"})
	})
	require.Equal(t, radius.CodeAccessAccept, f.outcome(odd, password))
	require.Equal(t, radius.CodeAccessReject, f.outcome(odd, password+"x"))
	accepted := f.login("bob", "bob-password", "NAS-Port = 7", `Called-Station-Id = "Köln"`)
	require.Contains(t, accepted, `Reply-Message = "Hello bob"`)
	require.Contains(t, f.login("bob", "bob-password", "NAS-Port = 6", `Called-Station-Id = "Köln"`), "Access-Reject")
	require.Contains(t, f.account("Start", "s1", "Framed-IP-Address = 10.0.0.7"), "Accounting-Response")
	require.Contains(t, f.account("Stop", "s1", "Acct-Session-Time = 60", "Acct-Input-Octets = 7", "Acct-Input-Gigawords = 1", "Acct-Terminate-Cause = Idle-Timeout"), "Accounting-Response")
	found := v.sessions("username=bob")
	require.Len(t, found, 1)
	require.Equal(t, []any{"10.0.0.7", "Idle-Timeout", 60.0, float64(1<<32 + 7)}, []any{found[0]["framed_ip_address"], found[0]["terminate_cause"], found[0]["session_time"], found[0]["input_octets"]})
}

// TestPostgresThatHangsHoldsUpNoWriteAndNoSeal has packets wait for a PostgreSQL that
// hangs while the config is written, and while Vault is sealed: a second for each.
func TestPostgresThatHangsHoldsUpNoWriteAndNoSeal(t *testing.T) {
	t.Parallel()
	v := startPlugin(t)
	p := startPostgres(t)
	v.write("auth/radius/config", map[string]any{"extauth": "local"})
	underLoad := func(do func()) (took time.Duration) {
		v.write("auth/radius/freeradius/config", map[string]any{"store": "postgres", "connection_url": p.URL("postgres")})
		thaw, err := p.Freeze()
		require.NoError(t, err)
		defer func() { require.NoError(t, thaw()) }()
		ctx, cancel := context.WithCancel(t.Context())
		var packets sync.WaitGroup
		defer packets.Wait()
		defer cancel()
		for n := range 24 {
			packets.Go(func() { // what becomes of them does not matter
				_, _ = v.Client.Logical().WriteWithContext(ctx, "auth/radius/freeradius/accounting",
					map[string]any{"status_type": "Start", "session_id": fmt.Sprint(n), "username": "bob", "nas_ip_address": "192.0.2.1"})
			})
		}
		<-time.After(300 * time.Millisecond) // they are under way
		began := time.Now()
		do()
		return time.Since(began)
	}
	took := underLoad(func() { v.write("auth/radius/freeradius/config", map[string]any{"store": "vault"}) })
	t.Logf("the write took %s", took)
	require.Less(t, took, 3*time.Second, "three times as long as on an idle machine")
	took = underLoad(func() { require.NoError(t, v.Client.Sys().Seal()) })
	t.Logf("the seal took %s", took)
	require.Less(t, took, 4*time.Second)
}
