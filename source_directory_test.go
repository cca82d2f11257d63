package radiusauth

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/directorytest"
	"vault-plugin-auth-radius/internal/login"
)

// inDirectory answers for alice and her groups.
func inDirectory(r directorytest.Request) directorytest.Answer {
	switch {
	case r.Bind && r.Password != "alice-password":
		return directorytest.Answer{Result: ldap.LDAPResultInvalidCredentials}
	case r.Bind:
		return directorytest.Answer{}
	case r.DN == directorytest.Groups:
		return directorytest.Answer{Entries: []*ldap.Entry{
			ldap.NewEntry("cn=staff,"+r.DN, map[string][]string{"cn": {"staff"}}), ldap.NewEntry("cn=ops,"+r.DN, map[string][]string{"cn": {"ops"}}),
		}}
	}
	return directorytest.Answer{Entries: []*ldap.Entry{ldap.NewEntry(directorytest.PersonDN("alice"), map[string][]string{
		"uid": {"alice"}, "employeeType": {"admin"}, "roomNumber": {"not a number"},
	})}}
}

// newDirectoryBackend is a mount with a directory for everybody.
func newDirectoryBackend(t *testing.T, answer func(directorytest.Request) directorytest.Answer, fields map[string]any) (*testBackend, *directorytest.Scripted) {
	t.Helper()
	s, err := directorytest.StartScripted("127.0.0.1:0", answer)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	b := newTestBackend(t)
	t.Cleanup(func() { b.Cleanup(t.Context()) })
	data := map[string]any{"name": "people", "host": "127.0.0.1", "port": s.Port(), "ldap_binddn": directorytest.People, "allow_cleartext": true}
	maps.Copy(data, fields)
	b.source("ldap", data)
	everybody := "people"
	if fields["realms"] != nil {
		everybody = "local"
	}
	b.ok(logical.UpdateOperation, "config", map[string]any{"extauth": everybody, "lockout_threshold": 2, "password_hash_cost": 1})
	return b, s
}

func TestWhatADirectoryKnowsReachesProfilesAndGroups(t *testing.T) {
	t.Parallel()
	b, _ := newDirectoryBackend(t, inDirectory, map[string]any{
		"group_search_base": directorytest.Groups, "reply_attributes": map[string]any{"employeeType": "Class", "roomNumber": "Session-Timeout"},
	})
	b.profile("admins", map[string]any{"check_attribute": []any{item("reply:Class", "==", "admin"), item("reply:Group", "==", "ops")}, "policies": "admin"})
	b.ok(logical.UpdateOperation, "config", map[string]any{"default_profiles": "admins", "metadata_attributes": "Class", "group_attributes": "Class"})
	auth := b.loginOK("alice", "alice-password")
	require.Equal(t, []string{"admin"}, auth.Policies)
	require.Equal(t, "admin", auth.Metadata["Class"])
	var groups []string
	for _, alias := range auth.GroupAliases {
		groups = append(groups, alias.Name)
	}
	require.Equal(t, []string{"ops", "staff", "admin"}, groups)
	require.Contains(t, b.log.String(), "a value of the directory cannot be an attribute")
	require.Len(t, b.renewOK(auth).GroupAliases, 3)
	tried := b.ok(logical.UpdateOperation, "extauth/people/verify", map[string]any{"username": "alice", "password": "alice-password"}).Data
	require.Equal(t, []string{"ops", "staff"}, tried["groups"])
	require.Contains(t, tried["reply"], map[string]any{"attribute": "Class", "value": "admin"})
	status := b.ok(logical.ReadOperation, "status", nil).Data["sources"].(map[string]any)["people"].(map[string]any)
	require.EqualValues(t, 3, status["servers"].([]any)[0].(map[string]any)["accepted"])
}

func TestPersonLearnsNothingOfTheDirectorysTrouble(t *testing.T) {
	t.Parallel()
	var result atomic.Uint32
	b, _ := newDirectoryBackend(t, func(directorytest.Request) directorytest.Answer {
		return directorytest.Answer{Result: uint16(result.Load())}
	}, nil)
	for code, want := range map[uint32]struct{ text, log string }{
		8: {login.DeniedText, "(result 8)"}, 10: {login.DeniedText, "(result 10)"}, 34: {login.DeniedText, "(result 34)"}, 53: {login.DeniedText, "(result 53)"},
		51: {login.NoAnswerText, "busy"}, 52: {login.NoAnswerText, "not available"},
	} {
		result.Store(code)
		for range 3 {
			require.Equal(t, want.text, b.refused(logical.UpdateOperation, "login/alice", map[string]any{"password": "alice-password"}))
		}
		require.Contains(t, b.log.String(), want.log)
	}
	require.Empty(t, b.ok(logical.ListOperation, "unlock", nil).Data["keys"], "nobody's password was judged")
	result.Store(49)
	for range 2 {
		require.Equal(t, login.DeniedText, b.refused(logical.UpdateOperation, "login/alice", map[string]any{"password": "alice-password"}))
	}
	require.Equal(t, []string{"alice"}, b.ok(logical.ListOperation, "unlock", nil).Data["keys"])
}

func TestRealmOfADirectoryIsNotPartOfTheName(t *testing.T) {
	t.Parallel()
	b, s := newDirectoryBackend(t, inDirectory, map[string]any{"realms": "corp"})
	for _, name := range []string{"alice@corp", `CORP\alice`} {
		require.Equal(t, "alice@corp", b.ok(logical.UpdateOperation, "login", map[string]any{"username": name, "password": "alice-password"}).Auth.Alias.Name)
	}
	require.Equal(t, directorytest.PersonDN("alice"), s.Requests()[0].DN)
	for _, name := range []string{"alice@elsewhere", "ALICE", "uid=alice", `x\alice@corp`} {
		require.Equal(t, login.DeniedText, b.refused(logical.UpdateOperation, "login", map[string]any{"username": name, "password": "alice-password"}), name)
	}
	b.ok(logical.UpdateOperation, "config", map[string]any{"case_insensitive_usernames": true})
	require.Equal(t, "alice@corp", b.ok(logical.UpdateOperation, "login", map[string]any{"username": `Corp\ALICE`, "password": "alice-password"}).Auth.Alias.Name)
}

func TestChangesOfASourceDisturbNoLogin(t *testing.T) {
	t.Parallel()
	b, s := newDirectoryBackend(t, inDirectory, nil)
	b.ok(logical.UpdateOperation, "config", map[string]any{"lockout_threshold": 0})
	done := make(chan struct{})
	var logins sync.WaitGroup
	var count atomic.Int64
	for range 4 {
		logins.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				resp, err := b.send(logical.UpdateOperation, "login/alice", map[string]any{"password": "alice-password"})
				if err != nil || resp.IsError() {
					t.Errorf("a login failed: %v %v", err, resp)
					return
				}
				count.Add(1)
			}
		})
	}
	for i := range 100 {
		b.ok(logical.UpdateOperation, "extauth/people", map[string]any{"read_timeout": 10 + i%2})
		before := count.Load()
		for count.Load() == before && !t.Failed() {
			b.loginOK("alice", "alice-password")
		}
	}
	close(done)
	logins.Wait()
	b.Cleanup(t.Context())
	require.Eventually(t, func() bool { _, open := s.Connections(); return open == 0 }, time.Minute, time.Millisecond, "no connection is left")
	made, _ := s.Connections()
	require.Greater(t, made, 50, "each change has its own connections")
}

func TestClientCertificatesOfDirectoriesAreCheckedAndTheKeyIsNeverReturned(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	texts := certificates(t)
	for _, kind := range []string{"ldap", "ad"} {
		fields := map[string]any{
			"name": kind, "ssl": true, "ssl_cert": texts.ca, "tls_client_cert": texts.client, "tls_client_key": texts.key, "tls_server_name": "ldap.example.org",
		}
		b.source(kind, fields)
		data := b.ok(logical.ReadOperation, "extauth/"+kind, nil).Data
		require.Equal(t, texts.client, data["tls_client_cert"])
		require.Equal(t, "ldap.example.org", data["tls_server_name"])
		require.NotContains(t, data, "tls_client_key")
		before := b.everything()
		for want, wrong := range map[string]map[string]any{
			"`tls_client_cert` and `tls_client_key`: ":        {"tls_client_key": texts.otherKey},
			"`tls_client_cert` and `tls_client_key` belong":   {"tls_client_key": ""},
			"`tls_client_cert` and `tls_client_key` belong t": {"tls_client_cert": ""},
			"`tls_client_cert` and `tls_client_key`: tls":     {"tls_client_cert": "hush"},
			"`tls_server_name` is neither":                    {"tls_server_name": "two names"},
			"`tls_client_cert` has no effect":                 {"ssl": false},
			"`tls_client_key` has no effect":                  {"ssl": false, "tls_client_cert": "", "allow_cleartext": true},
			"`tls_server_name` has no effect":                 {"ssl": false, "tls_client_cert": "", "tls_client_key": ""},
			"tls_ca_cert` means nothing":                      {"tls_ca_cert": texts.ca},
			"error converting input for field \"tls_client_k": {"tls_client_key": []any{"hush"}},
		} {
			text := b.refused(logical.UpdateOperation, "extauth/"+kind, wrong)
			require.Contains(t, text, want)
			require.NotContains(t, text, "hush")
			require.NotContains(t, text, "-----")
		}
		require.Equal(t, before, b.everything())
		b.ok(logical.PatchOperation, "extauth/"+kind, map[string]any{"tls_client_cert": nil, "tls_client_key": nil, "tls_server_name": nil, "ssl": false})
		require.NotContains(t, b.stored(fmt.Sprintf("extauth/%v", data["id"])), "PRIVATE KEY")
	}
}

func TestNameInGroupFiltersIsThatOfTheEntry(t *testing.T) {
	t.Parallel()
	b, s := newDirectoryBackend(t, func(r directorytest.Request) directorytest.Answer {
		switch {
		case r.Bind:
			return directorytest.Answer{}
		case r.DN == directorytest.Groups && r.Filter == "(memberUid=Carla)": // which compares with case
			return directorytest.Answer{Entries: []*ldap.Entry{ldap.NewEntry("cn=staff,"+r.DN, map[string][]string{"cn": {"staff"}})}}
		case r.DN == directorytest.Groups:
			return directorytest.Answer{}
		}
		return directorytest.Answer{Entries: []*ldap.Entry{ldap.NewEntry(directorytest.PersonDN("Carla"), map[string][]string{"uid": {"Carla"}})}}
	}, map[string]any{"group_search_base": directorytest.Groups, "group_search_filter": "(memberUid={{username}})"})
	b.ok(logical.UpdateOperation, "config", map[string]any{"case_insensitive_usernames": true})
	auth := b.loginOK("CARLA", "x")
	require.Equal(t, "carla", auth.Alias.Name)
	require.Len(t, auth.GroupAliases, 1, "%v", s.Requests())
}

func TestWhatADirectorySaysOfAPasswordIsLoggedAndVerifyShowsIt(t *testing.T) {
	t.Parallel()
	b, _ := newDirectoryBackend(t, func(r directorytest.Request) directorytest.Answer {
		answer := inDirectory(r)
		if r.Bind {
			// graceAuthNsRemaining 2 (draft-behera-ldap-password-policy section 6.2)
			answer.Controls = map[string]string{ldap.ControlTypeBeheraPasswordPolicy: "\x30\x05\xa0\x03\x81\x01\x02"}
		}
		return answer
	}, nil)
	b.loginOK("alice", "alice-password")
	const want = "the password has expired: logins left until a new one must be set: 2"
	require.Contains(t, b.log.String(), want)
	data := b.ok(logical.UpdateOperation, "extauth/people/verify", map[string]any{"username": "alice", "password": "alice-password"}).Data
	require.Equal(t, []any{"accept", want}, []any{data["outcome"], data["reason"]})
}

func TestFloodAtADirectoryIsBoundedAndLetsOthersIn(t *testing.T) {
	t.Parallel()
	const places = 512
	b, s := newDirectoryBackend(t, func(r directorytest.Request) directorytest.Answer {
		if strings.Contains(r.DN, "flood-") {
			return directorytest.Answer{Silent: true}
		}
		return inDirectory(r)
	}, map[string]any{"dial_timeout": 600, "read_timeout": 600}) // on a machine that is busy with other tests
	ctx, end := context.WithCancel(t.Context())
	logIn := func(ctx context.Context, address, name string) *logical.Response {
		resp, err := b.HandleRequest(ctx, &logical.Request{
			Operation: logical.UpdateOperation, Path: "login/" + name, Storage: b.storage,
			Data: map[string]any{"password": "alice-password"}, Connection: &logical.Connection{RemoteAddr: address},
		})
		require.NoError(t, err)
		return resp
	}
	var flood sync.WaitGroup
	for i := range places {
		flood.Go(func() { logIn(ctx, "192.0.2.1", fmt.Sprintf("flood-%d", i)) })
	}
	require.Eventually(t, func() bool { _, open := s.Connections(); return open == places }, 10*time.Minute, time.Millisecond)
	require.Equal(t, login.NoAnswerText, logIn(t.Context(), "192.0.2.1", "flood-1").Error().Error(), "it has no better claim")
	require.Contains(t, b.log.String(), "too many logins wait for the directory 127.0.0.1:")
	require.False(t, logIn(t.Context(), "192.0.2.2", "alice").IsError())
	end()
	flood.Wait()
	require.Empty(t, b.ok(logical.ListOperation, "unlock", nil).Data["keys"], "nobody's password was judged")
}
