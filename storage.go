package radiusauth

import (
	"context"
	"fmt"

	"github.com/hashicorp/vault/sdk/logical"
)

// loadJSON decodes a stored entry over what each of into points to; false if there is
// none. label names it in errors.
func loadJSON(ctx context.Context, storage logical.Storage, key, label string, into ...any) (found bool, err error) {
	stored, err := storage.Get(ctx, key)
	if err != nil {
		return false, fmt.Errorf("reading %s: %w", label, err)
	}
	if stored == nil {
		return false, nil
	}
	for _, entry := range into {
		if err := stored.DecodeJSON(entry); err != nil {
			return false, fmt.Errorf("decoding %s: %w", label, err)
		}
	}
	return true, nil
}

// saveJSON stores an entry. label names it in errors.
func saveJSON(ctx context.Context, storage logical.Storage, key, label string, value any) error {
	entry, err := logical.StorageEntryJSON(key, value)
	if err != nil {
		return fmt.Errorf("encoding %s: %w", label, err)
	}
	if err := storage.Put(ctx, entry); err != nil {
		return fmt.Errorf("writing %s: %w", label, err)
	}
	return nil
}
