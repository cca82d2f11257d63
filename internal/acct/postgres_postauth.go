package acct

import "context"

// LogPostAuth implements Store. If the connection is lost before PostgreSQL has
// answered, the attempt may be in the log twice.
func (s *PostgresStore) LogPostAuth(ctx context.Context, attempt PostAuth) error {
	if err := attempt.check(); err != nil {
		return err
	}
	attempt = attempt.normal()
	_, err := withSchema(ctx, s, func(ctx context.Context, conn querier, sc *schema) (int, error) {
		return execCount(ctx, conn, sc.insertPostAuth, sc.postAuths.row(&attempt)...)
	})
	return err
}

// PostAuths implements Store.
func (s *PostgresStore) PostAuths(ctx context.Context, f PostAuthFilter, page Page) (found []PostAuth, more bool, err error) {
	f, page = f.normal(), page.normal()
	result, err := withSchemaSlowly(ctx, s, func(ctx context.Context, conn querier, sc *schema) (pageOf[PostAuth], error) {
		sql, arguments := postAuthsQuery(sc, f, page)
		found, more, err := sc.postAuths.read(ctx, conn, page, sql, arguments, func(a *PostAuth, id int64) { a.ID = id })
		return pageOf[PostAuth]{found, more}, err
	})
	return result.found, result.more, err
}

func postAuthsQuery(sc *schema, f PostAuthFilter, page Page) (sql string, arguments []any) {
	q := postAuthsChosen(f)
	return q.page(sc.postAuths.selection(), "authdate DESC, id DESC", page)
}

// postAuthsChosen returns the conditions of a filter.
func postAuthsChosen(f PostAuthFilter) query {
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
	return q
}
