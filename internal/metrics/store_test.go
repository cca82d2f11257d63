package metrics

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/acct"
)

// failingStore answers each call with its error.
type failingStore struct{ err error }

func (s failingStore) Record(context.Context, acct.Packet) (bool, error) { return true, s.err }
func (s failingStore) CloseNAS(context.Context, acct.Restart) error      { return s.err }
func (s failingStore) LogPostAuth(context.Context, acct.PostAuth) error  { return s.err }
func (s failingStore) CountSessions(context.Context, acct.Filter) (int, bool, error) {
	return 3, true, s.err
}

func (s failingStore) OpenSessions(context.Context) (int, bool, error) { return 6, true, s.err }

func (s failingStore) CountPostAuths(context.Context, acct.PostAuthFilter) (int, bool, error) {
	return 4, true, s.err
}

func (s failingStore) Sessions(context.Context, acct.Filter, acct.Page) ([]acct.Record, bool, error) {
	return nil, true, s.err
}

func (s failingStore) PostAuths(context.Context, acct.PostAuthFilter, acct.Page) ([]acct.PostAuth, bool, error) {
	return nil, true, s.err
}

func (s failingStore) Maintain(context.Context, time.Time, acct.Retention) (acct.Report, error) {
	return acct.Report{Closed: 5}, s.err
}

func (failingStore) Close() {}

// callAll calls each method of a store, and returns their errors.
func callAll(ctx context.Context, store acct.Store) (errs []error) {
	add := func(err error) { errs = append(errs, err) }
	_, err := store.Record(ctx, acct.Packet{})
	add(err)
	add(store.CloseNAS(ctx, acct.Restart{}))
	_, _, err = store.Sessions(ctx, acct.Filter{}, acct.Page{})
	add(err)
	_, _, err = store.CountSessions(ctx, acct.Filter{})
	add(err)
	_, _, err = store.OpenSessions(ctx)
	add(err)
	add(store.LogPostAuth(ctx, acct.PostAuth{}))
	_, _, err = store.PostAuths(ctx, acct.PostAuthFilter{}, acct.Page{})
	add(err)
	_, _, err = store.CountPostAuths(ctx, acct.PostAuthFilter{})
	add(err)
	_, err = store.Maintain(ctx, time.Time{}, acct.Retention{})
	add(err)
	return errs
}

func TestCallsOfTheStoreAreMeasuredAndTheirErrorsHandedOn(t *testing.T) {
	t.Parallel()
	fault := &acct.SchemaError{Server: "db", Problems: []string{"a column is missing"}}
	m := New("")
	for _, err := range callAll(t.Context(), m.Store("postgres", failingStore{fault})) {
		require.Equal(t, error(fault), err)
	}
	for _, err := range callAll(t.Context(), m.Store("postgres", failingStore{})) {
		require.NoError(t, err)
	}
	text := exposition(t, m, Snapshot{})
	for _, call := range operations {
		requireLines(
			t, text,
			fmt.Sprintf(`store_seconds_count{operation="%s",store="postgres"} 2`, call),
			fmt.Sprintf(`store_errors_total{fault="tables",operation="%s",store="postgres"} 1`, call),
			fmt.Sprintf(`store_errors_total{fault="away",operation="%s",store="postgres"} 0`, call),
		)
	}
}

// The store is not to blame if the client goes away, asks for too much, or sends more than is
// kept.
func TestErrorsOfClientsAreNoneOfTheStore(t *testing.T) {
	t.Parallel()
	for _, err := range []error{context.Canceled, acct.ErrTooBroad, acct.ErrTooManyPostAuths} {
		m := New("")
		callAll(t.Context(), m.Store("vault", failingStore{fmt.Errorf("wrapped: %w", err)}))
		text := exposition(t, m, Snapshot{})
		for _, call := range operations {
			requireLines(t, text, fmt.Sprintf(`store_errors_total{fault="other",operation="%s",store="vault"} 0`, call))
		}
	}
}
