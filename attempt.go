package radiusauth

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/radclient"
)

// attempt is one try to log in, in Vault or at a server that asks FreeRADIUS.
type attempt struct {
	typed       string // name
	password    string
	challengeID string            // that the password answers; empty: none
	sent        map[string]string // what the client says of itself
	// requested is the request that is decided about, if a RADIUS server has got it;
	// nil: it is the one that goes to the source.
	requested []dictionary.Item
	// askable tells whether a source may be asked; nil: each may.
	askable func(*source) bool
}

// outcome is what came of an attempt.
type outcome struct {
	name          string // canonical
	authorization *authorization
	answered      *challengeState // nil: the password answered no challenge
	got           answer          // accept or challenge
	granted       granted         // after an accept
	refusal       *refusal        // why it goes no further; the log says more
}

// inputError is what is wrong with a name, a password or another thing that was
// sent. Its text is for who sent it.
type inputError struct{ err error }

func (e *inputError) Error() string { return e.err.Error() }

func (e *inputError) Unwrap() error { return e.err }

// try asks whatever checks the name. It never writes storage, and reads it only
// before the source is asked: a failure after that would make Vault's clients try
// again, which is a second push to somebody's phone. The error is an inputError, a
// challengeError, or a fault of storage.
func (b *backend) try(ctx context.Context, req *logical.Request, settings *settings, one attempt) (outcome, error) {
	config := settings.config
	sources, err := b.sources.get(ctx, req.Storage)
	if err != nil {
		return outcome{}, err
	}
	result := outcome{name: sources.canonicalName(config, one.typed)}
	for _, err := range []error{radclient.CheckUsername(result.name), radclient.CheckPassword(one.password)} {
		if err != nil {
			return result, &inputError{err}
		}
	}
	user, err := b.users.get(ctx, req.Storage, result.name)
	if err != nil {
		return result, err
	}
	asked := b.route(settings, sources, user, result.name)
	if one.askable != nil && !one.askable(asked) {
		result.refusal = &refusal{text: deniedText}
		return result, nil
	}
	if result.answered, err = b.answering(ctx, req.Storage, asked, result.name, one.challengeID); err != nil {
		return result, err
	}
	credentials, err := config.credentials(asked, result.name, one.password, req)
	if err != nil {
		return result, &inputError{err}
	}
	credentials.Answers = result.answered.challenged()
	if result.authorization, err = b.authorization(ctx, req.Storage, settings, asked, user, one, &credentials); err != nil {
		return result, err
	}

	reason, err := b.barred(ctx, req.Storage, settings, asked, user, result.name)
	if err != nil {
		return result, err
	}
	key, policy, room := lockoutKey(asked, result.name), config.lockoutPolicy(), b.lockouts.room(user != nil)
	if reason == "" {
		locked, err := room.enter(ctx, key, policy, time.Now)
		switch {
		case err != nil:
			b.Logger().Error("login failed", "username", result.name, "error", err)
			result.refusal = &refusal{text: noAnswerText, unanswered: true}
			return result, nil
		case !locked:
			defer room.leave(key, policy)
		}
		if locked || b.lockouts.isLocked(key, policy, time.Now()) {
			reason = lockedReason
		}
	}
	if reason != "" {
		result.refusal = b.refuseUnasked(ctx, asked, result.name, one.password, reason)
		return result, nil
	}
	result.got, result.refusal = b.ask(ctx, result.authorization, result.name, credentials)
	b.countFailures(room, key, result, policy)
	if result.refusal == nil && result.got.Outcome == radclient.Accept {
		result.granted, result.refusal = b.authorize(result.name, result.authorization, result.got)
	}
	return result, nil
}

// lockedReason is why nobody is asked about a name that is locked out.
const lockedReason = "the name is locked out after failed logins: see unlock/"

// refusal is what somebody is told who cannot log in.
type refusal struct {
	text       string
	rejected   bool // by the source, which may lock the name out
	unanswered bool // the source is away
}

func (r *refusal) response() *logical.Response { return logical.ErrorResponse(r.text) }

// barred says, for the log, why nobody is to be asked about the name, whoever
// types it how; empty if nothing is in the way.
func (b *backend) barred(ctx context.Context, storage logical.Storage, settings *settings, asked *source, user *userEntry, name string) (string, error) {
	now := time.Now()
	if reason := user.barred(now); reason != "" || asked != settings.source {
		return reason, nil
	}
	for _, other := range settings.config.sameOnTheWire(name) {
		one, err := b.users.get(ctx, storage, other)
		if err != nil {
			return "", err
		}
		if reason := one.barred(now); reason != "" {
			return reason + ", as " + other, nil
		}
	}
	return "", nil
}

// refuseUnasked refuses a login without asking anybody. A password that is kept
// here is hashed all the same: the time does not tell what a wrong one would not.
func (b *backend) refuseUnasked(ctx context.Context, asked *source, name, password, reason string) *refusal {
	if asked.name == localSource {
		if _, err := asked.checker.check(ctx, question{Credentials: radclient.Credentials{Username: name, Password: password}}); err != nil {
			b.Logger().Error("login failed", "username", name, "error", err)
			return &refusal{text: noAnswerText, unanswered: true}
		}
	}
	b.Logger().Info("login refused", "username", name, "reason", reason)
	return &refusal{text: deniedText}
}

// countFailures counts what a source has refused, and forgets it after a login
// that it has accepted. What nobody has judged does not count.
func (b *backend) countFailures(room *lockoutRoom, key string, result outcome, policy lockoutPolicy) {
	switch {
	case result.refusal == nil && result.got.Outcome == radclient.Accept:
		room.succeeded(key)
	case result.refusal != nil && result.refusal.rejected && room.failed(key, result.name, policy, time.Now()):
		b.Logger().Warn("a name is locked out after failed logins", "username", result.name, "failed", policy.threshold, "for", policy.duration)
	}
}

// isMistake tells whether the error is one that who sent the request has made.
func isMistake(err error) bool {
	var input *inputError
	var challenge challengeError
	return errors.As(err, &input) || errors.As(err, &challenge)
}
