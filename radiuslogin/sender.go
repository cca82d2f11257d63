package radiuslogin

import (
	"context"
	"errors"
	"net/http"

	"github.com/hashicorp/vault/api"
)

// sender sends the requests of a login.
type sender struct {
	path   string
	client *api.Client
}

// newSender returns a sender with a copy of the client that has no token and sends nothing twice.
func newSender(client *api.Client, path string) (*sender, error) {
	if client == nil {
		return nil, &Error{Reason: ErrInvalid, Path: path, Err: errors.New("the client is nil")}
	}
	quiet, err := client.CloneWithHeaders()
	if err != nil {
		return nil, &Error{Reason: ErrInvalid, Path: path, Err: err}
	}
	quiet.SetMaxRetries(0)
	quiet.ClearToken()
	quiet.SetWrappingLookupFunc(client.CurrentWrappingLookupFunc())
	if quiet.Address() != client.Address() {
		if err := quiet.SetAddress(client.Address()); err != nil {
			return nil, &Error{Reason: ErrInvalid, Path: path, Err: err}
		}
	}
	// A copy of a client lacks these, which only its requests show.
	like := client.NewRequest(http.MethodPut, "/v1/"+path)
	quiet = quiet.WithRequestCallbacks(func(request *api.Request) {
		request.MFAHeaderVals = like.MFAHeaderVals
		request.PolicyOverride = like.PolicyOverride
	})
	return &sender{path: path, client: quiet}, nil
}

// send sends a step of the login and returns what Vault answers: a token, a wrapped token, what
// its login MFA requires, or the data of a challenge.
func (s *sender) send(ctx context.Context, body map[string]any) (*api.Secret, error) {
	secret, err := s.client.Logical().WriteWithContext(ctx, s.path, body)
	if err != nil {
		return nil, s.failure(ctx, err)
	}
	// Vault wraps challenges and requirements, too, which have no accessor. Nor has a batch token,
	// whose wrapping is undone by this.
	if secret != nil && secret.WrapInfo != nil && secret.WrapInfo.WrappedAccessor == "" {
		if secret, err = s.unwrap(ctx, secret.WrapInfo.Token); err != nil {
			return nil, err
		}
	}
	if secret == nil || secret.Auth == nil && secret.WrapInfo == nil && secret.Data["challenge_id"] == nil {
		return nil, &Error{Reason: ErrNotFound, Path: s.path, Err: errors.New("the answer is not that of a login")}
	}
	return secret, nil
}

// unwrap returns what is wrapped in a token.
func (s *sender) unwrap(ctx context.Context, token string) (*api.Secret, error) {
	bearer, err := s.client.CloneWithHeaders()
	if err != nil {
		return nil, &Error{Reason: ErrInvalid, Path: s.path, Err: err}
	}
	bearer.SetToken(token)
	bearer.SetWrappingLookupFunc(func(string, string) string { return "" })
	secret, err := bearer.Logical().UnwrapWithContext(ctx, "")
	if err != nil {
		return nil, s.failure(ctx, err)
	}
	return secret, nil
}
