package radiusauth

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"vault-plugin-auth-radius/internal/acct"
)

const (
	// faultInterval is the time between log lines about a fault that lasts.
	faultInterval = time.Minute
	// faultPause is the time after a line in which the return of a fault is not logged.
	faultPause = 10 * time.Second
)

// What the store of sessions is used for.
const (
	usedForAccounting = "accounting"
	usedForPostAuth   = "postauth"
	usedForQueries    = "queries"
)

// faultOther is the kind of all other faults.
const faultOther = "other"

// storeFaults logs the faults of the store of sessions: a line when a fault begins, one a
// minute while it lasts, with how many requests have failed, and one when it has ended. The
// zero storeFaults is ready for use.
type storeFaults struct {
	lasting atomic.Int64 // how many faults there are

	mu     sync.Mutex
	faults map[storeFault]*faultState // guarded by mu
}

// storeFault is a kind of fault in one use of the store.
type storeFault struct{ use, kind string }

// faultState holds the state of a fault.
type faultState struct {
	lasts    bool
	since    time.Time
	failed   int       // requests since then, up to the latest line
	unlogged int       // requests since the latest line
	line     time.Time // when that was
}

// failed counts a request that failed in the store, and logs the fault when it is time.
func (f *storeFaults) failed(logger hclog.Logger, use string, err error) {
	if errors.Is(err, context.Canceled) {
		return // the client has gone away
	}
	fault := storeFault{use, faultKind(err)}
	if failed, isDue := f.count(fault, time.Now()); isDue {
		logger.Error("the store of sessions fails", "use", use, "fault", fault.kind, "failed", failed, "error", err)
	}
}

// count returns how many requests have failed since the latest line, and reports whether
// another line is due.
func (f *storeFaults) count(fault storeFault, now time.Time) (failed int, isDue bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.faults == nil {
		f.faults = map[storeFault]*faultState{}
	}
	state := f.faults[fault]
	if state == nil {
		state = &faultState{}
		f.faults[fault] = state
	}
	state.unlogged++
	if !state.lasts {
		if now.Before(state.line.Add(faultPause)) {
			return 0, false
		}
		f.lasting.Add(1)
		state.lasts, state.since, state.failed = true, now, 0
	} else if now.Before(state.line.Add(faultInterval)) {
		return 0, false
	}
	failed, state.unlogged, state.line = state.unlogged, 0, now
	state.failed += failed
	return failed, true
}

// worked ends the faults of a use of the store, which has succeeded.
func (f *storeFaults) worked(logger hclog.Logger, use string) {
	if f.lasting.Load() == 0 {
		return
	}
	now := time.Now()
	for kind, state := range f.end(use) {
		logger.Info("the store of sessions works again", "use", use, "fault", kind,
			"failed", state.failed, "lasted", now.Sub(state.since).Round(time.Millisecond).String())
	}
}

func (f *storeFaults) end(use string) (ended map[string]faultState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	ended = map[string]faultState{}
	for fault, state := range f.faults {
		if fault.use == use && state.lasts {
			state.failed += state.unlogged
			ended[fault.kind] = *state
			state.lasts, state.unlogged = false, 0
			f.lasting.Add(-1)
		}
	}
	return ended
}

// faultKind returns the kind of a fault. Kinds have different remedies.
func faultKind(err error) string {
	var unavailable *acct.UnavailableError
	switch {
	case errors.As(err, &unavailable):
		return unavailable.Kind()
	case errors.As(err, new(*acct.CredentialsError)):
		return "credentials"
	case errors.As(err, new(*acct.PrivilegeError)):
		return "privileges"
	case errors.As(err, new(*acct.SchemaError)):
		return "tables"
	}
	return faultOther
}
