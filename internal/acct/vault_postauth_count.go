package acct

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Strangers cause attempts to log in, as many as they like, so that Vault's storage
// keeps the latest only.
const (
	// maxPostAuths is how many attempts a call of Maintain leaves: each takes half a
	// KiB of storage, two at the most.
	maxPostAuths = 200_000
	// maxNewPostAuths is how many are written until Maintain has made room for more.
	maxNewPostAuths = 10_000
	// acceptedPostAuths is how many of these are kept for accepts, which no stranger
	// causes.
	acceptedPostAuths = 2_000
)

// ErrTooManyPostAuths means that an attempt to log in is not kept, since so many came
// before it.
var ErrTooManyPostAuths = errors.New("too many attempts to log in came since older ones were deleted last")

// postAuthCount counts the attempts in Vault's storage. Those that were there at the
// start are counted by Maintain, bit by bit.
type postAuthCount struct {
	most     int // how many are kept
	mostNew  int // how many are written until there is room for more
	accepted int // how many of these only accepts may be

	mu       sync.Mutex
	room     int    // guarded by mu; how many may be written
	stored   int    // guarded by mu; how many there are at most, of those up to the cursor
	counted  bool   // guarded by mu; all were counted
	cursor   string // guarded by mu; up to which path they were counted, unless all were
	written  int    // guarded by mu; since the latest step of counting began
	doubtful bool   // guarded by mu; a write has failed, which may have been done all the same
}

func newPostAuthCount(most, mostNew, accepted int) *postAuthCount {
	return &postAuthCount{most: most, mostNew: mostNew, accepted: accepted, room: mostNew}
}

// admit reports whether an attempt may be written, and counts it.
func (c *postAuthCount) admit(attempt PostAuth) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	kept := c.accepted
	if attempt.Accepted() {
		kept = 0
	}
	if c.room <= kept {
		return false
	}
	c.room--
	if c.counted {
		c.stored++
	} else {
		c.written++
	}
	return true
}

// failed is called after a write that has failed.
func (c *postAuthCount) failed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.doubtful = true
}

// deleted is called after an attempt was deleted that was at the path.
func (c *postAuthCount) deleted(path string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counted || path <= c.cursor {
		c.stored--
	}
}

// beginStep returns from where the next step of counting goes on; false means that all
// were counted.
func (c *postAuthCount) beginStep() (cursor string, needed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counted && c.doubtful && c.stored > c.most {
		c.stored, c.counted, c.cursor, c.doubtful = 0, false, "", false
	}
	c.written = 0
	return c.cursor, !c.counted
}

// endStep adds what a step has counted, up to the cursor; if it is empty, that was the
// last step. Attempts that were written meanwhile may be counted twice.
func (c *postAuthCount) endStep(found int, cursor string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stored += found
	c.cursor = cursor
	if cursor == "" {
		c.counted = true
		c.stored += c.written
	}
}

// excess returns how many attempts are too many. Before all were counted, none are.
func (c *postAuthCount) excess() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.counted {
		return 0
	}
	return max(0, c.stored-c.most)
}

// makeRoom lets attempts be written again: as many as were deleted, or all that may be
// new if no more are stored than are kept.
func (c *postAuthCount) makeRoom(deleted int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.counted:
	case c.stored <= c.most:
		c.room = c.mostNew
	default:
		c.room = min(c.room+deleted, c.mostNew)
	}
}

// distantFuture is after all attempts, also those of a clock that was wrong.
var distantFuture = time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC)

// trimPostAuths deletes the oldest attempts, those that are too many, a batch of them.
// It counts first, a batch of them as well.
func (s *VaultStore) trimPostAuths(ctx context.Context) (deleted int, more bool, err error) {
	if cursor, needed := s.postAuths.beginStep(); needed {
		found, more, err := s.sweep(ctx, allPostAuths, time.Time{}, distantFuture, &cursor, func(string) (bool, error) { return true, nil })
		if err != nil {
			return 0, false, err // the same step again, next time
		}
		s.postAuths.endStep(found, cursor)
		if more {
			return 0, true, nil
		}
	}
	excess := s.postAuths.excess()
	if excess > 0 {
		for key, err := range s.walk(ctx, allPostAuths, window{to: afterAll}, false) {
			if err == nil {
				err = s.deletePostAuth(ctx, key)
			}
			if err != nil {
				return deleted, false, err
			}
			if deleted++; deleted == min(excess, batch) {
				break
			}
		}
	}
	s.postAuths.makeRoom(deleted)
	return deleted, excess > batch, nil
}
