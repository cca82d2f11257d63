package challenge

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/fips140"
	"encoding/base64"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/kv"
)

var errAway = errors.New("away")

// memory is a storage without lists, which fails on demand and counts what is called.
type memory struct {
	kv.Storage
	entries       map[string][]byte
	err           error
	reads, writes int
}

func (m *memory) Get(_ context.Context, key string) ([]byte, error) {
	m.reads++
	return m.entries[key], m.err
}

func (m *memory) Put(_ context.Context, key string, value []byte) error {
	m.writes++
	m.entries[key] = value
	return m.err
}

// newSealer returns a sealer, and a storage that has a key.
func newSealer(tb testing.TB) (*Sealer, *memory) {
	tb.Helper()
	sealer, storage := NewSealer(), &memory{entries: map[string][]byte{}}
	require.NoError(tb, sealer.EnsureKey(tb.Context(), storage))
	return sealer, storage
}

const host = "radius.example.net:1812"

func newState() State {
	return State{
		Username: "carol", Source: "extauth/1", Host: host, Server: "192.0.2.1:1812", State: []byte("s"),
		Expires: time.Now().Add(24 * time.Hour).UTC().Round(0), Round: 2, Failures: 1,
	}
}

func seal(tb testing.TB, sealer *Sealer, storage kv.Storage, state State) (id string) {
	tb.Helper()
	id, err := sealer.Seal(tb.Context(), storage, state)
	require.NoError(tb, err)
	return id
}

func answerOf(id string) Answer {
	return Answer{
		ID: id, Username: "carol", Source: "extauth/1", ServesHost: func(of string) bool { return of == host },
	}
}

func TestAnyServerOpensAChallengeOnce(t *testing.T) {
	t.Parallel()
	first, storage := newSealer(t)
	second, sealed := NewSealer(), newState()
	id := seal(t, first, storage, sealed)
	require.NotContains(t, id, base64.RawURLEncoding.EncodeToString([]byte("carol")))
	for _, sealer := range []*Sealer{first, second} {
		state, err := sealer.Open(t.Context(), storage, answerOf(id))
		require.NoError(t, err)
		require.Equal(t, &sealed, state)
		_, err = sealer.Open(t.Context(), storage, answerOf(id))
		require.ErrorIs(t, err, ErrUsed)
	}
	require.NotEqual(t, id, seal(t, first, storage, sealed), "each has a nonce of its own")
}

func TestAnswerThatDoesNotFitUsesNothingUp(t *testing.T) {
	t.Parallel()
	sealer, storage := newSealer(t)
	other, elsewhere := newSealer(t)
	id := seal(t, sealer, storage, newState())
	octets, err := base64.RawURLEncoding.DecodeString(id)
	require.NoError(t, err)
	for about, change := range map[string]func(*Answer){
		"another user":     func(a *Answer) { a.Username = "bob" },
		"another spelling": func(a *Answer) { a.Username = "Carol" },
		"another source":   func(a *Answer) { a.Source = "" },
		"another server":   func(a *Answer) { a.ServesHost = func(string) bool { return false } },
		"another mount":    func(a *Answer) { a.ID = seal(t, other, elsewhere, newState()) },
		"nothing":          func(a *Answer) { a.ID = "" },
		"no text":          func(a *Answer) { a.ID = id + "=" },
		"a part":           func(a *Answer) { a.ID = id[:len(id)-4] },
		"only a nonce":     func(a *Answer) { a.ID = base64.RawURLEncoding.EncodeToString(octets[:12]) },
	} {
		answer := answerOf(id)
		change(&answer)
		_, err := sealer.Open(t.Context(), storage, answer)
		require.ErrorIs(t, err, ErrInvalid, about)
	}
	for i := range octets {
		octets[i] ^= 1
		_, err := sealer.Open(t.Context(), storage, answerOf(base64.RawURLEncoding.EncodeToString(octets)))
		require.ErrorIs(t, err, ErrInvalid, i)
		octets[i] ^= 1
	}
	_, err = sealer.Open(t.Context(), storage, answerOf(id))
	require.NoError(t, err)
}

func TestChallengeExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sealer, storage := newSealer(t)
		late, intime := seal(t, sealer, storage, newState()), seal(t, sealer, storage, newState())
		time.Sleep(24 * time.Hour)
		_, err := sealer.Open(t.Context(), storage, answerOf(intime))
		require.NoError(t, err)
		time.Sleep(time.Nanosecond)
		for _, id := range []string{late, intime} {
			_, err = sealer.Open(t.Context(), storage, answerOf(id))
			require.ErrorIs(t, err, ErrExpired)
		}
	})
}

// Servers of a cluster are upgraded one after another, while logins go on.
func TestChallengesOfEarlierVersionsAreOpened(t *testing.T) {
	t.Parallel()
	sealer, storage := newSealer(t)
	block, err := aes.NewCipher(storage.entries["challenge-key"])
	require.NoError(t, err)
	var aead cipher.AEAD
	fips140.WithoutEnforcement(func() { aead, err = cipher.NewGCM(block) })
	require.NoError(t, err)
	nonce := []byte("twelve bytes")
	plain := `{"username":"carol","host":"` + host + `","server":"192.0.2.1:1812","state":"AP8=",` +
		`"expires":"2126-01-02T03:04:05Z","round":1}`
	answer := answerOf(base64.RawURLEncoding.EncodeToString(aead.Seal(nonce, nonce, []byte(plain), nil)))
	answer.Source = ""
	state, err := sealer.Open(t.Context(), storage, answer)
	require.NoError(t, err)
	require.Equal(t, &State{
		Username: "carol", Host: host, Server: "192.0.2.1:1812", State: []byte{0, 0xff},
		Expires: time.Date(2126, 1, 2, 3, 4, 5, 0, time.UTC), Round: 1,
	}, state)
}

func TestKeyIsMadeOnceAndReadOnce(t *testing.T) {
	t.Parallel()
	sealer, storage := newSealer(t)
	key := storage.entries["challenge-key"]
	require.Len(t, key, 32)
	require.NoError(t, NewSealer().EnsureKey(t.Context(), storage))
	require.Equal(t, key, storage.entries["challenge-key"])
	require.Equal(t, 1, storage.writes)
	storage.reads = 0
	for range 3 {
		_, err := sealer.Open(t.Context(), storage, answerOf(seal(t, sealer, storage, newState())))
		require.NoError(t, err)
	}
	require.Equal(t, 1, storage.reads)
	require.Equal(t, 1, storage.writes, "no login writes")
	id := seal(t, sealer, storage, newState())
	storage.entries["challenge-key"] = make([]byte, 32) // by another server
	sealer.Drop()
	_, err := sealer.Open(t.Context(), storage, answerOf(id))
	require.ErrorIs(t, err, ErrInvalid)
}

func TestFaultsOfStorageAreNotTheClients(t *testing.T) {
	t.Parallel()
	sealer, storage := newSealer(t)
	id := seal(t, sealer, storage, newState())
	for _, test := range []struct {
		stored []byte
		fault  error
		want   string
	}{
		{nil, nil, "there is no challenge key in storage"},
		{[]byte("short"), nil, "the stored challenge key: "},
		{nil, errAway, "reading the challenge key: away"},
	} {
		sealer.Drop()
		storage.entries["challenge-key"], storage.err = test.stored, test.fault
		_, err := sealer.Open(t.Context(), storage, answerOf(id))
		require.ErrorContains(t, err, test.want)
		require.NotErrorAs(t, err, new(Error))
		_, err = sealer.Seal(t.Context(), storage, newState())
		require.ErrorContains(t, err, test.want)
	}
	require.ErrorIs(t, sealer.EnsureKey(t.Context(), storage), errAway)
}

func TestLoginTakesEightChallenges(t *testing.T) {
	t.Parallel()
	var state *State
	for want := range 9 {
		round, allowed := state.NextRound()
		require.Equal(t, want+1, round)
		require.Equal(t, want < 8, allowed)
		state = &State{Round: round}
	}
}

// Whatever a client sends as challenge_id, it is refused as a mistake of the client's unless
// this mount has sealed it.
func FuzzChallengeID(f *testing.F) {
	sealer, storage := newSealer(f)
	sealed := seal(f, sealer, storage, newState())
	octets, err := base64.RawURLEncoding.DecodeString(sealed)
	require.NoError(f, err)
	f.Add(sealed)
	f.Add(sealed[:16])
	f.Add("")
	f.Add("?")
	f.Fuzz(func(t *testing.T, id string) {
		state, err := sealer.Open(t.Context(), storage, answerOf(id))
		if err != nil && !errors.As(err, new(Error)) {
			t.Fatalf("a fault: %v", err)
		}
		decoded, decodeErr := base64.RawURLEncoding.DecodeString(id)
		if err == nil && (decodeErr != nil || string(decoded) != string(octets) || state.Username != "carol") {
			t.Fatalf("opened %q", id)
		}
	})
}
