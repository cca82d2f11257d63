package login

import (
	"context"
	"errors"
	"net"
	"strconv"

	"vault-plugin-auth-radius/internal/decision"
	"vault-plugin-auth-radius/internal/directory"
	"vault-plugin-auth-radius/internal/lockout"
	"vault-plugin-auth-radius/internal/passwd"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
)

// Reason is why a login goes no further: its class, and in words for operators. The zero
// Reason is none.
type Reason struct {
	Class decision.Class
	Text  string
}

// lockedReason is why no source is asked about a name that is locked out.
var lockedReason = Reason{decision.Locked, "the name is locked out after failed logins: see unlock/"}

// Refusal is the answer to a client that is not logged in.
type Refusal struct {
	Text       string // for the client
	Unanswered bool   // the source is away
	Reason     Reason // for operators

	rejected     bool   // by the source, which may lock the name out
	server       string // that the reason is about; empty: that of the answer
	replyMessage string // of a RADIUS server that has rejected
	flood        string // what there is too much of; empty: it is due to no flood
}

// denied returns the refusal that clients cannot tell from others.
func denied(class decision.Class, text string) *Refusal {
	return &Refusal{Text: DeniedText, Reason: Reason{class, text}}
}

// outcome returns what came of a login that is refused so.
func (r *Refusal) outcome() decision.Outcome {
	if r.Unanswered {
		return decision.Unanswered
	}
	return decision.Refused
}

// rejectWithoutAsking refuses a login without asking its source. A password that is kept
// here is hashed all the same: the time shows neither that the user is barred nor that the
// password is right.
func rejectWithoutAsking(
	ctx context.Context, caller passwd.Caller, src *source.Source, password string, reason Reason,
) *Refusal {
	if err := src.CheckInVain(ctx, caller, password); err != nil {
		return unanswered(err)
	}
	return &Refusal{Text: DeniedText, Reason: reason}
}

// hideAccept takes the time of a wrong password before a login is refused whose password is right:
// else its time would show that, as nothing else does.
func hideAccept(ctx context.Context, candidate candidate, result *Outcome) {
	if result.Refusal == nil || result.Answer.Outcome != radclient.Accept {
		return
	}
	defer stopwatch(&result.waited)()
	src := result.identity.Source
	if err := src.MakeUp(ctx, candidate.caller, candidate.credentials.Password, result.Answer); err != nil {
		result.Refusal = unanswered(err)
	}
}

// unanswered returns the refusal of a login that no source has judged.
func unanswered(err error) *Refusal {
	refusal := &Refusal{Text: NoAnswerText, Unanswered: true, server: serverOf(err), flood: floodOf(err)}
	switch {
	case refusal.flood != "":
		refusal.Reason = Reason{decision.Flood, refusal.flood + ": " + err.Error()}
	case errors.Is(err, context.Canceled):
		refusal.Reason = abandoned(err)
	default:
		refusal.Reason = Reason{decision.NoAnswer, err.Error()}
	}
	return refusal
}

// abandoned returns the reason of an attempt whose client has gone away.
func abandoned(err error) Reason {
	return Reason{decision.Abandoned, "the client has gone away: " + err.Error()}
}

// floodOf returns what there is too much of, if an error is due to a flood; else "".
func floodOf(err error) string {
	var queue *passwd.FullError
	var turn lockout.TurnError
	switch {
	case errors.As(err, new(*radclient.FullError)), errors.As(err, new(*directory.FullError)):
		return "too many wait"
	case errors.As(err, &queue):
		return "too many wait for their passwords to be checked here"
	case errors.As(err, &turn):
		return "too many of a name wait"
	}
	return ""
}

// serverOf returns the server that an error is about; "": none.
func serverOf(err error) string {
	hostPort := func(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }
	var silent *radclient.NoAnswerError
	var full *radclient.FullError
	var protocol *radclient.ProtocolError
	var unreachable *radclient.UnreachableError
	var directoryFull *directory.FullError
	var unavailable *directory.UnavailableError
	var misconfigured *directory.ConfigurationError
	switch {
	case errors.As(err, &silent):
		return hostPort(silent.Host, silent.Port)
	case errors.As(err, &full):
		return hostPort(full.Host, full.Port)
	case errors.As(err, &protocol):
		return hostPort(protocol.Host, protocol.Port)
	case errors.As(err, &unreachable):
		return hostPort(unreachable.Host, unreachable.Port)
	case errors.As(err, &directoryFull):
		return directoryFull.Server
	case errors.As(err, &unavailable):
		return unavailable.Server
	case errors.As(err, &misconfigured):
		return misconfigured.Server
	}
	return ""
}
