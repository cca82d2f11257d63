package radiusauth

import (
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
	"layeh.com/radius/rfc2865"

	"vault-plugin-auth-radius/internal/login"
	"vault-plugin-auth-radius/internal/radiustest"
)

// rejectsWith starts a server that rejects everybody with the texts, and asks carol for
// a code before.
func (b *testBackend) rejectsWith(texts func(r *radiustest.Request) []string) {
	b.t.Helper()
	b.startServer(radiustest.Options{Handler: func(r *radiustest.Request) []radiustest.Answer {
		if r.Username() == "carol" && r.State() == nil {
			return []radiustest.Answer{r.Challenge([]byte("state"), "Code?")}
		}
		answer := r.Reject("")
		for _, text := range texts(r) {
			answer = answer.With(radiustest.Attribute{Type: rfc2865.ReplyMessage_Type, Value: []byte(text)})
		}
		return []radiustest.Answer{answer}
	}})
	b.configure(nil)
}

// refusalLine returns what was logged of the latest login that its source has refused.
func (b *testBackend) refusalLine() string {
	b.t.Helper()
	text := b.log.String()
	at := strings.LastIndex(text, "login refused by its source")
	require.GreaterOrEqual(b.t, at, 0)
	line, _, _ := strings.Cut(text[at:], "\n")
	return line
}

func TestTextsOfARejectAreForTheOperatorOnly(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.rejectsWith(func(*radiustest.Request) []string { return []string{"Account locked.\r\n", "\x1b[2JCall 555"} })
	const want = `reply_message="Account locked. [2JCall 555"`

	require.Equal(t, login.DeniedText, b.refused(logical.UpdateOperation, "login/bob", map[string]any{"password": "bob-password"}))
	require.Contains(t, b.refusalLine(), "username=bob")
	require.Contains(t, b.refusalLine(), want)

	id := b.ok(logical.UpdateOperation, "login/carol", map[string]any{"password": "p"}).Data[fieldChallengeID]
	require.Equal(t, login.DeniedText, b.refused(logical.UpdateOperation, "login/carol", map[string]any{"password": "123456", fieldChallengeID: id}))
	require.Contains(t, b.refusalLine(), "username=carol")
	require.Contains(t, b.refusalLine(), want, "of a reject that answers a code")

	b.ok(logical.UpdateOperation, "freeradius/config", map[string]any{"use_radius_sources": true, "authorize_reject": true})
	status, body := b.asFreeRADIUS("authorize", map[string]any{"username": "dave", "password": "p"})
	require.Equal(t, 401, status)
	require.NotContains(t, body, "555", "a NAS would show it")
	require.Contains(t, b.refusalLine(), "username=dave")
	require.Contains(t, b.refusalLine(), want)
}

func TestRejectWithoutTextsLogsNone(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.rejectsWith(func(*radiustest.Request) []string { return []string{"", "\x00"} })
	b.refused(logical.UpdateOperation, "login/bob", map[string]any{"password": "p"})
	require.NotContains(t, b.refusalLine(), "reply_message")
}

func TestVerifyTellsTheTextsOfAReject(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.rejectsWith(func(*radiustest.Request) []string { return []string{"Account locked"} })
	b.source("radius", map[string]any{"name": "other", "host": b.server.Host(), "port": b.server.Port(), "secret": testSecret})
	verify := func(password string) map[string]any {
		return b.ok(logical.UpdateOperation, "extauth/other/verify", map[string]any{"username": "bob", "password": password}).Data
	}
	found := verify("bob-password")
	require.Equal(t, []any{"reject", "Account locked", "Account locked"}, []any{found["outcome"], found["reason"], found["reply_message"]})

	b.server.SetHandler(func(r *radiustest.Request) []radiustest.Answer {
		return []radiustest.Answer{r.Accept(radiustest.Attribute{Type: rfc2865.ReplyMessage_Type, Value: []byte("Welcome")})}
	})
	found = verify("bob-password")
	require.Equal(t, []any{"accept", "", ""}, []any{found["outcome"], found["reason"], found["reply_message"]})
	require.Contains(t, found["reply"], map[string]any{"attribute": "Reply-Message", "value": "Welcome"})
}

func TestPasswordThatAServerSendsBackStaysOutOfLogAndAnswers(t *testing.T) {
	t.Parallel()
	const password, code, secret = "correct-horse-battery", "314159", testSecret
	b := newTestBackend(t)
	b.rejectsWith(func(r *radiustest.Request) []string {
		return []string{"wrong: " + r.Password()[:3], r.Password()[3:], "secret is " + secret}
	})
	b.source("radius", map[string]any{"name": "other", "host": b.server.Host(), "port": b.server.Port(), "secret": testSecret})
	b.refused(logical.UpdateOperation, "login/bob", map[string]any{"password": password})
	require.Contains(t, b.refusalLine(), "reply_message=\"[withheld")
	id := b.ok(logical.UpdateOperation, "login/carol", map[string]any{"password": "p"}).Data[fieldChallengeID]
	b.refused(logical.UpdateOperation, "login/carol", map[string]any{"password": code, fieldChallengeID: id})
	found := b.ok(logical.UpdateOperation, "extauth/other/verify", map[string]any{"username": "bob", "password": password}).Data
	require.Contains(t, found["reply_message"], "withheld")
	require.Empty(t, found["reply"])
	for _, hidden := range []string{password, password[3:], code, secret} {
		require.NotContains(t, b.log.String(), hidden)
		require.NotContains(t, found["reason"], hidden)
	}
}
