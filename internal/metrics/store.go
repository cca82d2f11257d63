package metrics

import (
	"context"
	"errors"
	"time"

	"vault-plugin-auth-radius/internal/acct"
)

// operation is a call of a store of sessions.
type operation string

const (
	callRecord         operation = "record"
	callCloseNAS       operation = "close_nas"
	callSessions       operation = "sessions"
	callCountSessions  operation = "count_sessions"
	callOpenSessions   operation = "open_sessions"
	callLogPostAuth    operation = "log_postauth"
	callPostAuths      operation = "postauths"
	callCountPostAuths operation = "count_postauths"
	callMaintain       operation = "maintain"
)

var operations = []operation{
	callRecord, callCloseNAS, callSessions, callCountSessions, callOpenSessions,
	callLogPostAuth, callPostAuths, callCountPostAuths, callMaintain,
}

// firstFaults are those whose series begin at 0, so that the first one is seen as an increase.
var firstFaults = []acct.Fault{acct.FaultAway, acct.FaultOther}

// Store returns the store with its calls measured. name is what it is called in the config.
func (m *Metrics) Store(name string, store acct.Store) acct.Store {
	for _, call := range operations {
		for _, fault := range firstFaults {
			m.storeErrors.WithLabelValues(name, string(call), string(fault))
		}
	}
	return &measuredStore{store, m, name}
}

// measuredStore measures the calls of a store.
type measuredStore struct {
	store   acct.Store
	metrics *Metrics
	name    string
}

// measure counts a call when the returned function is called with its error.
func (s *measuredStore) measure(call operation) func(*error) {
	begun := time.Now()
	return func(err *error) {
		s.metrics.storeSeconds.WithLabelValues(s.name, string(call)).Observe(time.Since(begun).Seconds())
		if isFault(*err) {
			s.metrics.storeErrors.WithLabelValues(s.name, string(call), string(acct.FaultOf(*err))).Inc()
		}
	}
}

// isFault reports whether the store is to blame for an error: not where the client has gone away,
// asks for too much, or sends more than is kept.
func isFault(err error) bool {
	for _, other := range []error{context.Canceled, acct.ErrTooBroad, acct.ErrTooManyPostAuths} {
		if errors.Is(err, other) {
			return false
		}
	}
	return err != nil
}

// Record implements [acct.Store].
func (s *measuredStore) Record(ctx context.Context, p acct.Packet) (created bool, err error) {
	defer s.measure(callRecord)(&err)
	return s.store.Record(ctx, p)
}

// CloseNAS implements [acct.Store].
func (s *measuredStore) CloseNAS(ctx context.Context, restart acct.Restart) (err error) {
	defer s.measure(callCloseNAS)(&err)
	return s.store.CloseNAS(ctx, restart)
}

// Sessions implements [acct.Store].
func (s *measuredStore) Sessions(ctx context.Context, f acct.Filter, page acct.Page) (found []acct.Record, more bool, err error) {
	defer s.measure(callSessions)(&err)
	return s.store.Sessions(ctx, f, page)
}

// CountSessions implements [acct.Store].
func (s *measuredStore) CountSessions(ctx context.Context, f acct.Filter) (count int, exact bool, err error) {
	defer s.measure(callCountSessions)(&err)
	return s.store.CountSessions(ctx, f)
}

// OpenSessions implements [acct.Store].
func (s *measuredStore) OpenSessions(ctx context.Context) (count int, exact bool, err error) {
	defer s.measure(callOpenSessions)(&err)
	return s.store.OpenSessions(ctx)
}

// LogPostAuth implements [acct.Store].
func (s *measuredStore) LogPostAuth(ctx context.Context, attempt acct.PostAuth) (err error) {
	defer s.measure(callLogPostAuth)(&err)
	return s.store.LogPostAuth(ctx, attempt)
}

// PostAuths implements [acct.Store].
func (s *measuredStore) PostAuths(
	ctx context.Context, f acct.PostAuthFilter, page acct.Page,
) (found []acct.PostAuth, more bool, err error) {
	defer s.measure(callPostAuths)(&err)
	return s.store.PostAuths(ctx, f, page)
}

// CountPostAuths implements [acct.Store].
func (s *measuredStore) CountPostAuths(ctx context.Context, f acct.PostAuthFilter) (count int, exact bool, err error) {
	defer s.measure(callCountPostAuths)(&err)
	return s.store.CountPostAuths(ctx, f)
}

// Maintain implements [acct.Store].
func (s *measuredStore) Maintain(ctx context.Context, now time.Time, keep acct.Retention) (report acct.Report, err error) {
	defer s.measure(callMaintain)(&err)
	return s.store.Maintain(ctx, now, keep)
}

// Close implements [acct.Store].
func (s *measuredStore) Close() { s.store.Close() }
