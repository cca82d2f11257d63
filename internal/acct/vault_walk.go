package acct

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// walk goes through the keys of an index that are in a window, in the order of
// their times. It reads a folder when it gets there.
func (s *VaultStore) walk(ctx context.Context, i index, w window, newestFirst bool) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		s.walkFolder(ctx, i.prefix, "", w, newestFirst, yield)
	}
}

// walkFolder walks a folder under a prefix; false means to stop.
func (s *VaultStore) walkFolder(
	ctx context.Context, prefix, folder string, w window, newestFirst bool, yield func(string, error) bool,
) bool {
	names, err := s.storage.List(ctx, prefix+folder)
	if err != nil {
		yield("", fmt.Errorf("listing %s: %w", prefix+folder, err))
		return false
	}
	names = slices.Sorted(slices.Values(names))
	if newestFirst {
		slices.Reverse(names)
	}
	for _, name := range names {
		path := folder + name
		switch {
		case !w.has(path):
		case strings.HasSuffix(name, "/"):
			if !s.walkFolder(ctx, prefix, path, w, newestFirst, yield) {
				return false
			}
		case !yield(prefix+path, nil):
			return false
		}
	}
	return true
}
