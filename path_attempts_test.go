package radiusauth

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/attempts"
	"vault-plugin-auth-radius/internal/decision"
	"vault-plugin-auth-radius/internal/login"
)

var refusedAttempt = decision.Decision{
	Time: time.Date(2030, 1, 2, 3, 4, 5, 6_700_000, time.FixedZone("", 3600)), Use: decision.Login,
	Username: "alice", Registered: true, Address: "192.0.2.7",
	Source: "(config)", SourceType: "radius", Server: "192.0.2.1:1812",
	Outcome: decision.Refused, Class: decision.Rejected, Reason: "rejected by the server",
	Duration: 12_600 * time.Microsecond, RequestID: "0b6f4d8e-0000-0000-0000-000000000000",
}

// tries keeps refused attempts of the names, which are not registered.
func (b *testBackend) tries(names ...string) {
	for _, name := range names {
		d := refusedAttempt
		d.Username, d.Registered = name, false
		b.attempts.Add(d)
	}
}

// attemptsFor returns the attempts of an answer, and its other data.
func (b *testBackend) attemptsFor(query map[string]any) ([]map[string]any, map[string]any) {
	b.t.Helper()
	data := b.ok(logical.ReadOperation, "attempts", query).Data
	list := []map[string]any{}
	for _, attempt := range data["attempts"].([]any) {
		list = append(list, attempt.(map[string]any))
	}
	return list, data
}

func TestAttemptsShowWhyALoginWasRefused(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	require.Equal(t, map[string]any{"attempts": []any{}, "kept": 0}, b.ok(logical.ReadOperation, "attempts", nil).Data)
	b.attempts.Add(refusedAttempt)
	body, err := json.Marshal(b.ok(logical.ReadOperation, "attempts", nil).Data)
	require.NoError(t, err)
	require.JSONEq(t, `{"kept": 1, "attempts": [{
		"id": 1, "time": "2030-01-02T02:04:05.006Z", "count": 1, "use": "login", "username": "alice",
		"client_address": "192.0.2.7", "source": "(config)", "source_type": "radius", "server": "192.0.2.1:1812",
		"outcome": "refused", "reason": "rejected by the server", "class": "rejected", "duration_ms": 13,
		"request_id": "0b6f4d8e-0000-0000-0000-000000000000"}]}`, string(body))

	again := refusedAttempt
	again.Time, again.Station = again.Time.Add(time.Second), "00-11-22-33-44-55"
	b.attempts.Add(again)
	list, _ := b.attemptsFor(nil)
	require.Len(t, list, 1)
	require.Equal(t, "2030-01-02T02:04:06.006Z", list[0]["time"])
	require.Equal(t, "2030-01-02T02:04:05.006Z", list[0]["first_time"])
	require.Equal(t, "00-11-22-33-44-55", list[0]["calling_station_id"])
	require.Equal(t, 2, list[0]["count"])
}

func TestAttemptsAreReadPageByPage(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	for n := range 250 {
		b.tries(fmt.Sprint("name", n))
	}
	var ids []any
	query := map[string]any{}
	for {
		list, data := b.attemptsFor(query)
		for _, attempt := range list {
			ids = append(ids, attempt["id"])
		}
		require.Equal(t, 250, data["kept"])
		if data["next"] == nil {
			break
		}
		require.Len(t, list, 100)
		query["after"] = fmt.Sprint(data["next"]) // as the query of a URL has it
	}
	require.Len(t, ids, 250)
	require.EqualValues(t, 250, ids[0])
	require.EqualValues(t, 1, ids[249])
	list, _ := b.attemptsFor(map[string]any{"limit": "1000"})
	require.Len(t, list, 250)
}

func TestAttemptsAreChosenByUserOutcomeAndSource(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.ok(logical.UpdateOperation, "config", map[string]any{
		"extauth": "local", "case_insensitive_usernames": true, "default_realm": "corp",
	})
	b.tries("passw0rd@corp", "other@corp")
	accepted := refusedAttempt
	accepted.Username, accepted.Outcome, accepted.Source = "alice@corp", decision.Accepted, "branch"
	b.attempts.Add(accepted)

	list, _ := b.attemptsFor(map[string]any{"user": "PASSW0RD"})
	require.Len(t, list, 1, "by the canonical name")
	mask := list[0]["username"]
	require.Regexp(t, "^pa…#[0-9a-f]{10}$", mask)
	same, _ := b.attemptsFor(map[string]any{"user": mask})
	require.Equal(t, list, same)
	for query, value := range map[string]string{"outcome": "accepted", "source": "branch", "user": "Alice@CORP"} {
		list, data := b.attemptsFor(map[string]any{query: value})
		require.Len(t, list, 1, query)
		require.Equal(t, "alice@corp", list[0]["username"])
		require.Equal(t, 3, data["kept"])
	}
}

func TestAQueryOfAttemptsThatCannotBeReadIsRefused(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	for _, test := range []struct {
		field string
		value any
	}{
		{"limit", "0"},
		{"limit", "-1"},
		{"limit", "1001"},
		{"limit", "many"},
		{"after", "x1"},
		{"after", "-1"},
		{"after", "1.5"},
		{"after", "99999999999999999999"},
		{"outcome", "failed"},
		{"outcome", "Refused"},
	} {
		text := b.refused(logical.ReadOperation, "attempts", map[string]any{test.field: test.value})
		require.Contains(t, text, test.field, test.value)
	}
}

func TestAttemptsShowAllNamesIfTheConfigSaysSo(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.tries("passw0rd")
	names := func() any {
		list, _ := b.attemptsFor(nil)
		return list[0]["username"]
	}
	require.NotEqual(t, "passw0rd", names())
	b.ok(logical.UpdateOperation, "config", map[string]any{"extauth": "local", "attempts_names": true})
	require.Equal(t, "passw0rd", names(), "also one that was kept before")
	require.Equal(t, true, b.ok(logical.ReadOperation, "config", nil).Data["attempts_names"])
	b.ok(logical.PatchOperation, "config", map[string]any{"attempts_names": nil})
	require.NotEqual(t, "passw0rd", names())
}

func TestTheConfigSaysHowManyAttemptsAreKept(t *testing.T) {
	t.Parallel()
	require.Equal(t, attempts.Most, login.MaxAttemptsKept)
	b := newTestBackend(t)
	fill := func() {
		for n := range 1200 {
			b.tries(fmt.Sprint("name", n))
		}
	}
	kept := func() any {
		return b.attempts.List(attempts.Query{}).Kept
	}
	fill()
	require.Equal(t, 1000, kept(), "without a config")
	b.ok(logical.UpdateOperation, "config", map[string]any{"extauth": "local", "attempts_kept": 5})
	require.Equal(t, 5, kept(), "at once")
	text := b.refused(logical.PatchOperation, "config", map[string]any{"attempts_kept": 1001})
	require.Contains(t, text, "config parameter `attempts_kept`")
	require.Equal(t, 5, kept())
	b.ok(logical.PatchOperation, "config", map[string]any{"attempts_kept": 0})
	require.Equal(t, 0, kept())
	fill()
	require.Equal(t, 0, kept())
	b.ok(logical.PatchOperation, "config", map[string]any{"attempts_kept": nil})
	fill()
	require.Equal(t, 1000, kept())

	// Another server writes it.
	b.store("config", strings.Replace(b.stored("config"), `"attempts_kept":1000`, `"attempts_kept":7`, 1))
	b.attemptsFor(nil)
	require.Equal(t, 7, kept())
	b.ok(logical.DeleteOperation, "config", nil)
	fill()
	require.Equal(t, 1000, kept())
}

func TestAttemptsOfAConfigThatAnotherServerHasDeletedAreKeptAgain(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.ok(logical.UpdateOperation, "config", map[string]any{"extauth": "local", "attempts_kept": 0})
	require.NoError(t, b.storage.Delete(t.Context(), "config"))
	b.InvalidateKey(t.Context(), "config")
	b.attemptsFor(nil)
	b.tries("bob")
	require.Equal(t, 1, b.attempts.List(attempts.Query{}).Kept)
}

func TestLoginsAndTrialsAreKeptAsAttempts(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	b.ok(logical.UpdateOperation, "users/alice", nil)
	b.loginOK("alice", "alice-password")
	_, err := b.login("alice", "wrong")
	require.NoError(t, err)
	b.explained(map[string]any{"username": "alice", "password": "wrong", "ask": true})
	b.explained(map[string]any{"username": "alice"}) // is no decision
	var kept [][]any
	for _, each := range b.ok(logical.ReadOperation, "attempts", nil).Data["attempts"].([]any) {
		each := each.(map[string]any)
		kept = append(kept, []any{each["use"], each["username"], each["client_address"], each["outcome"]})
	}
	require.Equal(t, [][]any{
		{"trial", "alice", "", "refused"},
		{"login", "alice", "192.0.2.7", "refused"},
		{"login", "alice", "192.0.2.7", "accepted"},
	}, kept)
}
