package acct

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// indexLimit is how long Check waits for indexes: the request that it is for has 60
	// seconds by Vault's client, and 90 by its server.
	indexLimit = 35 * time.Second
	// indexAttempts is how often an index is begun if others make indexes as well.
	indexAttempts = 5
)

// indexDefinitions are for the queries of this package, by name. DESC is for
// databases that spread a first column without it over nodes by its hash.
var indexDefinitions = []indexDefinition{
	{"radacct_bulk_close", sessionTable, "(nasipaddress, acctstarttime) WHERE acctstoptime IS NULL"}, // FreeRADIUS's own
	{"radacct_newest_idx", sessionTable, "(acctstarttime DESC, radacctid DESC)"},
	{"radacct_open_newest_idx", sessionTable, "(acctstarttime DESC, radacctid DESC) WHERE acctstoptime IS NULL"},
	{"radacct_user_newest_idx", sessionTable, "(username, acctstarttime DESC, radacctid DESC)"},
	{"radacct_calling_newest_idx", sessionTable, "(callingstationid, acctstarttime DESC, radacctid DESC)"},
	{"radacct_called_newest_idx", sessionTable, "(calledstationid, acctstarttime DESC, radacctid DESC)"},
	{"radacct_nas_newest_idx", sessionTable, "(nasipaddress, acctstarttime DESC, radacctid DESC)"},
	{"radpostauth_newest_idx", postAuthTable, "(authdate DESC, id DESC)"},
	{"radpostauth_user_newest_idx", postAuthTable, "(username, authdate DESC, id DESC)"},
}

// indexDefinition is an index of a table.
type indexDefinition struct{ name, table, columns string }

// statement makes the index. Concurrently is slower, but lets others write meanwhile.
func (d indexDefinition) statement(concurrently bool) string {
	how := ""
	if concurrently {
		how = "CONCURRENTLY "
	}
	return "CREATE INDEX " + how + "IF NOT EXISTS " + d.name + " ON " + d.table + " " + d.columns
}

// createIndexes makes the indexes that are missing, while others write. Those that the
// user may not make are warnings, as are those that are not made in time: without them,
// queries are slow.
func (s *PostgresStore) createIndexes(ctx context.Context) (warnings []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, indexLimit)
	defer cancel()
	outcome, err := s.makeIndexes(ctx)
	switch {
	case err == nil, ctx.Err() != nil:
	case full(err):
		outcome.missing = indexDefinitions // as far as is known
	case unavailable(code(err)) && len(outcome.missing) > 0: // a limit of the user's, or no space
	default:
		return nil, s.explain(err)
	}
	for _, definition := range outcome.denied {
		warnings = append(warnings, fmt.Sprintf("PostgreSQL %s: user %q may not create an index that queries need: run as the table's owner: %s",
			s.server, s.user, definition.statement(true)))
	}
	for _, definition := range outcome.missing {
		warnings = append(warnings, fmt.Sprintf("PostgreSQL %s: an index that queries need is not made yet: it is made in the background, "+
			"and queries are slow until then; or run: %s", s.server, definition.statement(true)))
	}
	return warnings, nil
}

// madeIndexes is what became of the indexes that were missing.
type madeIndexes struct {
	denied  []indexDefinition // the user may not
	missing []indexDefinition // there was an error, or no time
}

// makeIndexes makes the indexes that are missing, on a connection of its own. An end of
// ctx cancels it.
func (s *PostgresStore) makeIndexes(ctx context.Context) (outcome madeIndexes, err error) {
	config := s.pool.Config().ConnConfig
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	l := newLink(s.wires, s.generation.Load())
	l.prepare(config)
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return outcome, fmt.Errorf("%w: %w", errNotConnected, err)
	}
	defer s.leave(conn)
	stop := context.AfterFunc(ctx, func() { s.abandon(l, conn) })
	defer stop()
	waits := context.WithoutCancel(ctx) // abandon ends it, in time for the server to clear up
	missing, err := missingIndexes(waits, conn)
	if err != nil {
		return outcome, err
	}
	for i, index := range missing {
		err := index.make(waits, conn)
		switch {
		case code(err) == codeNoPrivilege:
			outcome.denied = append(outcome.denied, index.indexDefinition)
		case err != nil:
			for _, index := range missing[i:] {
				outcome.missing = append(outcome.missing, index.indexDefinition)
			}
			return outcome, err
		}
	}
	return outcome, nil
}

// leave closes a connection as a client should.
func (s *PostgresStore) leave(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), endLimit)
	defer cancel()
	_ = conn.Close(ctx) // there is nothing to lose
}

// abandon lets the server cancel the statement of a connection of its own, and ends that
// connection.
func (s *PostgresStore) abandon(l *link, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), endLimit)
	defer cancel()
	_ = l.cancel(ctx, conn) // what is not cancelled is closed
	select {
	case <-conn.PgConn().CleanupDone():
	case <-ctx.Done():
		_ = l.wire.Close()
	}
}

// missingIndex is an index that is to be made.
type missingIndex struct {
	indexDefinition
	invalid bool // it was cancelled while it was being made: it is of no use, and in the way
}

// missingIndexes lists the indexes that are to be made.
func missingIndexes(ctx context.Context, conn querier) (missing []missingIndex, err error) {
	rows, err := conn.Query(ctx, `SELECT c.relname::text, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
		WHERE i.indrelid IN ($1::text::regclass, $2::text::regclass)`, sessionTable, postAuthTable)
	if err != nil {
		return nil, err
	}
	valid := map[string]bool{}
	var name string
	var isValid bool
	if _, err := pgx.ForEachRow(rows, []any{&name, &isValid}, func() error {
		valid[name] = isValid
		return nil
	}); err != nil {
		return nil, err
	}
	for _, definition := range indexDefinitions {
		isValid, exists := valid[definition.name]
		if isValid {
			continue
		}
		if exists {
			underWay, err := beingMade(ctx, conn, definition.table)
			if err != nil {
				return nil, err
			}
			if underWay {
				continue // others are at it
			}
		}
		missing = append(missing, missingIndex{definition, exists})
	}
	return missing, nil
}

// beingMade reports whether others make an index of a table, or change it otherwise.
func beingMade(ctx context.Context, conn querier, table string) (underWay bool, err error) {
	err = conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_locks WHERE relation = $1::text::regclass AND granted
		AND mode = 'ShareUpdateExclusiveLock')`, table).Scan(&underWay)
	return underWay, err
}

// make makes the index. That of an empty table needs no care for other writers.
func (i missingIndex) make(ctx context.Context, conn querier) error {
	var empty bool
	if err := conn.QueryRow(ctx, "SELECT NOT EXISTS (SELECT FROM "+i.table+")").Scan(&empty); err != nil {
		return err
	}
	if empty && !i.invalid {
		err := makeIndexAtOnce(ctx, conn, i.indexDefinition)
		if !conflict(err) && code(err) != codeLockNotFree {
			return err
		}
	}
	var err error
	for range indexAttempts {
		if i.invalid {
			if _, err := conn.Exec(ctx, "DROP INDEX CONCURRENTLY IF EXISTS "+i.name); err != nil {
				return err
			}
		}
		_, err = conn.Exec(ctx, i.statement(true))
		if err == nil || madeByOthers(err) {
			return nil
		}
		if !conflict(err) {
			return err
		}
		i.invalid = true
	}
	return err
}

// makeIndexAtOnce keeps others from writing while it makes the index.
func makeIndexAtOnce(ctx context.Context, conn querier, definition indexDefinition) error {
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }()
	if _, err := tx.Exec(ctx, "SET LOCAL lock_timeout = '1s'"); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, definition.statement(false)); err != nil {
		if madeByOthers(err) {
			return nil
		}
		return err
	}
	return tx.Commit(ctx)
}

// startIndexes makes indexes that are missing in the background, once in the life of
// the store, and again if that failed.
func (s *PostgresStore) startIndexes() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.indexing {
		return
	}
	s.indexing = true
	s.background.Go(func() {
		_, err := s.makeIndexes(s.closing)
		s.endIndexes(err)
	})
}

func (s *PostgresStore) endIndexes(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.indexing = err == nil
}
