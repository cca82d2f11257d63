package radiustest

import (
	"sync"
	"time"
)

// monitor is a lock whose holders can wait for a change, or for a time. Who
// waits is blocked durably in the sense of testing/synctest.
type monitor struct {
	mu      sync.Mutex
	changed chan struct{} // guarded by mu; closed at the next change
}

func newMonitor() monitor { return monitor{changed: make(chan struct{})} }

// announce wakes the goroutines that wait. It runs with mu held.
func (m *monitor) announce() {
	close(m.changed)
	m.changed = make(chan struct{})
}

// await calls try with mu held until it is done: at once, after each change, and
// at the time that the latest call has given, if that is not zero.
func (m *monitor) await(try func(now time.Time) (next time.Time, done bool)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for {
		next, done := try(time.Now())
		if done {
			return
		}
		m.sleep(next)
	}
}

// sleep releases mu until the next change or the time.
func (m *monitor) sleep(until time.Time) {
	changed := m.changed
	m.mu.Unlock()
	defer m.mu.Lock()
	if until.IsZero() {
		<-changed
		return
	}
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	}
}

// passed reports whether a deadline is over; the zero time is none.
func passed(deadline, now time.Time) bool {
	return !deadline.IsZero() && !deadline.After(now)
}

// earlier returns the earlier of two times, of which zero ones do not count.
func earlier(a, b time.Time) time.Time {
	if b.IsZero() || !a.IsZero() && a.Before(b) {
		return a
	}
	return b
}
