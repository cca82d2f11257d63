package acct

import "context"

// recordAmongEarlier records a packet that may be about a session before, or after, the
// latest one with its unique id. It returns errChanged if others were faster.
func recordAmongEarlier(ctx context.Context, conn querier, sc *schema, latest storedSession, p Packet) (created bool, err error) {
	stored := map[*Record]storedSession{}
	found, where, err := placeAmong(latest.Record, p, func(n int64) (*Record, error) {
		id, raw, err := selectSession(ctx, conn, sc, earlierID(p.UniqueID, n))
		if err != nil || raw == nil {
			return nil, err
		}
		r := sc.sessions.entry(raw)
		stored[&r] = storedSession{id, raw, &r}
		return &r, nil
	})
	switch {
	case err != nil:
		return false, err
	case where == placeAfter:
		moved, next := follow(*latest.Record, p)
		return true, replaceSession(ctx, conn, sc, latest, &moved, &next)
	case where == placeHere:
		merged := merge(latest.Record, p)
		return false, latest.update(ctx, conn, sc, &merged)
	case found != nil:
		merged := mergeEarlier(found, p, latest.StartTime)
		return false, stored[found].update(ctx, conn, sc, &merged)
	}
	moved, next := precede(*latest.Record, p)
	return true, replaceSession(ctx, conn, sc, latest, &next, &moved)
}

// replaceSession changes a session and adds another, or does neither.
func replaceSession(ctx context.Context, conn querier, sc *schema, stored storedSession, changed, added *Record) error {
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }()
	if err := stored.update(ctx, tx, sc, changed); err != nil {
		return err
	}
	created, err := insertRecord(ctx, tx, sc, added)
	if err != nil {
		return err
	}
	if !created {
		return errChanged
	}
	return tx.Commit(ctx)
}
