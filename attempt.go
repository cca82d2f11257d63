package radiusauth

import (
	"cmp"
	"context"
	"errors"
	"net"
	"strconv"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/challenge"
	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/directory"
	"vault-plugin-auth-radius/internal/fairshare"
	"vault-plugin-auth-radius/internal/lockout"
	"vault-plugin-auth-radius/internal/passwd"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
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
	askable func(*source.Source) bool
}

// checkPassword tells whether the source can be asked about the password, which may be
// empty if it answers a challenge. Only the RADIUS source that has asked opens a
// challenge_id, so nothing empty comes to a directory or to a hash.
func (a attempt) checkPassword(src *source.Source) error {
	if a.challengeID != "" {
		return radclient.CheckResponse(a.password)
	}
	return checkPassword(src, a.password)
}

// outcome is what came of an attempt.
type outcome struct {
	name          string // canonical
	authorization *authorization
	answered      *challenge.State // nil: the password answered no challenge
	failures      int              // that this login has counted so far
	got           source.Answer    // accept or challenge
	granted       granted          // after an accept
	refusal       *refusal         // why it goes no further; the log says more
}

// inputError is what is wrong with a name, a password or another thing that was
// sent. Its text is for who sent it.
type inputError struct{ err error }

func (e *inputError) Error() string { return e.err.Error() }

func (e *inputError) Unwrap() error { return e.err }

// errReadFault is the one text for faults of storage at login: the log says more.
var errReadFault = errors.New("the login could not be checked: the log of the radius auth method says more")

// try asks whatever checks the name. It never writes storage, and reads it only
// before the source is asked: a failure after that would make Vault's clients try
// again, which is a second push to somebody's phone. The error is an inputError, a
// challenge.Error, or errReadFault.
func (b *backend) try(ctx context.Context, req *logical.Request, settings *settings, attempt attempt) (outcome, error) {
	return b.settle(b.decide(ctx, req, settings, attempt))
}

// settle makes of a fault what the client may know of it. That it is not known who is
// registered is like a source that is away.
func (b *backend) settle(result outcome, err error) (outcome, error) {
	var unread *namesUnreadError
	switch {
	case err == nil || isInputError(err):
		return result, err
	case errors.As(err, &unread):
		b.Logger().Error("login failed", "username", result.name, "error", err)
		result.refusal = &refusal{text: noAnswerText, unanswered: true}
		return result, nil
	}
	return result, b.readFault(err)
}

// readFault logs a fault of storage at login. What it returns names nobody.
func (b *backend) readFault(err error) error {
	b.Logger().Error("login failed: storage cannot be read", "error", err)
	return errReadFault
}

func (b *backend) decide(ctx context.Context, req *logical.Request, settings *settings, attempt attempt) (outcome, error) {
	began := time.Now()
	config := settings.config
	sources, err := b.sources.Get(ctx, storageOf(req))
	if err != nil {
		return outcome{}, err
	}
	who, err := b.identify(ctx, storageOf(req), settings, sources, attempt.typed)
	result := outcome{name: who.name}
	if err != nil {
		return result, err
	}
	if err := attempt.checkPassword(who.source); err != nil {
		return result, &inputError{err}
	}
	if attempt.askable != nil && !attempt.askable(who.source) {
		result.refusal = &refusal{text: deniedText}
		return result, nil
	}
	if result.answered, err = b.answering(ctx, storageOf(req), who.source, who.name, attempt.challengeID); err != nil {
		return result, err
	}
	credentials, err := config.credentials(who.source, who.name, attempt.password, req)
	if err != nil {
		return result, &inputError{err}
	}
	credentials.Answers = challengedBy(result.answered)
	if result.authorization, err = b.authorization(ctx, storageOf(req), settings, who.source, who.user, attempt, &credentials); err != nil {
		return result, err
	}
	caller := passwd.Caller{Class: passwd.Login, Share: credentials.Share, Since: began}
	turn, locked, refusal := b.beginTurn(ctx, config, who, caller.Share, result.answered)
	if refusal != nil {
		result.refusal = refusal
		return result, nil
	}
	defer turn.End(lockout.Undecided) // unless it has ended
	if who.barred != "" || locked {
		reason := cmp.Or(who.barred, lockedReason)
		result.refusal = b.refuseUnasked(ctx, caller, who.source, who.name, attempt.password, reason)
		return result, nil
	}
	result.got, result.refusal = b.ask(ctx, caller, result.authorization, who.name, credentials)
	b.endTurn(turn, &result)
	if result.refusal == nil && result.got.Outcome == radclient.Accept {
		result.granted, result.refusal = b.authorize(who.name, result.authorization, result.got)
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

// refuseUnasked refuses a login without asking anybody. A password that is kept
// here is hashed all the same: the time does not tell what a wrong one would not, nor
// whether it is right.
func (b *backend) refuseUnasked(
	ctx context.Context, caller passwd.Caller, asked *source.Source, name, password, reason string,
) *refusal {
	if err := asked.CheckInVain(ctx, caller, password); err != nil {
		return b.unanswered(err, "username", name)
	}
	b.Logger().Info("login refused", "username", name, "reason", reason)
	return &refusal{text: deniedText}
}

// lockoutKey returns what failed logins of a canonical name are counted by.
func lockoutKey(config *configEntry, src *source.Source, name string) lockout.Key {
	return lockout.Key{Source: src.Key(), WireName: config.nameAsked(src, name)}
}

// beginTurn waits until a login of the name may be decided, and reports whether the name is
// locked. The refusal means that the login never was decided.
func (b *backend) beginTurn(
	ctx context.Context, config *configEntry, who identity, share fairshare.Share, answered *challenge.State,
) (turn *lockout.Turn, locked bool, unanswered *refusal) {
	login := lockout.Login{
		Key:        lockoutKey(config, who.source, who.name),
		Name:       who.name,
		Registered: who.registered,
		Policy:     config.lockoutPolicy(),
		Share:      share,
		Wait:       who.source.Wait(config.Timeout()),
		Barred:     who.barred != "",
		TakesTime:  who.source.IsLocal(),
	}
	if answered != nil {
		login.Round, login.Failures = answered.Round, answered.Failures
	}
	turn, locked, err := b.lockouts.Begin(ctx, login)
	if err != nil {
		return nil, false, b.unanswered(err, "username", who.name)
	}
	return turn, locked, nil
}

// unanswered is the refusal of a login that nobody has judged; the log says why.
func (b *backend) unanswered(err error, details ...any) *refusal {
	what, server := floodOf(err)
	if server != "" {
		details = []any{"server", server} // it is about no name
	}
	if what == "" {
		b.Logger().Error("login failed", append(details, "error", err)...)
	} else if refused, passes := b.floods.Pass(what + server); passes {
		b.Logger().Error("logins refused: "+what, append(details, "refused", refused, "error", err)...)
	}
	return &refusal{text: noAnswerText, unanswered: true}
}

// floodOf returns what there is too much of, if an error is due to a flood, of which the
// log has one line a minute, and at which server, if it is at one; else "".
func floodOf(err error) (what, server string) {
	var radiusFull *radclient.FullError
	var directoryFull *directory.FullError
	var queue *passwd.FullError
	var turn lockout.TurnError
	switch {
	case errors.As(err, &radiusFull):
		return "too many wait", net.JoinHostPort(radiusFull.Host, strconv.Itoa(radiusFull.Port))
	case errors.As(err, &directoryFull):
		return "too many wait", directoryFull.Server
	case errors.As(err, &queue):
		return "too many wait for their passwords to be checked here", ""
	case errors.As(err, &turn):
		return "too many of a name wait", ""
	}
	return "", ""
}

// endTurn counts a login that the source has refused, and forgets those before one that it
// has accepted. A challenge that follows an answered one may be a wrong code's: it is a
// failure, given back when the same login is accepted. A login that was not judged does not
// count.
func (b *backend) endTurn(turn *lockout.Turn, result *outcome) {
	again := result.refusal == nil && result.got.Outcome == radclient.Challenge && result.answered != nil
	switch {
	case result.refusal == nil && result.got.Outcome == radclient.Accept:
		turn.End(lockout.Accepted)
		return
	case again:
		result.failures = result.answered.Failures + 1
	case result.refusal == nil || !result.refusal.rejected:
		return
	}
	if turn.End(lockout.Rejected) {
		policy := result.authorization.config.lockoutPolicy()
		b.Logger().Warn("a name is locked out after failed logins",
			"username", result.name, "failed", policy.Threshold, "for", policy.Duration)
	}
}

// isInputError reports whether the client's request has caused the error.
func isInputError(err error) bool {
	var input *inputError
	var misfit challenge.Error
	return errors.As(err, &input) || errors.As(err, &misfit)
}
