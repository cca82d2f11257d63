package acct

import (
	"context"
	"time"
)

const (
	// silenceLimit is how long a statement that takes no time may be without an answer
	// before the connection is put to the test.
	silenceLimit = time.Second
	// answerLimit is how long a server may take to cancel a statement.
	answerLimit = 500 * time.Millisecond
	// guardPause is between two looks at what is silent.
	guardPause = 50 * time.Millisecond

	// Cancelling costs the server a process, and a call that waits for a lock gains nothing
	// by it: so it is done seldom, unless the call is over, when nothing else would end it.
	cancelPause = 600 * time.Millisecond
	testPause   = 2 * time.Second
	dropPause   = 4 * time.Second
)

// guard looks after connections that are silent, until the store closes. A server that
// is asked to cancel a statement answers, unless the statement is lost with its
// connection: a firewall has forgotten it, or the server hangs. Then all that have
// been silent meanwhile are dropped.
func (s *PostgresStore) guard() {
	for {
		select {
		case <-s.closing.Done():
			return
		case <-s.woken:
		}
		ticker := time.NewTicker(guardPause)
		for s.examine() {
			select {
			case <-ticker.C:
			case <-s.closing.Done():
			}
		}
		ticker.Stop()
	}
}

// wake makes the guard look.
func (s *PostgresStore) wake() {
	select {
	case s.woken <- struct{}{}:
	default:
	}
}

// examine puts the connection to the test that has been silent for longest, if it is
// time for that, and reports whether there is one to look at again.
func (s *PostgresStore) examine() (again bool) {
	now := s.wires.now()
	l, inUse := s.mostSilent(now)
	if l == nil {
		return inUse
	}
	over := l.call.Err() != nil
	if now < s.nextCancel || (!over && now < s.nextTest) {
		return true
	}
	s.nextCancel, s.nextTest = now+cancelPause, now+testPause
	if !s.answers(l, now) {
		s.nextTest = now + dropPause
		s.dropWith(l, now)
	}
	return s.closing.Err() == nil
}

// dropWith drops a connection that has not answered a test, and those that have been
// silent as it was. If the whole server is silent, so are those that wait in the pool.
func (s *PostgresStore) dropWith(lost *lease, tested time.Duration) {
	limit := silenceLimit
	if !lost.serverHeard(tested) {
		limit = answerLimit
		s.lost(lost.link)
	}
	s.drop(func(l *lease, silence time.Duration) bool {
		return l == lost || (silence >= limit && l.link.wire.server == lost.link.wire.server)
	})
}

// mostSilent returns the lease to be tested next, if there is one. A call that is over
// goes first. If no connection is in use, the guard is woken by the next lease.
func (s *PostgresStore) mostSilent(now time.Duration) (silent *lease, inUse bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.guarded = len(s.leases) > 0 && s.closing.Err() == nil
	var longest time.Duration
	for l := range s.leases {
		silence := l.silence(now)
		switch {
		case l.call.Err() != nil:
			silence += time.Hour
		case !l.quick || silence < silenceLimit:
			continue
		}
		if silence > longest {
			silent, longest = l, silence
		}
	}
	return silent, s.guarded
}

// answers lets the server cancel a statement, and reports whether it answers then.
func (s *PostgresStore) answers(l *lease, now time.Duration) bool {
	if !s.markCancelled(l) {
		return true // it has just ended
	}
	ctx, stop := context.WithTimeout(s.closing, answerLimit)
	defer stop()
	if err := l.link.cancel(ctx, l.pgx); err != nil {
		return false
	}
	select {
	case <-l.released:
		return true
	case <-ctx.Done():
		return time.Duration(l.link.wire.heard.Load()) >= now
	}
}

func (s *PostgresStore) markCancelled(l *lease) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, inUse := s.leases[l]; !inUse {
		return false
	}
	l.cancelled = true
	return true
}

// drop ends those connections in use that are chosen by how long they have been silent.
func (s *PostgresStore) drop(choose func(l *lease, silence time.Duration) bool) {
	for _, l := range s.chosen(choose) {
		_ = l.link.wire.Close()
	}
}

func (s *PostgresStore) chosen(choose func(l *lease, silence time.Duration) bool) (chosen []*lease) {
	now := s.wires.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for l := range s.leases {
		if choose(l, l.silence(now)) {
			chosen = append(chosen, l)
		}
	}
	return chosen
}
