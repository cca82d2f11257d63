package acct

import "context"

// A session that loses its unique id is written under another one before the new session
// is under that id. A crash in between leaves a copy: it does not count, and the
// NAS sends the packet again.

// recordAmongEarlier records a packet that may be about a session before, or after, the
// latest one with its unique id.
func (s *VaultStore) recordAmongEarlier(ctx context.Context, p Packet) (created bool, err error) {
	defer s.lockAll()()
	stored, latest, err := s.load(ctx, hash(p.UniqueID))
	if err != nil {
		return false, err
	}
	if latest == nil {
		return true, s.save(ctx, nil, merge(nil, p))
	}
	asStored := map[*Record]*Record{} // earlier sessions, by what they are now
	found, where, err := placeAmong(latest, p, func(n int64) (*Record, error) {
		stored, current, err := s.load(ctx, hash(earlierID(p.UniqueID, n)))
		if current != nil {
			asStored[current] = stored
		}
		return current, err
	})
	switch {
	case err != nil:
		return false, err
	case where == placeHere:
		return false, s.save(ctx, stored, merge(latest, p))
	case found != nil:
		return false, s.save(ctx, asStored[found], mergeEarlier(found, p, latest.StartTime))
	}
	split := precede
	if where == placeAfter {
		split = follow
	}
	moved, next := split(*latest, p)
	if err := s.save(ctx, nil, moved); err != nil {
		return false, err
	}
	return true, s.save(ctx, stored, next)
}

// isMoved reports whether a record that has lost its unique id counts: another session
// has that now. A copy is of the session that still has it.
func (s *VaultStore) isMoved(ctx context.Context, r *Record) (bool, error) {
	latest, err := s.read(ctx, hash(r.MovedFrom))
	return latest == nil || latest.earlier() >= r.Moved || !latest.StartTime.Equal(r.StartTime.Time), err
}
