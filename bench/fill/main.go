// Command fill is an auth plugin that fills its mount's storage with users and profiles, faster than
// requests for each of them do. BenchmarkNumbers of e2e mounts it, and then has this method take its
// place. It is not for any other server.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/plugin"
	"golang.org/x/sync/errgroup"

	"vault-plugin-auth-radius/internal/catalog"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/profile"
	"vault-plugin-auth-radius/internal/users"
)

// writers is how many entries are written at once.
const writers = 64

func main() {
	if err := plugin.ServeMultiplex(&plugin.ServeOpts{BackendFactoryFunc: factory}); err != nil {
		fmt.Fprintln(os.Stderr, "fill:", err)
		os.Exit(1)
	}
}

func factory(ctx context.Context, conf *logical.BackendConfig) (logical.Backend, error) {
	number := &framework.FieldSchema{Type: framework.TypeInt}
	b := &framework.Backend{
		BackendType:    logical.TypeCredential,
		RunningVersion: "v0.0.1",
		Paths: []*framework.Path{{
			Pattern: "fill",
			Fields:  map[string]*framework.FieldSchema{"profiles": number, "first_user": number, "users": number},
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.UpdateOperation: &framework.PathOperation{Callback: fill},
			},
		}},
	}
	return b, b.Setup(ctx, conf)
}

// fill stores `profiles` profiles, unless that is 0, and `users` users from number `first_user` on. Each user has
// the profile that has the number of the user, counted anew after every 100,000.
func fill(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	to, profiles := storage{req.Storage}, d.Get("profiles").(int)
	err := each(ctx, profiles, func(ctx context.Context, i int) error {
		return catalog.Save(ctx, to, nil, newProfile(i))
	})
	if err == nil && profiles > 0 {
		err = kv.Save(ctx, to, catalog.SequenceKey, "sequence", kv.Sequence{Last: int64(profiles)})
	}
	if err != nil {
		return nil, err
	}
	first := d.Get("first_user").(int)
	return nil, each(ctx, d.Get("users").(int), func(ctx context.Context, i int) error {
		user := &users.User{Policies: []string{"dev"}, Profiles: []int64{int64((first+i)%100_000) + 1}}
		return users.Save(ctx, to, fmt.Sprintf("user-%07d", first+i), user)
	})
}

func newProfile(i int) *catalog.Profile {
	entry := catalog.NewProfile()
	entry.ID, entry.Revision = int64(i)+1, 1
	entry.Name, entry.ShortName = fmt.Sprint("Profile ", i), fmt.Sprintf("profile-%06d", i)
	entry.Check = []profile.Item{{Attribute: "NAS-Port-Type", Operator: "==", Value: "Virtual"}}
	entry.Reply = []profile.Item{{Attribute: "Session-Timeout", Operator: ":=", Value: "3600"}}
	entry.Policies = []string{"dev"}
	return entry
}

// each calls do with the numbers below count, many at once.
func each(ctx context.Context, count int, do func(ctx context.Context, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	for i := range count {
		group.Go(func() error { return do(ctx, i) })
	}
	return group.Wait()
}

// storage is the part of Vault's storage that is needed here.
type storage struct{ logical.Storage }

// Get implements [kv.Storage].
func (s storage) Get(ctx context.Context, key string) ([]byte, error) {
	entry, err := s.Storage.Get(ctx, key)
	if entry == nil || err != nil {
		return nil, err
	}
	return entry.Value, nil
}

// Put implements [kv.Storage].
func (s storage) Put(ctx context.Context, key string, value []byte) error {
	return s.Storage.Put(ctx, &logical.StorageEntry{Key: key, Value: value})
}
