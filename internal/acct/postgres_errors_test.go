package acct

import (
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
)

func TestPasswordIsRedactedWhereverItIsQuoted(t *testing.T) {
	t.Parallel()
	store, err := NewPostgres("postgres://bob:s3cret@127.0.0.1:1/radius")
	require.NoError(t, err)
	defer store.Close()
	err = store.explain(fmt.Errorf("%w: %w", errNotConnected, errors.New("cannot log in\n\twith s3cret")))
	require.ErrorContains(t, err, "PostgreSQL 127.0.0.1:1/radius is not available (no connection: cannot log in with [redacted])")
	require.ErrorAs(t, err, new(*UnavailableError))
}

func TestServersAnswersAreToldApart(t *testing.T) {
	t.Parallel()
	store, err := NewPostgres("postgres://bob:s3cret@127.0.0.1:1/radius")
	require.NoError(t, err)
	defer store.Close()
	for code, want := range map[string]any{
		"28P01": new(*CredentialsError), "28000": new(*CredentialsError),
		"42501": new(*PrivilegeError),
		"3D000": new(*SchemaError), "42703": new(*SchemaError), "23502": new(*SchemaError), "42P10": new(*SchemaError),
		"57P03": new(*UnavailableError), "53300": new(*UnavailableError), "08006": new(*UnavailableError),
		"25006": new(*UnavailableError), "55P03": new(*UnavailableError), "57014": new(*UnavailableError), "53100": new(*UnavailableError),
		"40001": new(*UnavailableError), "55006": new(*UnavailableError), "58030": new(*UnavailableError),
		"22001": new(*pgconn.PgError),
	} {
		require.ErrorAs(t, store.explain(&pgconn.PgError{Code: code}), want, code)
	}
	require.True(t, conflict(&pgconn.PgError{Code: "40001"}), "CockroachDB wants it to be tried again")
}
