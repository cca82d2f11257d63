package radiuslogin

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/hashicorp/vault/api"
)

// expiresIn is how long a challenge may be answered that does not say it.
const expiresIn = 2 * time.Minute

// Challenge is another step that the server asks for.
type Challenge struct {
	Message string    // what the server asks, as it says it
	Echo    bool      // whether the answer may be shown as it is typed
	Expires time.Time // the latest time for an answer
	Round   int       // which challenge of the login it is: 1 is the first
	ID      string    // the challenge_id, for answering it without this package
}

// ChallengeError is returned by a login that was asked for another step and has no Answer.
type ChallengeError struct {
	Challenge Challenge
}

// Error returns the server's message, without the challenge's ID.
func (e *ChallengeError) Error() string {
	return fmt.Sprintf("the server asks for another step, and nothing answers it: %q", e.Challenge.Message)
}

// answer returns the answer to a challenge.
func (m *Method) answer(ctx context.Context, challenge Challenge) (string, error) {
	if m.Answer == nil {
		return "", &ChallengeError{Challenge: challenge}
	}
	until, cancel := context.WithDeadline(ctx, challenge.Expires)
	defer cancel()
	answer, err := m.Answer(until, challenge)
	switch {
	case err == nil:
		return answer, nil
	case ctx.Err() == nil && until.Err() != nil:
		return "", &Error{Reason: ErrExpired, Path: m.path(), Err: err}
	}
	return "", err
}

// challengeOf returns the challenge of an answer of the plugin, if it is one.
func challengeOf(secret *api.Secret, round int) (challenge Challenge, isChallenge bool) {
	if secret == nil || secret.Auth != nil {
		return Challenge{}, false
	}
	id, _ := secret.Data["challenge_id"].(string)
	if id == "" {
		return Challenge{}, false
	}
	challenge = Challenge{ID: id, Round: round, Expires: time.Now().Add(expiresIn)}
	challenge.Message, _ = secret.Data["message"].(string)
	challenge.Echo, _ = secret.Data["echo"].(bool)
	if number, isNumber := secret.Data["expires_in"].(json.Number); isNumber {
		if seconds, err := number.Int64(); err == nil && seconds > 0 && seconds <= int64(time.Hour/time.Second) {
			challenge.Expires = time.Now().Add(time.Duration(seconds) * time.Second)
		}
	}
	return challenge, true
}
