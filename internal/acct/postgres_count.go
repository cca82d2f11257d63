package acct

import (
	"context"
	"fmt"
	"strings"
)

// CountSessions implements Store. The error of counting that takes too long is a *UnavailableError.
func (s *PostgresStore) CountSessions(ctx context.Context, f Filter) (count int, exact bool, err error) {
	return s.count(ctx, "radacct", sessionsChosen(f.normal()))
}

// OpenSessions implements Store.
func (s *PostgresStore) OpenSessions(ctx context.Context) (count int, exact bool, err error) {
	isOpen := true
	count, exact, err = s.CountSessions(ctx, Filter{IsOpen: &isOpen})
	return min(count, maxCounted), exact, err
}

// CountPostAuths implements Store. The error of counting that takes too long is a *UnavailableError.
func (s *PostgresStore) CountPostAuths(ctx context.Context, f PostAuthFilter) (count int, exact bool, err error) {
	return s.count(ctx, "radpostauth", postAuthsChosen(f.normal()))
}

// count counts the rows of a table that a query chooses.
func (s *PostgresStore) count(ctx context.Context, table string, q query) (count int, exact bool, err error) {
	sql, arguments := q.count(table)
	count, err = withSchemaSlowly(ctx, s, func(ctx context.Context, conn querier, _ *schema) (count int, err error) {
		err = conn.QueryRow(ctx, sql, arguments...).Scan(&count)
		return count, err
	})
	return count, err == nil && count <= maxCounted, err
}

// count returns the query for the number of chosen rows, which stops above maxCounted.
func (q *query) count(table string) (sql string, arguments []any) {
	where := ""
	if len(q.conditions) > 0 {
		where = " WHERE " + strings.Join(q.conditions, " AND ")
	}
	return fmt.Sprintf("SELECT count(*) FROM (SELECT 1 FROM %s%s LIMIT %d) chosen", table, where, maxCounted+1), q.arguments
}
