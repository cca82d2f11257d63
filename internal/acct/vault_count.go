package acct

import (
	"context"
	"time"
)

// CountSessions implements Store. It reads maxCounted entries at most.
func (s *VaultStore) CountSessions(ctx context.Context, f Filter) (count int, exact bool, err error) {
	f = f.normal()
	if f.UniqueID != "" {
		found, _, err := s.session(ctx, f, Page{}.normal())
		return len(found), true, err
	}
	sessions := f.index()
	examined := 0
	for key, err := range s.walk(ctx, sessions, sessions.window(f.StartTime, f.StopTime), true) {
		if err != nil {
			return 0, false, err
		}
		if examined++; examined > s.counted {
			return count, false, nil
		}
		r, err := s.find(ctx, key)
		if err != nil {
			return 0, false, err
		}
		if r != nil && f.matches(r) {
			count++
		}
	}
	return count, true, nil
}

// OpenSessions implements Store. It counts what the index has, and reads no session: a crash may
// have left an entry that no session is behind.
func (s *VaultStore) OpenSessions(ctx context.Context) (count int, exact bool, err error) {
	isOpen := true
	sessions := Filter{IsOpen: &isOpen}.normal().index()
	for _, err := range s.walk(ctx, sessions, sessions.window(time.Time{}, time.Time{}), true) {
		if err != nil {
			return 0, false, err
		}
		count++
	}
	return count, true, nil
}

// CountPostAuths implements Store. It reads maxCounted entries at most.
func (s *VaultStore) CountPostAuths(ctx context.Context, f PostAuthFilter) (count int, exact bool, err error) {
	f = f.normal()
	attempts := allPostAuths
	if f.Username != "" {
		attempts = postAuthsOfUser(f.Username)
	}
	examined := 0
	for key, err := range s.walk(ctx, attempts, attempts.window(f.From, f.To), true) {
		if err != nil {
			return 0, false, err
		}
		if examined++; examined > s.counted {
			return count, false, nil
		}
		var attempt PostAuth
		exists, err := s.get(ctx, attempts.postAuthKey(key), &attempt)
		if err != nil {
			return 0, false, err
		}
		if exists && f.matches(&attempt) {
			count++
		}
	}
	return count, true, nil
}
