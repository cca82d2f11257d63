package radiuslogin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/vault/api"
)

// DefaultMount is where the method is enabled unless a [Method] says otherwise.
const DefaultMount = "radius"

// maxRounds ends a login whose challenges never end. The plugin ends one after eight.
const maxRounds = 32

// Sensitive returns a password or a code when it is needed. That it is a function keeps it out
// of logs that print a [Method].
type Sensitive func(ctx context.Context) (string, error)

// Text returns a Sensitive that is known already.
func Text(text string) Sensitive {
	return func(context.Context) (string, error) { return text, nil }
}

// Method logs a user in. It may be used for many logins, also at the same time.
type Method struct {
	Username string
	Password Sensitive

	// Passcode answers the first challenge within the request that has the password; nil: the
	// challenge goes to Answer. The plugin refuses a code that is not asked for by default.
	Passcode Sensitive

	// Mount is where the method is enabled, such as radius or corp/radius; empty: DefaultMount.
	Mount string

	// Attributes are what the client says of itself, for check items of profiles such as
	// client:device.
	Attributes map[string]string

	// Answer returns the answer to a challenge, which may be empty: pushes ask to press Enter.
	// Its context ends when the challenge expires. If it is nil, a challenge ends the login
	// with a [*ChallengeError].
	Answer func(ctx context.Context, challenge Challenge) (string, error)
}

var _ api.AuthMethod = (*Method)(nil)

// Login logs in with the client, whose token it does not set: Auth().Login of the client does.
// If an error is about the login, it is a [*Error] or a [*ChallengeError].
func (m *Method) Login(ctx context.Context, client *api.Client) (*api.Secret, error) {
	body, err := m.firstBody(ctx)
	if err != nil {
		return nil, err
	}
	login, err := newSender(client, m.path())
	if err != nil {
		return nil, err
	}
	for round := 1; round <= maxRounds; round++ {
		if err := m.checkText(body); err != nil {
			return nil, err
		}
		secret, err := login.send(ctx, body)
		if err != nil {
			return nil, err
		}
		challenge, isChallenge := challengeOf(secret, round)
		if !isChallenge {
			return secret, nil
		}
		answer, err := m.answer(ctx, challenge)
		if err != nil {
			return nil, err
		}
		body = map[string]any{"username": m.Username, "challenge_id": challenge.ID, "password": answer}
		m.addAttributes(body)
	}
	return nil, &Error{Reason: ErrUnanswered, Path: login.path, Err: errors.New("there are challenges without an end")}
}

// firstBody returns the body of the first request.
func (m *Method) firstBody(ctx context.Context) (map[string]any, error) {
	if m.Username == "" {
		return nil, &Error{Reason: ErrInvalid, Path: m.path(), Err: errors.New("no Username is given")}
	}
	if m.Password == nil {
		return nil, &Error{Reason: ErrInvalid, Path: m.path(), Err: errors.New("no Password is given")}
	}
	password, err := m.Password(ctx)
	if err != nil {
		return nil, err
	}
	body := map[string]any{"username": m.Username, "password": password}
	if m.Passcode != nil {
		if body["passcode"], err = m.Passcode(ctx); err != nil {
			return nil, err
		}
	}
	m.addAttributes(body)
	return body, nil
}

// checkText returns an error for a text that JSON cannot carry: it would be sent as another one,
// and a wrong password counts.
func (m *Method) checkText(body map[string]any) error {
	for _, field := range []string{"username", "password", "passcode"} {
		if text, _ := body[field].(string); !utf8.ValidString(text) {
			return &Error{Reason: ErrInvalid, Path: m.path(), Err: fmt.Errorf("%s is not UTF-8", field)}
		}
	}
	return nil
}

func (m *Method) addAttributes(body map[string]any) {
	if len(m.Attributes) > 0 {
		body["attributes"] = maps.Clone(m.Attributes)
	}
}

// path returns the path of the login. The name is in it as with `vault login`, so that leases of
// a user have a prefix of their own; a name that a path could change is in the body alone.
func (m *Method) path() string {
	mount := strings.Trim(m.Mount, "/")
	if mount == "" {
		mount = DefaultMount
	}
	path := "auth/" + mount + "/login"
	if standsInPath(m.Username) {
		path += "/" + m.Username
	}
	return path
}

// standsInPath reports whether a path with the name is the same path after all that cleans it.
func standsInPath(name string) bool {
	if name == "" || name == "." || strings.Contains(name, "..") {
		return false
	}
	for _, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && !strings.ContainsRune("-._@", r) {
			return false
		}
	}
	return true
}
