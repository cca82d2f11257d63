package acct

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// CountSessions implements Store. Counting that takes too long is given up.
func (s *PostgresStore) CountSessions(ctx context.Context, f Filter) (count int, exact bool, err error) {
	return s.count(ctx, "radacct", sessionsChosen(f.normal()))
}

// CountPostAuths implements Store. Counting that takes too long is given up.
func (s *PostgresStore) CountPostAuths(ctx context.Context, f PostAuthFilter) (count int, exact bool, err error) {
	return s.count(ctx, "radpostauth", postAuthsChosen(f.normal()))
}

// count counts the rows of a table that a query chooses.
func (s *PostgresStore) count(ctx context.Context, table string, q query) (count int, exact bool, err error) {
	sql, arguments := q.count(table)
	type counting struct {
		count int
		slow  bool
	}
	counted, err := callSlowly(ctx, s, func(ctx context.Context, conn querier, _ *schema) (c counting, err error) {
		err = conn.QueryRow(ctx, sql, arguments...).Scan(&c.count)
		if c.slow = err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded); c.slow {
			return c, nil // trying again would take as long
		}
		return c, err
	})
	return counted.count, !counted.slow && counted.count <= maxCounted, err
}

// count returns the query for the number of chosen rows, which stops above maxCounted.
func (q *query) count(table string) (sql string, arguments []any) {
	where := ""
	if len(q.conditions) > 0 {
		where = " WHERE " + strings.Join(q.conditions, " AND ")
	}
	return fmt.Sprintf("SELECT count(*) FROM (SELECT 1 FROM %s%s LIMIT %d) chosen", table, where, maxCounted+1), q.arguments
}
