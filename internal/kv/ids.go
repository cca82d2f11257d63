package kv

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Sequence is the stored entry of the last id that was taken.
type Sequence struct {
	Last int64 `json:"last"`
}

// NextID returns an id that nothing of the kind has had, from 1 on. label names the kind
// in errors.
func NextID(ctx context.Context, storage Storage, sequenceKey, label string) (int64, error) {
	var sequence Sequence
	label = "the last id of " + label
	if _, err := Load(ctx, storage, sequenceKey, label, &sequence); err != nil {
		return 0, err
	}
	sequence.Last++
	return sequence.Last, Save(ctx, storage, sequenceKey, label, sequence)
}

// IDs returns the ids under a prefix in their order, with one read of keys.
func IDs(ctx context.Context, storage Storage, prefix, label string) ([]int64, error) {
	keys, err := storage.List(ctx, prefix)
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", label, err)
	}
	ids := make([]int64, 0, len(keys))
	for _, key := range keys {
		if id, ok := ParseID(key); ok {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// IsWholeNumber reports whether a text is all digits, as ids are.
func IsWholeNumber(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }

// ParseID returns the id in a text, and reports whether it is an id as ids are printed: 007 is not.
func ParseID(text string) (int64, bool) {
	id, err := strconv.ParseInt(text, 10, 64)
	return id, err == nil && strconv.FormatInt(id, 10) == text
}

// DeleteIndex deletes the entry of an index.
func DeleteIndex(ctx context.Context, storage Storage, key string) error {
	if err := storage.Delete(ctx, key); err != nil {
		return fmt.Errorf("deleting an index: %w", err)
	}
	return nil
}
