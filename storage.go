package radiusauth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/challenge"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/source"
)

// sealWrapped are the keys, and beginnings of keys, of entries with secrets, which Vault
// Enterprise encrypts once more.
var sealWrapped = []string{configKey, challenge.StorageKey, source.KeyPrefix, freeradiusConfigKey}

// storageOf returns the storage of a request.
func storageOf(req *logical.Request) kv.Storage { return vaultStorage{req.Storage} }

// vaultStorage is Vault's storage as the rooms see it. Its errors are those of the context if that
// has ended: on the way from Vault to a plugin they lose their type.
type vaultStorage struct{ logical.Storage }

// Get implements [kv.Storage].
func (s vaultStorage) Get(ctx context.Context, key string) ([]byte, error) {
	entry, err := s.Storage.Get(ctx, key)
	if entry == nil || err != nil {
		return nil, errorOf(ctx, err)
	}
	return entry.Value, nil
}

// List implements [kv.Storage].
func (s vaultStorage) List(ctx context.Context, prefix string) ([]string, error) {
	keys, err := s.Storage.List(ctx, prefix)
	return keys, errorOf(ctx, err)
}

// Put implements [kv.Storage].
func (s vaultStorage) Put(ctx context.Context, key string, value []byte) error {
	wrapped := slices.ContainsFunc(sealWrapped, func(beginning string) bool { return strings.HasPrefix(key, beginning) })
	return errorOf(ctx, s.Storage.Put(ctx, &logical.StorageEntry{Key: key, Value: value, SealWrap: wrapped}))
}

// Delete implements [kv.Storage].
func (s vaultStorage) Delete(ctx context.Context, key string) error {
	return errorOf(ctx, s.Storage.Delete(ctx, key))
}

// errorOf returns the error of a call of Vault's storage, which is also that of the context if it
// has ended.
func errorOf(ctx context.Context, err error) error {
	if ended := ctx.Err(); err != nil && ended != nil && !errors.Is(err, ended) {
		return fmt.Errorf("%w: %w", ended, err)
	}
	return err
}

// writing are the operations that write storage.
var writing = []logical.Operation{logical.CreateOperation, logical.UpdateOperation, logical.PatchOperation, logical.DeleteOperation}

// forwarded has servers that may not write storage hand writes on to one that may:
// performance standbys to their active server, performance secondaries to the
// primary. The error of a write that failed would not tell Vault to: its type is lost
// on the way.
func forwarded(paths ...*framework.Path) []*framework.Path {
	forEachWrite(paths, func(operation *framework.PathOperation) {
		operation.ForwardPerformanceStandby, operation.ForwardPerformanceSecondary = true, true
	})
	return paths
}

// forwardedByStandbys is the same for what each cluster keeps for itself.
func forwardedByStandbys(paths ...*framework.Path) []*framework.Path {
	forEachWrite(paths, func(operation *framework.PathOperation) { operation.ForwardPerformanceStandby = true })
	return paths
}

func forEachWrite(paths []*framework.Path, do func(*framework.PathOperation)) {
	for _, path := range paths {
		for _, kind := range writing {
			if operation, found := path.Operations[kind].(*framework.PathOperation); found {
				do(operation)
			}
		}
	}
}
