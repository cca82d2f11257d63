package acct

import "context"

// KeyValue is Vault's storage as this package needs it. Its keys are paths with
// slashes; values are JSON objects. One process uses it at a time.
type KeyValue interface {
	// List returns the names directly under a prefix that ends in a slash; those
	// that have more under them end in a slash.
	List(ctx context.Context, prefix string) ([]string, error)

	// Get returns nil, nil for a missing key.
	Get(ctx context.Context, key string) ([]byte, error)

	// Put returns when the value is on disk.
	Put(ctx context.Context, key string, value []byte) error

	// Delete of a missing key does nothing.
	Delete(ctx context.Context, key string) error
}
