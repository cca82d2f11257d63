package acct

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// FreeRADIUS's table has no place for the times of this server's clock, nor have tables
// that earlier versions have made. The columns for them are added, and take NULL, so
// that other programs and earlier versions go on. Where they may not be added the store
// goes by the times of the NASes, as before.

// addedColumns is the outcome of adding columns.
type addedColumns struct {
	warnings []string
	tryAgain bool // they may be added later
}

// addColumns adds the columns that a table of sessions lacks, and returns the table as it
// is then: with all of them, or none.
func (s *PostgresStore) addColumns(ctx context.Context, conn querier, actual table[Record]) (table[Record], addedColumns, error) {
	missing := missingColumns(actual)
	if len(missing) == 0 {
		return actual, addedColumns{}, nil
	}
	const add = "ADD COLUMN IF NOT EXISTS "
	statement := "ALTER TABLE " + sessionTable + " " + add + strings.Join(missing, ", "+add)
	err := addWithoutWaiting(ctx, conn, statement)
	var refused *pgconn.PgError
	if err != nil && !errors.As(err, &refused) {
		return actual, addedColumns{}, err
	}
	descriptions, err := describe(ctx, conn, sessionTable)
	if err != nil {
		return actual, addedColumns{}, err
	}
	actual, problems := sessionsWanted.found(descriptions)
	if len(problems) > 0 {
		return actual, addedColumns{}, &SchemaError{Server: s.server, Problems: problems}
	}
	if len(missingColumns(actual)) == 0 {
		return actual, addedColumns{}, nil
	}
	reason := "has other columns of these names"
	if refused != nil {
		reason = s.redact(refused.Message)
	}
	warning := fmt.Sprintf("PostgreSQL %s: columns could not be added to %s (%s): until they are there, "+
		"retention and stale_session_after go by the clocks of the NASes, and sessions that use a unique id again are one: "+
		"run as the table's owner, then write this config again: %s", s.server, sessionTable, reason, statement)
	tryAgain := refused != nil && refused.Code != codeNoPrivilege
	return withoutAdded(actual), addedColumns{warnings: []string{warning}, tryAgain: tryAgain}, nil
}

// addWithoutWaiting adds columns unless the table is in use for long: others would wait
// behind the statement.
func addWithoutWaiting(ctx context.Context, conn querier, statement string) error {
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }()
	for _, sql := range []string{"SET LOCAL lock_timeout = '500ms'", statement} {
		if _, err := tx.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return tx.Commit(ctx)
}

// missingColumns returns the definitions of the columns to be added that a table lacks.
func missingColumns(t table[Record]) (definitions []string) {
	for _, c := range sessionColumns {
		if c.presence == added && !slices.ContainsFunc(t.columns, func(has column[Record]) bool { return has.name == c.name }) {
			definitions = append(definitions, c.name+" "+c.kind.definition)
		}
	}
	return definitions
}

// withoutAdded returns the table without the columns that are added.
func withoutAdded(t table[Record]) table[Record] {
	kept := table[Record]{name: t.name, key: t.key}
	for i, c := range t.columns {
		if c.presence != added {
			kept.columns, kept.widths = append(kept.columns, c), append(kept.widths, t.widths[i])
		}
	}
	return kept
}
