// Command floor is an auth plugin whose login grants a token at once, to anybody: what it costs is
// what Vault takes for any login at an external plugin. BenchmarkLogin of e2e compares with it.
// It is not for any other server.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/plugin"
)

func main() {
	if err := plugin.ServeMultiplex(&plugin.ServeOpts{BackendFactoryFunc: factory}); err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

func factory(ctx context.Context, conf *logical.BackendConfig) (logical.Backend, error) {
	b := &framework.Backend{
		BackendType:  logical.TypeCredential,
		PathsSpecial: &logical.Paths{Unauthenticated: []string{"login/*"}},
		Paths: []*framework.Path{{
			Pattern: "login/" + framework.GenericNameRegex("username"),
			Fields: map[string]*framework.FieldSchema{
				"username": {Type: framework.TypeString},
				"password": {Type: framework.TypeString},
			},
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.UpdateOperation: &framework.PathOperation{Callback: grant},
			},
		}},
	}
	return b, b.Setup(ctx, conf)
}

// grant returns a batch token, as the mounts that are compared with it do.
func grant(_ context.Context, _ *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	name := d.Get("username").(string)
	return &logical.Response{Auth: &logical.Auth{
		Policies:    []string{"dev"},
		DisplayName: name,
		Alias:       &logical.Alias{Name: name},
		TokenType:   logical.TokenTypeBatch,
	}}, nil
}
