package radiusauth

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
	"layeh.com/radius/rfc2865"

	"vault-plugin-auth-radius/internal/directorytest"
	"vault-plugin-auth-radius/internal/radiustest"
)

// challenge logs carol in up to the question for her one-time code.
func (b *testBackend) challenge() map[string]any {
	b.t.Helper()
	resp := b.ok(logical.UpdateOperation, "login/carol", map[string]any{"password": "carol-password"})
	require.Nil(b.t, resp.Auth)
	return resp.Data
}

// answering answers a challenge as carol.
func answering(id any, code string) map[string]any {
	return map[string]any{"challenge_id": id, "password": code}
}

func TestLoginWithAOneTimeCodeTakesTwoSteps(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	b.ok(logical.UpdateOperation, "users/carol", map[string]any{"policies": "dev"})
	b.storage.writes.Store(0)

	step := b.challenge()
	require.Equal(t, "Enter your one-time code", step["message"])
	require.Equal(t, false, step["echo"])
	require.Equal(t, 120, step["expires_in"])

	auth := b.ok(logical.UpdateOperation, "login/carol", answering(step["challenge_id"], "123456")).Auth
	require.Equal(t, []string{"dev"}, auth.Policies)
	require.Equal(t, "carol", auth.Alias.Name)
	require.Zero(t, b.storage.writes.Load(), "no storage write per login")

	requests := b.server.Requests()
	require.Len(t, requests, 2)
	require.Nil(t, requests[0].State(), "a new login has no State")
	require.NotEmpty(t, requests[1].State())
	require.Equal(t, "123456", requests[1].Password())
	require.NotContains(t, fmt.Sprint(step), string(requests[1].State()), "the State may be valid elsewhere")
}

func TestLoginWithAChallengeIsRecheckedAtRenewal(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, map[string]any{"renewal": "reauthenticate"})
	auth := b.ok(logical.UpdateOperation, "login/carol", answering(b.challenge()["challenge_id"], "123456")).Auth
	require.Equal(t, "", auth.InternalData["password"])
	sent := len(b.server.Requests())
	b.renewOK(auth)
	require.Len(t, b.server.Requests(), sent)
}

func TestRenewalThatIsChallengedIsRefused(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	auth := b.loginOK("bob", "bob-password")
	b.server.SetHandler(radiustest.Users{"bob": {Password: "bob-password", Code: "1"}}.Handler())
	require.Equal(t, "access denied by the authentication server", b.renewRefused(auth))
	require.Contains(t, b.log.String(), "asks for another step")
}

func TestChallengeIDThatDoesNotFitIsRefusedWithoutAskingTheServer(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	other := newConfiguredBackend(t, nil)
	id := b.challenge()["challenge_id"].(string)
	octets, err := base64.RawURLEncoding.DecodeString(id)
	require.NoError(t, err)
	octets[len(octets)-1] ^= 1
	sent := len(b.server.Requests())

	const invalid = "challenge_id is not valid for this login: log in again"
	for name, login := range map[string]struct {
		username, id string
	}{
		"tampered":         {"carol", base64.RawURLEncoding.EncodeToString(octets)},
		"somebody else's":  {"bob", id},
		"another mount's":  {"carol", other.challenge()["challenge_id"].(string)},
		"not base64":       {"carol", "?"},
		"too short":        {"carol", "AAAA"},
		"only a nonce":     {"carol", base64.RawURLEncoding.EncodeToString(octets[:12])},
		"another spelling": {"Carol", id},
		"one million long": {"carol", strings.Repeat("A", 1_000_000)},
		"with characters":  {"carol", id + "\x00"},
	} {
		text := b.refused(logical.UpdateOperation, "login/"+login.username, answering(login.id, "123456"))
		require.Equal(t, invalid, text, name)
	}
	b.ok(logical.UpdateOperation, "config", map[string]any{"host": "127.0.0.2"})
	require.Equal(t, invalid, b.refused(logical.UpdateOperation, "login/carol", answering(id, "123456")), "another server now")
	b.configure(nil)
	require.Len(t, b.server.Requests(), sent)
	require.NotNil(t, b.ok(logical.UpdateOperation, "login/carol", answering(id, "123456")).Auth, "none of it used it up")
}

func TestChallengeIDExpires(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, b *testBackend) {
		b.configureUsers(nil)
		late, intime := b.challenge()["challenge_id"], b.challenge()["challenge_id"]
		time.Sleep(119 * time.Second)
		require.NotNil(t, b.ok(logical.UpdateOperation, "login/carol", answering(intime, "123456")).Auth)
		time.Sleep(2 * time.Second)
		require.Equal(t, "challenge_id has expired: log in again",
			b.refused(logical.UpdateOperation, "login/carol", answering(late, "123456")))
	})
}

func TestChallengeIDWorksOnceOnAServer(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	id := b.challenge()["challenge_id"]
	require.Equal(t, "access denied by the authentication server",
		b.refused(logical.UpdateOperation, "login/carol", answering(id, "654321")))
	sent := len(b.server.Requests())
	require.Equal(t, "challenge_id has been used: log in again",
		b.refused(logical.UpdateOperation, "login/carol", answering(id, "123456")))
	require.Len(t, b.server.Requests(), sent)
}

func TestAnyServerOfTheClusterCanFinishTheLogin(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	standby := newTestBackend(t)
	standby.storage, standby.server = b.storage, b.server
	id := b.challenge()["challenge_id"]
	require.NotNil(t, standby.ok(logical.UpdateOperation, "login/carol", answering(id, "123456")).Auth)
	require.Equal(t, "access denied by the authentication server",
		b.refused(logical.UpdateOperation, "login/carol", answering(id, "123456")), "the RADIUS server's State works once")
}

func TestLoginEndsAfterEightChallenges(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.startServer(radiustest.Options{Handler: func(r *radiustest.Request) []radiustest.Answer {
		return []radiustest.Answer{r.Challenge([]byte("again"), "And now?")}
	}})
	b.configure(nil)
	data := b.challenge()
	for range 7 {
		data = b.ok(logical.UpdateOperation, "login/carol", answering(data["challenge_id"], "x")).Data
	}
	require.Equal(t, "access denied by the authentication server",
		b.refused(logical.UpdateOperation, "login/carol", answering(data["challenge_id"], "x")))
	require.Contains(t, b.log.String(), "step after step")
}

func TestChallengeWithTwoStatesIsRefused(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.startServer(radiustest.Options{Handler: func(r *radiustest.Request) []radiustest.Answer {
		return []radiustest.Answer{r.Challenge([]byte("one"), "Code?", radiustest.Attribute{Type: rfc2865.State_Type, Value: []byte("two")})}
	}})
	b.configure(nil)
	require.Equal(t, "access denied by the authentication server",
		b.refused(logical.UpdateOperation, "login/carol", map[string]any{"password": "p"}))
	require.Contains(t, b.log.String(), "more than one State")
}

func TestChallengeKeyIsMadeOnceAndKept(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	require.NoError(t, b.Initialize(t.Context(), &logical.InitializationRequest{Storage: b.storage}))
	key := b.stored("challenge-key")
	require.Len(t, key, 32)
	require.NoError(t, b.Initialize(t.Context(), &logical.InitializationRequest{Storage: b.storage}))
	b.ok(logical.UpdateOperation, "config", minimalConfig())
	require.Equal(t, key, b.stored("challenge-key"))
}

func TestServerThatMayNotWriteStartsAllTheSame(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.storage.failPuts.Store(true)
	require.NoError(t, b.Initialize(t.Context(), &logical.InitializationRequest{Storage: b.storage}))
}

func TestOneTimeCodeAppearsNowhere(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	id := b.challenge()["challenge_id"]
	text := b.refused(logical.UpdateOperation, "login/carol", answering(id, "987654321"))
	require.NotContains(t, text+b.log.String(), "987654321")
}

// askForPush asks whoever has a password to confirm on the phone, and accepts who
// then answers nothing.
func askForPush(r *radiustest.Request) []radiustest.Answer {
	switch {
	case string(r.State()) != "push":
		return []radiustest.Answer{r.Challenge([]byte("push"), "Confirm on the phone, then press Enter")}
	case r.Password() != "":
		return []radiustest.Answer{r.Reject("this is no code")}
	}
	return []radiustest.Answer{r.Accept()}
}

func TestChallengeIsAnsweredWithAnEmptyPassword(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.startServer(radiustest.Options{Handler: askForPush})
	for _, protocol := range []string{"pap", "chap", "mschapv2"} {
		b.configure(map[string]any{"auth_protocol": protocol})
		for name, data := range map[string]map[string]any{"empty": {"password": ""}, "absent": {}, "null": {"password": nil}} {
			data["challenge_id"] = b.challenge()["challenge_id"]
			auth := b.ok(logical.UpdateOperation, "login/carol", data).Auth
			require.NotNil(t, auth, "%s %s", protocol, name)
			b.renewOK(auth)
		}
	}
}

func TestEmptyPasswordWithoutAChallengeIsRefused(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.startServer(radiustest.Options{Handler: askForPush})
	b.configure(nil)
	for _, data := range []map[string]any{nil, {"password": ""}, {"password": "", "challenge_id": ""}, {"challenge_id": nil}} {
		require.Equal(t, "password cannot be empty", b.refused(logical.UpdateOperation, "login/carol", data))
	}
	require.Equal(t, "challenge_id is not valid for this login: log in again",
		b.refused(logical.UpdateOperation, "login/carol", map[string]any{"challenge_id": "anything"}))
	require.Empty(t, b.server.Requests())
}

// An empty password binds to a directory as nobody, which succeeds.
func TestEmptyPasswordReachesNoDirectoryAndNoHash(t *testing.T) {
	t.Parallel()
	b, directory := newDirectoryBackend(t, func(directorytest.Request) directorytest.Answer { return directorytest.Answer{} }, nil)
	b.startServer(radiustest.Options{Handler: askForPush})
	b.source("radius", map[string]any{"name": "push", "host": b.server.Host(), "port": b.server.Port(), "secret": testSecret})
	b.ok(logical.UpdateOperation, "users/carol", map[string]any{"extauth": "push"})
	id := func() any { return b.challenge()["challenge_id"] }
	bare := id()
	sent, hashed := len(b.server.Requests()), b.logins.Hasher.Computed()
	for _, source := range []string{"", "local"} { // the directory, and the hashes here
		b.ok(logical.UpdateOperation, "users/carol", map[string]any{"extauth": source})
		for _, data := range []map[string]any{{"challenge_id": bare}, {"challenge_id": bare, "password": ""}, {"password": ""}, {"challenge_id": "x"}} {
			b.refused(logical.UpdateOperation, "login/carol", data)
		}
	}
	require.Empty(t, directory.Requests())
	require.Equal(t, hashed, b.logins.Hasher.Computed())
	require.Len(t, b.server.Requests(), sent)
	b.ok(logical.UpdateOperation, "users/carol", map[string]any{"extauth": "push"})
	require.NotNil(t, b.ok(logical.UpdateOperation, "login/carol", map[string]any{"challenge_id": bare}).Auth, "none of it used it up")
}
