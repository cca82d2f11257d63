package acct

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// URLError means that the connection URL cannot be read, or has a setting that is
// refused. It quotes nothing of the URL, which has the password.
type URLError struct {
	problem string // empty: it cannot be read
}

// Error says what is wrong, or how the URL should look.
func (e *URLError) Error() string {
	if e.problem != "" {
		return "connection_url " + e.problem
	}
	return "connection_url cannot be read: use postgres://USER:PASSWORD@HOST:5432/DATABASE?sslmode=verify-full, with %XX for special characters of the password (%2F for a slash), and options that PostgreSQL's libpq knows"
}

// UnavailableError means that PostgreSQL cannot be used at the moment. Trying again
// later may help, and is safe.
type UnavailableError struct {
	Server string // host:port/database
	Err    error
	detail string
}

// Error says which server it is and what to check.
func (e *UnavailableError) Error() string {
	return fmt.Sprintf("PostgreSQL %s is not available (%s): check that it runs and listens there, that no firewall is between, sslmode in connection_url, and the certificates tls_ca_cert and tls_client_cert", e.Server, e.detail)
}

// Unwrap gives the cause.
func (e *UnavailableError) Unwrap() error { return e.Err }

// CredentialsError means that PostgreSQL refuses the user.
type CredentialsError struct {
	Server, User string
	Err          error
}

// Error says whom it refuses.
func (e *CredentialsError) Error() string {
	return fmt.Sprintf("PostgreSQL %s refuses user %q: check user and password in connection_url, tls_client_cert, and the server's pg_hba.conf", e.Server, e.User)
}

// Unwrap gives the cause.
func (e *CredentialsError) Unwrap() error { return e.Err }

// PrivilegeError means that the user may not do what the store has to.
type PrivilegeError struct {
	Server, User string
	Err          *pgconn.PgError
}

// Error says what is not allowed and how to allow it.
func (e *PrivilegeError) Error() string {
	if e.Err.Code == codeReadOnly {
		return fmt.Sprintf("PostgreSQL %s only reads: name the primary in connection_url, or several hosts and target_session_attrs=read-write", e.Server)
	}
	return fmt.Sprintf("PostgreSQL %s: user %q lacks a privilege: %s: create %s and %s with FreeRADIUS's schema.sql, or grant USAGE and CREATE on the schema; on the tables grant SELECT, INSERT, UPDATE, DELETE, and USAGE on their sequences",
		e.Server, e.User, e.Err.Message, sessionTable, postAuthTable)
}

// Unwrap gives the server's words.
func (e *PrivilegeError) Unwrap() error { return e.Err }

// SchemaError means that the database, or a table in it, is not as it has to be.
type SchemaError struct {
	Server   string
	Problems []string // what is wrong, each with what to do
	Err      error
}

// Error lists what is wrong.
func (e *SchemaError) Error() string {
	return fmt.Sprintf("PostgreSQL %s: %s", e.Server, strings.Join(e.Problems, "; "))
}

// Unwrap gives the cause, if there is one.
func (e *SchemaError) Unwrap() error { return e.Err }

// Codes of PostgreSQL's manual, appendix A.
const (
	codeUndefinedTable  = "42P01"
	codeDuplicateTable  = "42P07"
	codeDuplicateObject = "42710"
	codeDuplicateKey    = "23505"
	codeReadOnly        = "25006"
	codeNoPrivilege     = "42501"
	codeNoDatabase      = "3D000"
	codeNotNull         = "23502"
	codeNoConflictIndex = "42P10"
	codeUndefinedObject = "42704"
	codeInvalidValue    = "22023"
)

// explain makes an error of the database driver one for operators, without the
// password.
func (s *PostgresStore) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("PostgreSQL %s: %w", s.server, ctx.Err())
	}
	var explained *SchemaError
	if errors.As(err, &explained) {
		return err
	}
	var sent *pgconn.PgError
	if !errors.As(err, &sent) {
		return s.unavailable(err)
	}
	redacted := *sent
	redacted.Message = s.redact(sent.Message)
	answer := &redacted
	switch code := answer.Code; {
	case errors.Is(err, errNotConnected) && isBadSetting(code):
		// What it names may be the rest of a password with spaces in it.
		return &URLError{problem: fmt.Sprintf("has a setting that PostgreSQL %s does not know, or a value that it does not take: check them, and put values with spaces in quotes", s.server)}
	case code == "28P01" || code == "28000":
		return &CredentialsError{Server: s.server, User: s.user, Err: answer}
	case code == codeNoPrivilege || code == codeReadOnly:
		return &PrivilegeError{Server: s.server, User: s.user, Err: answer}
	case code == codeNoDatabase:
		return s.schemaError(answer, fmt.Sprintf("%s: create it, or name another one in connection_url", answer.Message))
	case code == codeNotNull:
		return s.schemaError(answer, fmt.Sprintf("column %s of table %s has to have a value that accounting does not know: give it a default, or allow NULL", answer.ColumnName, answer.TableName))
	case code == codeNoConflictIndex:
		return s.schemaError(answer, fmt.Sprintf("acctuniqueid is not unique: CREATE UNIQUE INDEX ON %s (acctuniqueid)", sessionTable))
	case strings.HasPrefix(code, "42"):
		return s.schemaError(answer, answer.Message)
	case unavailable(code):
		return s.unavailable(answer)
	}
	return fmt.Errorf("PostgreSQL %s: %w", s.server, answer)
}

// redact removes the password from a text.
func (s *PostgresStore) redact(text string) string {
	if s.password == "" {
		return text
	}
	return strings.ReplaceAll(text, s.password, "[redacted]")
}

func (s *PostgresStore) schemaError(err error, problem string) error {
	return &SchemaError{Server: s.server, Problems: []string{problem}, Err: err}
}

func (s *PostgresStore) unavailable(err error) error {
	detail := strings.Join(strings.Fields(s.redact(err.Error())), " ") // it may have several lines
	if errors.Is(err, context.DeadlineExceeded) {
		detail = "no answer in time"
	}
	return &UnavailableError{Server: s.server, Err: err, detail: detail}
}

// unavailable tells whether a code means that the server cannot work now: classes
// 08, 53 and 57 are connections, resources and operators' intervention.
func unavailable(code string) bool {
	return strings.HasPrefix(code, "08") || strings.HasPrefix(code, "53") || strings.HasPrefix(code, "57")
}

// code returns the code of an answer of PostgreSQL; empty if err is none.
func code(err error) string {
	var answer *pgconn.PgError
	if errors.As(err, &answer) {
		return answer.Code
	}
	return ""
}

// conflict tells whether a statement failed since another one was at work: it can be
// done again.
func conflict(err error) bool {
	return errors.Is(err, errChanged) || strings.HasPrefix(code(err), "40")
}

// isBadSetting reports whether a code, of an answer to a new connection, is about a
// setting that PostgreSQL does not know, or its value.
func isBadSetting(code string) bool { return code == codeUndefinedObject || code == codeInvalidValue }

// disconnected tells whether a connection that was there is lost.
func disconnected(err error) bool {
	if answered := code(err); answered != "" {
		return unavailable(answered)
	}
	return !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled)
}
