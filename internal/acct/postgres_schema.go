package acct

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// schema holds what the store knows of its tables, and the statements for them.
type schema struct {
	sessions  table[Record]
	postAuths table[PostAuth]

	insertSession  string
	selectSession  string
	updateSession  string // if it is still as it was read
	insertPostAuth string
	closeOfNAS     string
	closeStale     string
	deleteSessions string
	causeWidth     int // of acctterminatecause

	hasAdded bool     // whether the table of sessions has the columns that are added
	warnings []string // about those
	tryAgain bool     // whether they may be added later
}

var (
	sessionsWanted  = table[Record]{name: sessionTable, key: "radacctid", columns: sessionColumns}
	postAuthsWanted = table[PostAuth]{name: postAuthTable, key: "id", columns: postAuthColumns}
)

// tableDefinitions make the tables. pass stays empty: it is there for programs that
// select it.
var tableDefinitions = map[string]string{
	sessionTable:  sessionsWanted.definition(),
	postAuthTable: postAuthsWanted.definition("pass text"),
}

// readSchema returns the tables as they are, and makes those that are missing.
func (s *PostgresStore) readSchema(ctx context.Context, conn querier) (*schema, error) {
	var encoding string
	if err := conn.QueryRow(ctx, "SHOW server_encoding").Scan(&encoding); err != nil {
		return nil, err
	}
	if !strings.EqualFold(encoding, "UTF8") {
		return nil, &SchemaError{
			Server:   s.server,
			Problems: []string{fmt.Sprintf("the database's encoding is %s: create one with ENCODING 'UTF8'", encoding)},
		}
	}
	sessions, sessionProblems, err := readTable(ctx, conn, sessionsWanted)
	if err != nil {
		return nil, err
	}
	columns := addedColumns{}
	if len(sessionProblems) == 0 {
		if sessions, columns, err = s.addColumns(ctx, conn, sessions); err != nil {
			return nil, err
		}
	}
	postAuths, postAuthProblems, err := readTable(ctx, conn, postAuthsWanted)
	if err != nil {
		return nil, err
	}
	for i, c := range sessions.columns {
		if c.name == "acctuniqueid" && sessions.widths[i] > 0 && sessions.widths[i] < maxUniqueIDLen {
			sessionProblems = append(sessionProblems, fmt.Sprintf(
				"column acctuniqueid is too short: ALTER TABLE %s ALTER COLUMN acctuniqueid TYPE text", sessionTable))
		}
	}
	if problems := append(sessionProblems, postAuthProblems...); len(problems) > 0 {
		return nil, &SchemaError{Server: s.server, Problems: problems}
	}
	sc := newSchema(sessions, postAuths)
	sc.warnings, sc.tryAgain = columns.warnings, columns.tryAgain
	return sc, nil
}

func newSchema(sessions table[Record], postAuths table[PostAuth]) *schema {
	n := len(sessions.columns)
	var sets, same []string
	for i, c := range sessions.columns {
		sets = append(sets, fmt.Sprintf("%s = $%d", c.name, i+1))
		same = append(same, fmt.Sprintf("%s IS NOT DISTINCT FROM $%d", c.name, n+i+1))
	}
	cause := slices.IndexFunc(sessions.columns, func(c column[Record]) bool { return c.name == "acctterminatecause" })
	closing := newClosing(len(missingColumns(sessions)) == 0)
	return &schema{
		hasAdded:       closing.hasAdded,
		closeOfNAS:     closing.ofNAS(),
		closeStale:     closing.stale(),
		deleteSessions: closing.deletion(),
		sessions:       sessions,
		postAuths:      postAuths,
		insertSession: fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s) ON CONFLICT (acctuniqueid) DO NOTHING",
			sessionTable, sessions.names(), placeholders(1, n)),
		selectSession: sessions.selection() + " WHERE acctuniqueid = $1",
		updateSession: fmt.Sprintf("UPDATE %s SET %s WHERE radacctid = $%d AND %s",
			sessionTable, strings.Join(sets, ", "), 2*n+1, strings.Join(same, " AND ")),
		insertPostAuth: fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)",
			postAuthTable, postAuths.names(), placeholders(1, len(postAuths.columns))),
		causeWidth: sessions.widths[cause],
	}
}

// readTable returns a table as it is, and makes it if it is missing.
func readTable[T any](ctx context.Context, conn querier, wanted table[T]) (actual table[T], problems []string, err error) {
	descriptions, err := describe(ctx, conn, wanted.name)
	if code(err) == codeUndefinedTable {
		_, err = conn.Exec(ctx, tableDefinitions[wanted.name])
		if err == nil || madeByOthers(err) {
			descriptions, err = describe(ctx, conn, wanted.name)
		}
	}
	if err != nil {
		return table[T]{}, nil, err
	}
	actual, problems = wanted.found(descriptions)
	return actual, problems, nil
}

// describe returns the columns of a table. The statement is not to be prepared:
// what it returns may change.
func describe(ctx context.Context, conn querier, name string) ([]pgconn.FieldDescription, error) {
	rows, err := conn.Query(ctx, "SELECT * FROM "+name+" LIMIT 0", pgx.QueryExecModeExec)
	if err != nil {
		return nil, err
	}
	rows.Close()
	return slices.Clone(rows.FieldDescriptions()), rows.Err()
}

// madeByOthers reports whether another client was faster to make a table or an index.
// IF NOT EXISTS does not keep that from failing.
func madeByOthers(err error) bool {
	return slices.Contains([]string{codeDuplicateTable, codeDuplicateObject, codeDuplicateKey}, code(err))
}

// probe writes, reads, changes and deletes an entry of each table, and rolls all of it
// back: it finds missing privileges, and columns that have to have values.
func probe(ctx context.Context, conn querier, sc *schema) error {
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }()
	now := time.Now()
	r := Merge(nil, Packet{StatusType: Start, Time: now, Attributes: Attributes{
		SessionID: "check", UniqueID: rand.Text(), NASAddress: checkAddress,
	}})
	if _, err := tx.Exec(ctx, sc.insertSession, sc.sessions.row(&r)...); err != nil {
		return err
	}
	id, raw, err := selectSession(ctx, tx, sc, r.UniqueID)
	if err != nil {
		return err
	}
	closed := closeSilent(r, guessSilence)
	if _, err := tx.Exec(ctx, sc.updateSession, append(append(sc.sessions.row(&closed), raw...), id)...); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "DELETE FROM "+sessionTable+" WHERE radacctid = $1", id); err != nil {
		return err
	}
	attempt := PostAuth{Username: "check", Time: TimeOf(now)}
	if _, err := tx.Exec(ctx, sc.insertPostAuth, sc.postAuths.row(&attempt)...); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "DELETE FROM "+postAuthTable+" WHERE username = $1 AND authdate = $2", attempt.Username, attempt.Time.Time)
	return err
}
