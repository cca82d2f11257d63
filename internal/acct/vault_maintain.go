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

// closeStale closes sessions of which nothing was heard since a time. It looks at all
// that are open: the clock of a NAS does not tell which those are.
func (s *VaultStore) closeStale(ctx context.Context, limit time.Time) (int, bool, error) {
	return s.sweep(ctx, openSessions, limit.Add(maxDelay), &s.staleCursor, func(key string) (bool, error) {
		return s.closeSession(ctx, key, func(r Record) Record {
			if !r.Open() || !r.heardUpdate().Before(limit) {
				return r
			}
			return closeSilent(r, guessSilence)
		})
	})
}

// deleteSessions deletes sessions whose end was heard before a time. They began before
// it, unless their NAS's clock is ahead, by no more than is believed.
func (s *VaultStore) deleteSessions(ctx context.Context, limit time.Time) (int, bool, error) {
	return s.sweep(ctx, allSessions, limit.Add(maxDelay), &s.expiredCursor, func(key string) (bool, error) {
		defer s.lock(idOf(key))()
		r, current, err := s.find(ctx, key)
		if err != nil || r == nil || current.Open() || !current.heardStop().Before(limit) {
			return false, err
		}
		return true, s.remove(ctx, r)
	})
}

// deletePostAuths deletes attempts from before a time.
func (s *VaultStore) deletePostAuths(ctx context.Context, limit time.Time) (int, bool, error) {
	start := ""
	return s.sweep(ctx, allPostAuths, limit, &start, func(key string) (bool, error) {
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

// sweep does something with the entries of an index that are older than a limit, to
// the microsecond, oldest first, a batch of them, and starts behind the cursor. It counts how often
// it was done. more tells that it stopped before the end; the cursor is where.
func (s *VaultStore) sweep(ctx context.Context, i index, limit time.Time, cursor *string, do func(key string) (bool, error)) (done int, more bool, err error) {
	w := i.window(time.Time{}, limit.Add(-time.Microsecond))
	w.from = *cursor
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
