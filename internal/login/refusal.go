package login

import (
	"context"
	"errors"
	"net"
	"strconv"

	"vault-plugin-auth-radius/internal/directory"
	"vault-plugin-auth-radius/internal/lockout"
	"vault-plugin-auth-radius/internal/passwd"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
)

// lockedReason is why no source is asked about a name that is locked out.
const lockedReason = "the name is locked out after failed logins: see unlock/"

// Refusal is the answer to a client that is not logged in.
type Refusal struct {
	Text       string
	rejected   bool // by the source, which may lock the name out
	Unanswered bool // the source is away
}

// rejectWithoutAsking refuses a login without asking its source. A password that is kept
// here is hashed all the same: the time shows neither that the user is barred nor that the
// password is right.
func (s *Service) rejectWithoutAsking(
	ctx context.Context, caller passwd.Caller, src *source.Source, name, password, reason string,
) *Refusal {
	if err := src.CheckInVain(ctx, caller, password); err != nil {
		return s.unanswered(err, "username", name)
	}
	s.Log().Info("login refused", "username", name, "reason", reason)
	return &Refusal{Text: DeniedText}
}

// unanswered returns the refusal of a login that no source has judged; the log says why.
func (s *Service) unanswered(err error, details ...any) *Refusal {
	what, server := floodOf(err)
	if server != "" {
		details = []any{"server", server} // it is about no name
	}
	if what == "" {
		s.Log().Error("login failed", append(details, "error", err)...)
	} else if refused, passes := s.Floods.Pass(what + server); passes {
		s.Log().Error("logins refused: "+what, append(details, "refused", refused, "error", err)...)
	}
	return &Refusal{Text: NoAnswerText, Unanswered: true}
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
