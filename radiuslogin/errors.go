package radiuslogin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/hashicorp/vault/api"
)

// What a login failed for: errors.Is of an [*Error] tells them apart.
var (
	// ErrRefused is a login that was refused: a wrong password or code, a user who may not log in,
	// an address that may not. Vault says the same of a path that it has no method at.
	ErrRefused = errors.New("refused")
	// ErrUnanswered is a login that no RADIUS server or directory has judged in time.
	ErrUnanswered = errors.New("not answered")
	// ErrExpired is a challenge that was not answered in time.
	ErrExpired = errors.New("expired")
	// ErrInvalid is a login that cannot be sent or read, such as one with a name of control
	// characters; and that of a mount without a config.
	ErrInvalid = errors.New("invalid")
	// ErrNotFound is a path where no such method is enabled.
	ErrNotFound = errors.New("no RADIUS method is there")
	// ErrUnavailable is a Vault that cannot log in now: it is sealed, or a limit is reached.
	ErrUnavailable = errors.New("unavailable")
	// ErrNetwork is a Vault that is not reached.
	ErrNetwork = errors.New("not reached")
)

// What the plugin says with status 400.
const (
	deniedText   = "access denied by the authentication server"
	noAnswerText = "the authentication server did not answer in time"
)

// Error is why a login failed. Its text has no password and no code.
type Error struct {
	Reason error  // one of those above
	Path   string // of the login
	Err    error  // what Vault, the network or the callback said: an *api.ResponseError of Vault's
}

// Error returns what Vault said, or what is wrong.
func (e *Error) Error() string {
	return fmt.Sprintf("%s: %v: %s", e.Path, e.Reason, e.text())
}

func (e *Error) text() string {
	var response *api.ResponseError
	if !errors.As(e.Err, &response) {
		if e.Reason == ErrNetwork && errors.Is(e.Err, context.DeadlineExceeded) {
			return "no answer within the client's time limit, which VAULT_CLIENT_TIMEOUT sets: " + e.Err.Error()
		}
		return e.Err.Error()
	}
	text := strings.Join(response.Errors, "; ")
	if response.RawError || text == "" { // of a proxy perhaps: a page, with anything in it
		text = http.StatusText(response.StatusCode)
	}
	return fmt.Sprintf("%s (status %d)", text, response.StatusCode)
}

// Unwrap returns the reason and what it was seen by.
func (e *Error) Unwrap() []error { return []error{e.Reason, e.Err} }

// failure returns the error of a request that failed.
func (s *sender) failure(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &Error{Reason: reasonOf(err), Path: s.path, Err: err}
}

// reasonOf returns what a request failed for.
func reasonOf(err error) error {
	var response *api.ResponseError
	var network *url.Error
	switch {
	case errors.As(err, &network), errors.Is(err, context.DeadlineExceeded):
		return ErrNetwork
	case !errors.As(err, &response):
		return ErrNotFound // what answers is not Vault
	}
	switch text := strings.Join(response.Errors, "; "); response.StatusCode {
	case http.StatusBadRequest:
		switch text {
		case deniedText:
			return ErrRefused
		case noAnswerText:
			return ErrUnanswered
		}
		return ErrInvalid
	case http.StatusUnauthorized, http.StatusForbidden:
		return ErrRefused
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return ErrNotFound
	}
	if response.StatusCode == http.StatusTooManyRequests || response.StatusCode >= http.StatusInternalServerError {
		return ErrUnavailable
	}
	return ErrInvalid
}
