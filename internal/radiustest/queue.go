package radiustest

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"time"
)

// arrival is a datagram at its destination, or the news that there was none.
type arrival struct {
	at   time.Time
	from netip.AddrPort
	data []byte
	err  error // instead of data
}

// queue holds the datagrams under way to a socket and those that wait there to
// be read.
type queue struct {
	monitor
	arrivals []arrival // guarded by mu; in the order in which they arrive
	deadline time.Time // guarded by mu; of take
	closed   bool      // guarded by mu
}

func newQueue() *queue { return &queue{monitor: newMonitor()} }

// put adds an arrival of the future.
func (q *queue) put(a arrival) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	at := len(q.arrivals)
	for at > 0 && q.arrivals[at-1].at.After(a.at) {
		at--
	}
	q.arrivals = slices.Insert(q.arrivals, at, a)
	q.announce()
}

// take waits for the next arrival.
func (q *queue) take() (a arrival, err error) {
	q.await(func(now time.Time) (next time.Time, done bool) {
		switch {
		case q.closed:
			err = net.ErrClosed
		case passed(q.deadline, now):
			err = os.ErrDeadlineExceeded
		case len(q.arrivals) == 0:
			return q.deadline, false
		case q.arrivals[0].at.After(now):
			return earlier(q.arrivals[0].at, q.deadline), false
		default:
			a, q.arrivals = q.arrivals[0], q.arrivals[1:]
			err = a.err
		}
		return time.Time{}, true
	})
	return a, err
}

// fault returns the first error that has arrived, if any, and takes it out.
func (q *queue) fault() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return net.ErrClosed
	}
	now := time.Now()
	at := slices.IndexFunc(q.arrivals, func(a arrival) bool { return a.err != nil && !a.at.After(now) })
	if at < 0 {
		return nil
	}
	err := q.arrivals[at].err
	q.arrivals = slices.Delete(q.arrivals, at, at+1)
	return err
}

func (q *queue) setDeadline(t time.Time) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return net.ErrClosed
	}
	q.deadline = t
	q.announce()
	return nil
}

// close ends every take.
func (q *queue) close() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return net.ErrClosed
	}
	q.closed, q.arrivals = true, nil
	q.announce()
	return nil
}
