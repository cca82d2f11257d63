package acct

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Record implements Store. If the connection is lost before PostgreSQL has answered,
// the packet is recorded again, and created may then be false for the first one.
func (s *PostgresStore) Record(ctx context.Context, p Packet) (created bool, err error) {
	p = p.normal()
	if err := checkSession(p); err != nil {
		return false, err
	}
	return withSchema(ctx, s, func(ctx context.Context, conn querier, sc *schema) (bool, error) {
		return recordOnce(ctx, conn, sc, p)
	})
}

// recordOnce returns errChanged if others were faster.
func recordOnce(ctx context.Context, conn querier, sc *schema, p Packet) (created bool, err error) {
	if p.StatusType == Start { // most likely the first packet
		if created, err := insert(ctx, conn, sc, p); created || err != nil {
			return created, err
		}
	}
	id, raw, err := selectSession(ctx, conn, sc, p.UniqueID)
	if err != nil {
		return false, err
	}
	if raw == nil {
		created, err := insert(ctx, conn, sc, p)
		if err == nil && !created {
			err = errChanged
		}
		return created, err
	}
	current := sc.sessions.entry(raw)
	if sc.hasAdded && current.place(p) != placeHere {
		return recordAmongEarlier(ctx, conn, sc, storedSession{id, raw, &current}, p)
	}
	merged := merge(&current, p)
	return false, storedSession{id, raw, &current}.update(ctx, conn, sc, &merged)
}

// storedSession is a session as it was read.
type storedSession struct {
	id  any   // its key
	raw []any // its columns
	*Record
}

// update writes the record of a session. It returns errChanged if the session has changed
// since it was read.
func (s storedSession) update(ctx context.Context, conn querier, sc *schema, r *Record) error {
	row := sc.sessions.row(r)
	if slices.Equal(row, sc.sessions.row(s.Record)) {
		return nil
	}
	changed, err := execCount(ctx, conn, sc.updateSession, append(append(row, s.raw...), s.id)...)
	if err == nil && changed == 0 {
		err = errChanged
	}
	return err
}

// insert makes the record of a packet's session, if there is none.
func insert(ctx context.Context, conn querier, sc *schema, p Packet) (created bool, err error) {
	r := merge(nil, p)
	return insertRecord(ctx, conn, sc, &r)
}

func insertRecord(ctx context.Context, conn querier, sc *schema, r *Record) (created bool, err error) {
	inserted, err := execCount(ctx, conn, sc.insertSession, sc.sessions.row(r)...)
	return inserted > 0, err
}

// selectSession returns the key and the columns of a session; nil if there is none.
func selectSession(ctx context.Context, conn querier, sc *schema, uniqueID string) (id any, raw []any, err error) {
	rows, err := conn.Query(ctx, sc.selectSession, uniqueID)
	if err != nil {
		return nil, nil, err
	}
	found, err := pgx.CollectRows(rows, values)
	if err != nil || len(found) == 0 {
		return nil, nil, err
	}
	return found[0][0], found[0][1:], nil
}

// Sessions implements Store.
func (s *PostgresStore) Sessions(ctx context.Context, f Filter, page Page) (found []Record, more bool, err error) {
	f, page = f.normal(), page.normal()
	result, err := withSchemaSlowly(ctx, s, func(ctx context.Context, conn querier, sc *schema) (pageOf[Record], error) {
		sql, arguments := sessionsQuery(sc, f, page)
		found, more, err := sc.sessions.read(ctx, conn, page, sql, arguments, func(r *Record, id int64) { r.ID = id })
		return pageOf[Record]{found, more}, err
	})
	return result.found, result.more, err
}

// sessionsQuery returns the query for a page and one session more. All values
// of a caller are parameters.
func sessionsQuery(sc *schema, f Filter, page Page) (sql string, arguments []any) {
	q := sessionsChosen(f)
	return q.page(sc.sessions.selection(), "acctstarttime DESC, radacctid DESC", page)
}

// sessionsChosen returns the conditions of a filter.
func sessionsChosen(f Filter) query {
	var q query
	for _, equal := range []struct{ column, value string }{
		{"acctuniqueid", f.UniqueID},
		{"username", f.Username},
		{"calledstationid", f.CalledStationID},
		{"callingstationid", f.CallingStationID},
	} {
		if equal.value != "" {
			q.where(equal.column+" = ", equal.value)
		}
	}
	if f.NASAddress.IsValid() {
		q.where("nasipaddress = ", f.NASAddress.String())
	}
	if !f.StartTime.IsZero() {
		q.where("acctstarttime >= ", f.StartTime)
	}
	if !f.StopTime.IsZero() {
		q.where("acctstoptime <= ", f.StopTime)
		q.where("acctstarttime <= ", f.StopTime) // it follows, and there is an index for it
	}
	if f.IsOpen != nil {
		q.conditions = append(q.conditions, map[bool]string{true: "acctstoptime IS NULL", false: "acctstoptime IS NOT NULL"}[*f.IsOpen])
	}
	return q
}

// query collects conditions and their parameters.
type query struct {
	conditions []string
	arguments  []any
}

// where adds a condition that ends with a parameter.
func (q *query) where(condition string, value any) {
	q.arguments = append(q.arguments, value)
	q.conditions = append(q.conditions, fmt.Sprintf("%s$%d", condition, len(q.arguments)))
}

// page returns the query for a page and one row more.
func (q *query) page(selection, order string, page Page) (sql string, arguments []any) {
	if len(q.conditions) > 0 {
		selection += " WHERE " + strings.Join(q.conditions, " AND ")
	}
	n := len(q.arguments)
	return fmt.Sprintf("%s ORDER BY %s LIMIT $%d OFFSET $%d", selection, order, n+1, n+2),
		append(q.arguments, page.Size+1, page.skipped())
}

// cause returns a terminate cause as long as its column takes it.
func (sc *schema) cause(cause string) string {
	if sc.causeWidth == 0 {
		return cause
	}
	return cutCharacters(cause, sc.causeWidth)
}

// execCount returns how many rows a statement has changed.
func execCount(ctx context.Context, conn querier, sql string, arguments ...any) (int, error) {
	tag, err := conn.Exec(ctx, sql, arguments...)
	return int(tag.RowsAffected()), err
}
