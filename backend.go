// Package radiusauth is a Vault auth method that logs people in with RADIUS.
//
// It takes the place of Vault's built-in radius method: the same paths, fields
// and stored bytes, so that a mount can be upgraded in place and rolled back.
package radiusauth

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/helper/errutil"
	"github.com/hashicorp/vault/sdk/logical"
)

// operationPrefix starts the names of this method's operations in OpenAPI
// documents, as it does for the built-in method.
const operationPrefix = "radius"

// Factory makes backends that report the version to Vault, such as "v0.1.0".
func Factory(version string) logical.Factory {
	return func(ctx context.Context, conf *logical.BackendConfig) (logical.Backend, error) {
		b := newBackend(version)
		if err := b.Setup(ctx, conf); err != nil {
			return nil, fmt.Errorf("setting up the radius auth method: %w", err)
		}
		return b, nil
	}
}

// backend is one mount of the method.
type backend struct {
	*framework.Backend

	settings settingsCache
	users    *userCache
}

func newBackend(version string) *backend {
	b := &backend{users: newUserCache()}
	b.Backend = &framework.Backend{
		Help:           backendHelp,
		BackendType:    logical.TypeCredential,
		RunningVersion: version,
		PathsSpecial: &logical.Paths{
			Unauthenticated: []string{"login", "login/*"},
			SealWrapStorage: []string{configKey},
		},
		Paths: []*framework.Path{
			b.pathConfig(),
			b.pathUser(),
			b.pathUsersList(),
			b.pathLogin(),
		},
		AuthRenew:  b.loginRenew,
		Invalidate: b.invalidate,
	}
	return b
}

// invalidate drops what is cached of a storage entry that another node wrote.
func (b *backend) invalidate(_ context.Context, key string) {
	if key == configKey {
		b.settings.drop()
	} else if name, found := strings.CutPrefix(key, userKeyPrefix); found {
		b.users.drop(name)
	}
}

// HandleRequest implements [logical.Backend]. A panic ends the request, not the
// process, which may serve other mounts. The answer is a 400: Vault's clients
// repeat a request that ended in 5xx, and a repeated login is a second push.
func (b *backend) HandleRequest(ctx context.Context, req *logical.Request) (resp *logical.Response, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			b.Logger().Error("request panicked: please report this", "operation", req.Operation, "panic", fmt.Sprintf("%T", cause), "stack", string(debug.Stack()))
			resp, err = logical.ErrorResponse("internal error: the log of the radius auth method says more"), nil
		}
	}()
	return b.Backend.HandleRequest(ctx, req)
}

// HandleExistenceCheck implements [logical.Backend]. A field that cannot be read
// is left to HandleRequest: an error from here reaches the client as a 500,
// because its type is lost on the way from a plugin to Vault.
func (b *backend) HandleExistenceCheck(ctx context.Context, req *logical.Request) (checkFound, exists bool, err error) {
	checkFound, exists, err = b.Backend.HandleExistenceCheck(ctx, req)
	if userError := (errutil.UserError{}); errors.As(err, &userError) {
		return false, false, nil
	}
	return checkFound, exists, err
}

const backendHelp = `
The radius auth method logs people in with the password that a RADIUS server
checks, and gives them the policies of their user entry here.

Start with "config" (which server, which secret), then map names to policies
under "users/". People log in at "login/<username>" with a password.

Somebody who is not under "users/" can log in too, if the RADIUS server accepts
the password, and gets the policies in "unregistered_user_policies".
`
