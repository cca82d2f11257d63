package radiusauth

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/radclient"
)

// maxRounds is how many challenges one login may take.
const maxRounds = 8

// challengeError is what people are told who give a challenge_id that does not
// help them.
type challengeError string

const (
	errChallengeInvalid challengeError = "challenge_id is not valid for this login: log in again"
	errChallengeExpired challengeError = "challenge_id has expired: log in again"
	errChallengeUsed    challengeError = "challenge_id has been used: log in again"
)

// Error says what is wrong, and what to do.
func (e challengeError) Error() string { return string(e) }

// challengeState is what a login remembers from one step to the next. It
// travels sealed in the challenge_id: no storage is written, and any server of
// the cluster can go on.
type challengeState struct {
	Username string    `json:"username"`
	Source   string    `json:"source,omitempty"` // that was asked, as source.key names it
	Host     string    `json:"host"`             // that asked, with the port, as in the config
	Server   string    `json:"server"`           // its address and port
	State    []byte    `json:"state,omitempty"`
	Expires  time.Time `json:"expires"`
	Round    int       `json:"round"` // 1 for the first challenge
	// Failures is how many failed logins this login has counted: its wrong codes.
	Failures int `json:"failures,omitempty"`
}

// seal makes the challenge_id: nonce and ciphertext, as text.
func (c *challengeCache) seal(ctx context.Context, storage kv.Storage, state challengeState) (string, error) {
	aead, err := c.aead(ctx, storage)
	if err != nil {
		return "", err
	}
	plain, err := json.Marshal(state)
	if err != nil {
		return "", fmt.Errorf("encoding the challenge: %w", err)
	}
	nonce := make([]byte, aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails since Go 1.24
	return base64.RawURLEncoding.EncodeToString(aead.Seal(nonce, nonce, plain, nil)), nil
}

// open reads a challenge_id and uses it up on this server, until it is restarted; on
// others the RADIUS server refuses it, whose State works once. The error is a
// challengeError, or a fault of storage.
func (c *challengeCache) open(ctx context.Context, storage kv.Storage, id string, username string, asked *source, now time.Time) (*challengeState, error) {
	aead, err := c.aead(ctx, storage)
	if err != nil {
		return nil, err
	}
	state := &challengeState{}
	sealed, err := base64.RawURLEncoding.DecodeString(id)
	if err != nil || len(sealed) < aead.NonceSize() {
		return nil, errChallengeInvalid
	}
	nonce, ciphertext := sealed[:aead.NonceSize()], sealed[aead.NonceSize():]
	plain, err := aead.Open(nil, nonce, ciphertext, nil)
	if err != nil || json.Unmarshal(plain, state) != nil {
		return nil, errChallengeInvalid
	}
	switch {
	case state.Username != username || state.Source != asked.key() || !asked.asks(state.Host):
		return nil, errChallengeInvalid
	case now.After(state.Expires):
		return nil, errChallengeExpired
	case !c.use(string(nonce)):
		return nil, errChallengeUsed
	}
	return state, nil
}

// challenged is what the client needs of it; nil for a new login.
func (s *challengeState) challenged() *radclient.Challenged {
	if s == nil {
		return nil
	}
	return &radclient.Challenged{Host: s.Host, Server: s.Server, State: s.State}
}

// answering reads the challenge that a login answers; nil if it answers none.
func (b *backend) answering(ctx context.Context, storage kv.Storage, asked *source, name, id string) (*challengeState, error) {
	if id == "" {
		return nil, nil
	}
	return b.challenges.open(ctx, storage, id, name, asked, time.Now())
}

// challenged is the answer to a login that the source wants another step of.
func (b *backend) challenged(ctx context.Context, storage kv.Storage, result outcome) *logical.Response {
	verdict := result.got.Verdict
	state := challengeState{
		Username: result.name,
		Source:   result.authorization.source.key(),
		Host:     verdict.Host,
		Server:   verdict.Server,
		Round:    1,
		Failures: result.failures,
	}
	if result.answered != nil {
		state.Round = result.answered.Round + 1
	}
	refuse := func(reason string, details ...any) *logical.Response {
		b.Logger().Error("login refused: "+reason, append([]any{"username", result.name, "server", verdict.Server}, details...)...)
		return logical.ErrorResponse(deniedText)
	}
	if state.Round > maxRounds {
		return refuse("the RADIUS server asks for step after step", "rounds", maxRounds)
	}
	step, err := verdict.Step()
	if err != nil {
		return refuse("the RADIUS server's challenge cannot be answered", "error", err)
	}
	state.State = step.State
	state.Expires = time.Now().Add(step.Time)
	id, err := b.challenges.seal(ctx, storage, state)
	if err != nil {
		return refuse("the challenge cannot be sealed: write the config once more", "error", err)
	}
	return &logical.Response{Data: map[string]any{
		fieldChallengeID: id,
		fieldMessage:     step.Message,
		fieldEcho:        step.Echo,
		fieldExpiresIn:   int(step.Time.Seconds()),
	}}
}
