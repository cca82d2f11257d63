package acct

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// LogPostAuth implements Store. If the connection is lost before PostgreSQL has
// answered, the attempt may be in the log twice.
func (s *PostgresStore) LogPostAuth(ctx context.Context, attempt PostAuth) error {
	if err := attempt.check(); err != nil {
		return err
	}
	attempt = attempt.normal()
	return s.call(ctx, func(ctx context.Context, conn querier, sc *schema) error {
		_, err := conn.Exec(ctx, sc.insertPostAuth, sc.postAuths.row(&attempt)...)
		return err
	})
}

// PostAuths implements Store.
func (s *PostgresStore) PostAuths(ctx context.Context, f PostAuthFilter, page Page) (found []PostAuth, more bool, err error) {
	f, page = f.normal(), page.normal()
	err = s.call(ctx, func(ctx context.Context, conn querier, sc *schema) error {
		found = nil
		sql, arguments := postAuthsQuery(sc, f, page)
		rows, err := conn.Query(ctx, sql, arguments...)
		if err != nil {
			return err
		}
		all, err := pgx.CollectRows(rows, values)
		if err != nil {
			return err
		}
		for _, row := range all[:min(len(all), page.Size)] {
			attempt := sc.postAuths.entry(row[1:])
			attempt.ID, _ = row[0].(int64)
			found = append(found, attempt)
		}
		more = len(all) > page.Size
		return nil
	})
	return found, more, err
}

func postAuthsQuery(sc *schema, f PostAuthFilter, page Page) (sql string, arguments []any) {
	var q query
	for _, equal := range []struct{ column, value string }{
		{"username", f.Username},
		{"reply", f.Reply},
		{"calledstationid", f.CalledStationID},
		{"callingstationid", f.CallingStationID},
	} {
		if equal.value != "" {
			q.where(equal.column+" = ", equal.value)
		}
	}
	if !f.From.IsZero() {
		q.where("authdate >= ", f.From)
	}
	if !f.To.IsZero() {
		q.where("authdate <= ", f.To)
	}
	return q.page(sc.postAuths.selection(), "authdate DESC, id DESC", page)
}
