package acct

import (
	"context"
	"time"
)

// A session ends after its start: there is an index for the one, and for the other
// there is none.
const (
	deleteSessions = `DELETE FROM radacct WHERE acctstoptime < $1 AND radacctid IN (
		SELECT radacctid FROM radacct WHERE acctstarttime < $1 AND acctstoptime < $1 ORDER BY acctstarttime LIMIT $2)`

	deletePostAuths = `DELETE FROM radpostauth WHERE id IN (SELECT id FROM radpostauth WHERE authdate < $1 ORDER BY authdate LIMIT $2)`
)

// Maintain implements Store.
func (s *PostgresStore) Maintain(ctx context.Context, now time.Time, keep Retention) (Report, error) {
	var report Report
	s.startIndexes()
	steps := []struct {
		age  time.Duration
		sql  string
		more []any // parameters between time and batch
		done *int
	}{
		{keep.Stale, closeStale, []any{causeLostCarrier}, &report.Closed},
		{keep.Sessions, deleteSessions, nil, &report.DeletedSessions},
		{keep.PostAuths, deletePostAuths, nil, &report.DeletedPostAuths},
	}
	for _, step := range steps {
		if step.age <= 0 {
			continue
		}
		arguments := append([]any{TimeOf(now.Add(-step.age)).Time}, step.more...)
		done, err := callSlowly(ctx, s, func(ctx context.Context, conn querier, _ *schema) (int, error) {
			return execCount(ctx, conn, step.sql, append(arguments, batch)...)
		})
		if err != nil {
			return report, err
		}
		*step.done = done
		report.More = report.More || *step.done == batch
	}
	return report, nil
}
