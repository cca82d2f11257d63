package acct

import (
	"context"
	"time"
)

const deletePostAuths = `DELETE FROM radpostauth WHERE id IN (SELECT id FROM radpostauth WHERE authdate < $1 ORDER BY authdate LIMIT $2)`

// Maintain implements Store.
func (s *PostgresStore) Maintain(ctx context.Context, now time.Time, keep Retention) (Report, error) {
	if sc := s.schema.Load(); sc != nil && sc.tryAgain {
		s.schema.Store(nil) // it is read again
	}
	var report Report
	s.startIndexes()
	steps := []struct {
		age  time.Duration
		sql  func(*schema) string
		more []any // parameters between time and batch
		done *int
	}{
		{keep.Stale, func(sc *schema) string { return sc.closeStale }, []any{causeLostCarrier}, &report.Closed},
		{keep.Sessions, func(sc *schema) string { return sc.deleteSessions }, nil, &report.DeletedSessions},
		{keep.PostAuths, func(*schema) string { return deletePostAuths }, nil, &report.DeletedPostAuths},
	}
	for _, step := range steps {
		if step.age <= 0 {
			continue
		}
		arguments := append([]any{TimeOf(now.Add(-step.age)).Time}, step.more...)
		done, err := withSchemaSlowly(ctx, s, func(ctx context.Context, conn querier, sc *schema) (int, error) {
			return execCount(ctx, conn, step.sql(sc), append(arguments, batch)...)
		})
		if err != nil {
			return report, err
		}
		*step.done = done
		report.More = report.More || *step.done == batch
	}
	return report, nil
}
