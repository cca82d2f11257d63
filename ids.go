package radiusauth

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/vault/sdk/logical"
)

// sequenceEntry is the last id that was given.
type sequenceEntry struct {
	Last int64 `json:"last"`
}

// nextID gives an id that nothing of the kind has had. label names the kind in
// errors.
func nextID(ctx context.Context, storage logical.Storage, sequenceKey, label string) (int64, error) {
	var sequence sequenceEntry
	label = "the last id of " + label
	if _, err := loadJSON(ctx, storage, sequenceKey, label, &sequence); err != nil {
		return 0, err
	}
	sequence.Last++
	return sequence.Last, saveJSON(ctx, storage, sequenceKey, label, sequence)
}

// storedIDs lists the ids under a prefix in their order, with one read of keys.
func storedIDs(ctx context.Context, storage logical.Storage, prefix, label string) ([]int64, error) {
	keys, err := storage.List(ctx, prefix)
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", label, err)
	}
	ids := make([]int64, 0, len(keys))
	for _, key := range keys {
		if id, ok := parseID(key); ok {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

func isNumber(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }

// parseID reads an id; false if it is none, or not as ids are printed, such as
// 007.
func parseID(text string) (int64, bool) {
	id, err := strconv.ParseInt(text, 10, 64)
	return id, err == nil && strconv.FormatInt(id, 10) == text
}

func deleteIndex(ctx context.Context, storage logical.Storage, key string) error {
	if err := storage.Delete(ctx, key); err != nil {
		return fmt.Errorf("deleting an index: %w", err)
	}
	return nil
}
