package acct

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// URLError means that the connection URL cannot be read, or has a setting that is
// refused. It quotes nothing of the URL, which has the password.
type URLError struct {
	problem string // empty: it cannot be read
	err     error  // that FIPS 140 mode refuses it; nil for other problems
}

// Unwrap returns what FIPS 140 mode has against it.
func (e *URLError) Unwrap() error { return e.err }

// Error returns the problem, or how the URL should look.
func (e *URLError) Error() string {
	if e.problem != "" {
		return "connection_url " + e.problem
	}
	return "connection_url cannot be read: use postgres://USER:PASSWORD@HOST:5432/DATABASE?sslmode=verify-full, " +
		"with %XX for special characters of the password (%2F for a slash), and options that PostgreSQL's libpq knows"
}

// UnavailableError means that PostgreSQL cannot do it at the moment. Trying again later
// may help, and is safe.
type UnavailableError struct {
	Server string // every host:port of the URL, and the database
	Err    error
	kind   Fault // away, read-only or busy
	detail string
	remedy string
}

// Error returns which server it is, and the advice what to check.
func (e *UnavailableError) Error() string {
	return fmt.Sprintf("PostgreSQL %s is not available (%s): %s", e.Server, e.detail, e.remedy)
}

// Unwrap returns the cause.
func (e *UnavailableError) Unwrap() error { return e.Err }

// CredentialsError means that PostgreSQL refuses the user.
type CredentialsError struct {
	Server, User string
	Err          error
}

// Error returns which user is refused.
func (e *CredentialsError) Error() string {
	return fmt.Sprintf("PostgreSQL %s refuses user %q: "+
		"check user and password in connection_url, tls_client_cert, and the server's pg_hba.conf", e.Server, e.User)
}

// Unwrap returns the cause.
func (e *CredentialsError) Unwrap() error { return e.Err }

// PrivilegeError means that the user may not do what the store has to.
type PrivilegeError struct {
	Server, User string
	Err          *pgconn.PgError
}

// Error returns which privilege is missing, and how to grant it.
func (e *PrivilegeError) Error() string {
	return fmt.Sprintf("PostgreSQL %s: user %q lacks a privilege: %s: "+
		"create %s and %s with FreeRADIUS's schema.sql, or grant USAGE and CREATE on the schema; "+
		"on the tables grant SELECT, INSERT, UPDATE, DELETE, and USAGE on their sequences",
		e.Server, e.User, e.Err.Message, sessionTable, postAuthTable)
}

// Unwrap returns the server's words.
func (e *PrivilegeError) Unwrap() error { return e.Err }

// SchemaError means that the database, or a table in it, is not as it has to be.
type SchemaError struct {
	Server   string
	Problems []string // each with its remedy
	Err      error
}

// Error returns the problems, separated by semicolons.
func (e *SchemaError) Error() string {
	return fmt.Sprintf("PostgreSQL %s: %s", e.Server, strings.Join(e.Problems, "; "))
}

// Unwrap returns the cause, if there is one.
func (e *SchemaError) Unwrap() error { return e.Err }

// Codes of PostgreSQL's manual, appendix A.
const (
	codeUndefinedTable     = "42P01"
	codeDuplicateTable     = "42P07"
	codeDuplicateObject    = "42710"
	codeDuplicateKey       = "23505"
	codeReadOnly           = "25006"
	codeNoPrivilege        = "42501"
	codeNoDatabase         = "3D000"
	codeNotNull            = "23502"
	codeNoConflictIndex    = "42P10"
	codeUndefinedObject    = "42704"
	codeInvalidValue       = "22023"
	codeLockNotFree        = "55P03"
	codeObjectInUse        = "55006"
	codeCancelled          = "57014"
	codeTooManyConnections = "53300"
	codeNoStatement        = "26000"
	codeTwiceStatement     = "42P05"
	codeStalePlan          = "0A000"
	codeProtocol           = "08P01"
)

// explain returns an error of the database driver as one for operators, without the
// password.
func (s *PostgresStore) explain(err error) error {
	if err == nil {
		return nil
	}
	var explained *SchemaError
	if errors.As(err, &explained) {
		return err
	}
	var sent *pgconn.PgError
	if !errors.As(err, &sent) {
		if errors.Is(err, errNotConnected) || errors.Is(err, errLost) || errors.Is(err, errChanged) {
			return s.unavailable(err)
		}
		return fmt.Errorf("PostgreSQL %s: %s", s.server, s.detail(err))
	}
	redacted := *sent
	redacted.Message = s.redact(sent.Message)
	answer := &redacted
	switch code := answer.Code; {
	case errors.Is(err, errNotConnected) && isBadSetting(code):
		// The name in it may be the rest of a password with spaces in it.
		return &URLError{problem: fmt.Sprintf("has a setting that PostgreSQL %s does not know, "+
			"or a value that it does not take: check them, and put values with spaces in quotes", s.server)}
	case errors.Is(err, errNotConnected) && code == codeProtocol && strings.HasPrefix(answer.Message, refusedParameter):
		return &URLError{problem: fmt.Sprintf("has %s, which the PgBouncer at %s refuses: "+
			"remove it, or add it to ignore_startup_parameters there",
			parameterName(strings.TrimPrefix(answer.Message, refusedParameter)), s.server)}
	case code == "28P01" || code == "28000":
		return &CredentialsError{Server: s.server, User: s.user, Err: answer}
	case code == codeNoPrivilege:
		return &PrivilegeError{Server: s.server, User: s.user, Err: answer}
	case code == codeNoDatabase:
		return s.schemaError(answer, fmt.Sprintf("%s: create it, or name another one in connection_url", answer.Message))
	case code == codeNotNull:
		return s.schemaError(answer, fmt.Sprintf("column %s of table %s must have a value that accounting does not know: "+
			"set a default, or allow NULL", answer.ColumnName, answer.TableName))
	case code == codeNoConflictIndex:
		return s.schemaError(answer, fmt.Sprintf("acctuniqueid is not unique: CREATE UNIQUE INDEX ON %s (acctuniqueid)", sessionTable))
	case isNotPrepared(answer):
		return fmt.Errorf("PostgreSQL %s: %w: a pooler such as PgBouncer is between: "+
			"remove %s from connection_url, or set it to exec", s.server, answer, settingExecMode)
	case strings.HasPrefix(code, "42"):
		return s.schemaError(answer, answer.Message)
	case unavailable(code):
		return s.unavailable(answer)
	}
	return fmt.Errorf("PostgreSQL %s: %w", s.server, answer)
}

// refusedParameter is how PgBouncer begins its answer to a parameter that it does not take.
const refusedParameter = "unsupported startup parameter: "

// parameterName returns the name of a parameter of the session, or a stand-in for a name
// that is not known: it may be the rest of a password with spaces in it.
func parameterName(name string) string {
	if slices.Contains(sessionParameters, strings.ToLower(name)) {
		return name
	}
	return "a parameter"
}

// sessionParameters are parameters of PostgreSQL that URLs often have.
var sessionParameters = []string{
	"bytea_output", "client_encoding", "client_min_messages", "datestyle", "default_transaction_isolation",
	"default_transaction_read_only", "extra_float_digits", "idle_in_transaction_session_timeout", "idle_session_timeout",
	"intervalstyle", "jit", "lock_timeout", "log_statement", "options", "replication", "role", "search_path",
	"standard_conforming_strings", "statement_timeout", "synchronous_commit", "tcp_keepalives_count", "tcp_keepalives_idle",
	"tcp_keepalives_interval", "tcp_user_timeout", "timezone", "transaction_timeout", "work_mem",
}

// redact returns a text without the password.
func (s *PostgresStore) redact(text string) string {
	if s.password == "" {
		return text
	}
	return strings.ReplaceAll(text, s.password, "[redacted]")
}

func (s *PostgresStore) schemaError(err error, problem string) error {
	return &SchemaError{Server: s.server, Problems: []string{problem}, Err: err}
}

// detail returns the text of an error, in a line.
func (s *PostgresStore) detail(err error) string {
	return strings.Join(strings.Fields(s.redact(err.Error())), " ")
}

// unavailable returns the error of a server that cannot do it at the moment.
func (s *PostgresStore) unavailable(err error) error {
	e := &UnavailableError{Server: s.server, Err: err, kind: FaultAway, detail: s.detail(err)}
	if errors.Is(err, context.DeadlineExceeded) {
		e.detail = noAnswer
	}
	e.remedy = remedyAway
	switch code := code(err); {
	case errors.Is(err, errClosed):
		e.remedy = "try again"
	case code == codeReadOnly:
		e.kind = FaultReadOnly
		e.remedy = "it only reads: name the primary in connection_url, or several hosts and target_session_attrs=read-write"
	case code == codeTooManyConnections:
		e.remedy = "raise max_connections there, or the user's CONNECTION LIMIT, or lower pool_max_conns in connection_url"
	case code == codeLockNotFree, code == codeObjectInUse, code == codeCancelled, errors.Is(err, errChanged):
		e.kind, e.remedy = FaultBusy, remedyBusy
	case strings.HasPrefix(code, "53"):
		e.kind = FaultBusy
		e.remedy = "see its log: it lacks memory, space on the disk, or another resource"
	}
	return e
}

const (
	noAnswer   = "no answer in time"
	remedyAway = "check that it runs and listens there, that no firewall is between, sslmode in " +
		"connection_url, and the certificates tls_ca_cert and tls_client_cert"
	remedyBusy = "see pg_stat_activity and pg_locks for what holds up its statements, and statement_timeout and lock_timeout of the user"
)

// overdue returns the error of a call that has no answer in time.
func (s *PostgresStore) overdue() error {
	e := &UnavailableError{
		Server: s.server, Err: context.DeadlineExceeded, kind: FaultBusy, detail: noAnswer,
		remedy: "it is overloaded or hangs, or a lock is in the way: " + remedyBusy,
	}
	if s.gate.doubtful() {
		e.kind, e.remedy = FaultAway, remedyAway
	}
	return e
}

// unavailable reports whether a code means that the server cannot do it now: classes 08,
// 40, 53, 57 and 58 are connections, conflicts, resources, operators' intervention and
// the system.
func unavailable(code string) bool {
	if len(code) < 2 {
		return false
	}
	return slices.Contains([]string{"08", "40", "53", "57", "58"}, code[:2]) ||
		slices.Contains([]string{codeLockNotFree, codeObjectInUse, codeReadOnly}, code)
}

// code returns the code of an answer of PostgreSQL; empty if err is none.
func code(err error) string {
	var answer *pgconn.PgError
	if errors.As(err, &answer) {
		return answer.Code
	}
	return ""
}

// conflict reports whether a statement failed since another one was at work: it can be
// done again.
func conflict(err error) bool {
	return errors.Is(err, errChanged) || strings.HasPrefix(code(err), "40")
}

// isBadSetting reports whether a code, of an answer to a new connection, is about a
// setting that PostgreSQL does not know, or its value.
func isBadSetting(code string) bool { return code == codeUndefinedObject || code == codeInvalidValue }

// isNotPrepared reports whether a prepared statement is not there, or was there before.
func isNotPrepared(err error) bool {
	return code(err) == codeNoStatement || code(err) == codeTwiceStatement
}
