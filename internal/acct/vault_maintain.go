package acct

import (
	"context"
	"fmt"
	"time"
)

// Maintain implements Store. Sessions that began long ago and still go on are read
// again and again, so each call goes on where the last one stopped; that is kept in
// memory only.
func (s *VaultStore) Maintain(ctx context.Context, now time.Time, keep Retention) (Report, error) {
	s.maintaining.Lock()
	defer s.maintaining.Unlock()
	var report Report
	closed, more, err := s.closeRestarted(ctx)
	report.Closed, report.More = closed, more
	if err != nil {
		return report, err
	}
	steps := []struct {
		age  time.Duration
		do   func(ctx context.Context, limit time.Time) (int, bool, error)
		done *int
	}{
		{keep.Stale, s.closeStale, &report.Closed},
		{keep.Sessions, s.deleteSessions, &report.DeletedSessions},
		{keep.PostAuths, s.deletePostAuths, &report.DeletedPostAuths},
	}
	for _, step := range steps {
		if step.age <= 0 {
			continue
		}
		done, more, err := step.do(ctx, now.Add(-step.age))
		*step.done += done
		if err != nil {
			return report, err
		}
		report.More = report.More || more && done > 0
	}
	trimmed, more, err := s.trimPostAuths(ctx)
	report.DeletedPostAuths += trimmed
	report.More = report.More || more
	return report, err
}

// closeStale closes sessions of which nothing was heard since a time.
func (s *VaultStore) closeStale(ctx context.Context, limit time.Time) (int, bool, error) {
	return s.sweepClocks(ctx, openSessions, limit, &s.stale, func(key string) (bool, error) {
		return s.closeSession(ctx, key, func(r Record) Record {
			if !r.Open() || !r.heardUpdate().Before(limit) {
				return r
			}
			return closeSilent(r, guessSilence)
		})
	})
}

// deleteSessions deletes sessions whose end was heard before a time.
func (s *VaultStore) deleteSessions(ctx context.Context, limit time.Time) (int, bool, error) {
	return s.sweepClocks(ctx, allSessions, limit, &s.expired, func(key string) (bool, error) {
		defer s.lock(idOf(key))()
		r, current, err := s.findLocked(ctx, key)
		if err != nil || r == nil || current.Open() || !current.heardStop().Before(limit) {
			return false, err
		}
		return true, s.remove(ctx, r)
	})
}

// cursors are how far the sweeps of an index have come.
type cursors struct{ past, ahead string }

// sweepClocks sweeps what began before a limit, and then what began after it by the clock
// of a NAS that may be ahead, by no more than is believed.
func (s *VaultStore) sweepClocks(
	ctx context.Context, i index, limit time.Time, c *cursors, do func(key string) (bool, error),
) (done int, more bool, err error) {
	done, more, err = s.sweep(ctx, i, time.Time{}, limit, &c.past, do)
	if more || err != nil {
		return done, more, err
	}
	doneAhead, more, err := s.sweep(ctx, i, limit, limit.Add(maxDelay), &c.ahead, do)
	return done + doneAhead, more, err
}

// deletePostAuths deletes attempts from before a time.
func (s *VaultStore) deletePostAuths(ctx context.Context, limit time.Time) (int, bool, error) {
	start := ""
	return s.sweep(ctx, allPostAuths, time.Time{}, limit, &start, func(key string) (bool, error) {
		return true, s.deletePostAuth(ctx, key)
	})
}

// deletePostAuth deletes an attempt, out of the index of its user first: a crash leaves
// none there that leads nowhere.
func (s *VaultStore) deletePostAuth(ctx context.Context, key string) error {
	var attempt PostAuth
	if _, err := s.get(ctx, key, &attempt); err != nil {
		return err
	}
	for _, key := range []string{postAuthsOfUser(attempt.Username).key(attempt.Time, idOf(key)), key} {
		if err := s.storage.Delete(ctx, key); err != nil {
			return fmt.Errorf("deleting %s: %w", key, err)
		}
	}
	s.postAuths.deleted(key[len(allPostAuths.prefix):])
	return nil
}

// sweep calls do for the entries of an index from a time to before a limit, to
// the microsecond, oldest first, a batch of them, and starts behind the cursor. It counts how often
// it was done. more is true if it stopped before the end; the cursor is where.
func (s *VaultStore) sweep(
	ctx context.Context, i index, from, limit time.Time, cursor *string, do func(key string) (bool, error),
) (done int, more bool, err error) {
	w := i.window(from, limit.Add(-time.Microsecond))
	w.from = max(w.from, *cursor)
	last, examined := *cursor, 0
	for key, err := range s.walk(ctx, i, w, false) {
		if err != nil {
			return done, false, err
		}
		path := key[len(i.prefix):]
		if path == *cursor {
			continue
		}
		if examined == batch {
			*cursor = last
			return done, true, nil
		}
		examined++
		ok, err := do(key)
		if err != nil {
			return done, false, err
		}
		if ok {
			done++
		}
		last = path
	}
	*cursor = ""
	return done, false, nil
}
