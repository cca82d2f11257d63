// Package kv keeps JSON entries in Vault's storage, and knows nothing of Vault.
package kv

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
)

// Storage is Vault's storage. Its keys are paths with slashes.
type Storage interface {
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

// Load decodes a stored entry over what each of into points to, and reports whether there
// is one. Numbers of no type become a [json.Number]. label names the entry in errors.
func Load(ctx context.Context, storage Storage, key, label string, into ...any) (found bool, err error) {
	stored, err := storage.Get(ctx, key)
	if err != nil {
		return false, fmt.Errorf("reading %s: %w", label, err)
	}
	if stored == nil {
		return false, nil
	}
	for _, entry := range into {
		decoder := json.NewDecoder(bytes.NewReader(stored))
		decoder.UseNumber()
		if err := decoder.Decode(entry); err != nil {
			return false, fmt.Errorf("decoding %s: %w", label, err)
		}
	}
	return true, nil
}

// Save stores an entry as one line of JSON, as Vault's own methods do. label names the
// entry in errors.
func Save(ctx context.Context, storage Storage, key, label string, value any) error {
	var entry bytes.Buffer
	if err := json.NewEncoder(&entry).Encode(value); err != nil {
		return fmt.Errorf("encoding %s: %w", label, err)
	}
	if err := storage.Put(ctx, key, entry.Bytes()); err != nil {
		return fmt.Errorf("writing %s: %w", label, err)
	}
	return nil
}
