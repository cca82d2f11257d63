package acct

import (
	"fmt"
	"time"
)

// A NAS that was started again may use the same session id, user and port again, and
// then its new session has the unique id of an old one. The latest session keeps that
// id, since almost every packet is about it; those before it have ids that are made of
// it and a number. The times in a packet decide which session it is about: it may be late,
// or a copy.

// place is where a packet belongs, as far as the latest session with its unique id
// shows.
type place int

const (
	placeHere    place = iota // to that session
	placeAfter                // to one that begins with it
	placeEarlier              // to one before it, if any of those is nearer
)

const (
	// repeatedFor is how long a NAS may go on to send a packet whose answer got lost. If it
	// does not say when it has made the packet, that looks like a new one.
	repeatedFor = 10 * time.Minute

	// maxEarlier is how many earlier sessions are looked at for a late packet.
	maxEarlier = 100
)

// earlierID returns the unique id that the session has which was the n-th to lose the
// given one.
func earlierID(uniqueID string, n int64) string {
	return digestOf(fmt.Sprintf("%s,earlier,%d", uniqueID, n))
}

// place returns where a normal packet belongs. r is the latest session with its unique id.
func (r *Record) place(p Packet) place {
	switch {
	case r.isFollowedBy(p):
		return placeAfter
	case r.distance(p) <= time.Second && !p.Time.Before(r.StartTime.Time):
		return placeHere
	case r.earlier() > 0:
		return placeEarlier
	}
	return r.placeAlone(p)
}

// placeAlone does as place, if no earlier session is near.
func (r *Record) placeAlone(p Packet) place {
	switch {
	case r.isFollowedByOtherClock(p):
		return placeAfter
	case r.isPrecededBy(p):
		return placeEarlier
	}
	return placeHere
}

// isFollowedBy reports whether a session that the packet is about began after the known
// end of this one.
func (r *Record) isFollowedBy(p Packet) bool {
	began := p.began()
	if began.IsZero() || !p.heard().After(r.lastHeard().Time) {
		return false
	}
	isStart := p.StatusType == Start
	sinceStart := p.heard().Sub(r.heardStart().Time)
	switch {
	case isStart && p.hasLostClock() && sinceStart > repeatedFor && r.isClockReset(began):
		return true
	case isStart && r.Guess == guessRestart && began.Equal(r.StopTime.Time) && !began.Equal(r.StartTime.Time):
		return true // in the second of the restart
	case r.Open() || r.Guess != "" && !began.After(r.StopTime.Time):
		// Its Stop got lost, unless a Start is a copy, or the clock was set.
		isLater := began.After(later(r.UpdateTime, r.StartTime).Add(repeatedFor))
		return isLater && (isStart || r.distance(p) > repeatedFor)
	case !began.After(r.StopTime.Time):
		return false
	case isStart:
		return p.hasOwnTime() || r.Guess == guessRestart || sinceStart > repeatedFor
	}
	return !r.mayBeRepeatedBy(p, p.Time.Sub(r.StopTime.Time))
}

// hasLostClock reports whether the clock of the NAS is off by more than any packet is
// late: it may begin with the same time whenever the NAS is started.
func (p Packet) hasLostClock() bool { return p.Time.Sub(p.heard().Time).Abs() > maxDelay }

// isClockReset reports whether a Start that is heard after all that is known of the
// session, and has lost its clock, is not that of the session, but one of a clock that
// began anew.
func (r *Record) isClockReset(began Time) bool {
	switch {
	case r.Guess == guessRestart:
		return true
	case r.Open():
		return began.Before(r.UpdateTime.Time) && began.Sub(r.StartTime.Time).Abs() > promptly
	}
	return !began.Equal(r.StartTime.Time)
}

// mayBeRepeatedBy reports whether a packet may be a copy of one before the end of the
// session that has the time of its arrival: it came soon after the end, and its counters
// are no larger.
func (r *Record) mayBeRepeatedBy(p Packet, after time.Duration) bool {
	if after > repeatedFor || p.Time.Sub(p.heard().Time).Abs() > promptly {
		return false
	}
	current, update := r.counters(), p.counters()
	for i := range current {
		if *update[i] != nil && (*current[i] == nil || **update[i] > **current[i]) {
			return false
		}
	}
	return true
}

// isFollowedByOtherClock reports whether a session began after this one by another clock,
// as that of a NAS which has lost the time when it was started: by the clock of this
// server it began after the end, and it is not near the beginning by either clock. Of an
// open session this is believed if the other clock is far behind: else the Start is late.
func (r *Record) isFollowedByOtherClock(p Packet) bool {
	heard := p.heard()
	switch {
	case r.SessionTime == nil || p.began().IsZero() || r.distance(p) <= p.near() || r.mayHaveStartedAgain(p):
		return false
	case r.Open() && (p.StatusType != Start || !p.Time.Before(r.StartTime.Add(-maxDelay))):
		return false
	case p.StatusType != Start && r.mayBeRepeatedBy(p, heard.Sub(r.lastHeard().Time)):
		return false
	}
	return heard.Add(-p.sessionTime()).After(r.lastHeard().Time)
}

// mayHaveStartedAgain reports whether a packet may be a copy of a second Start of a closed
// session, which some NASes send when they know more: it was made before the end, by a
// clock that was not set since.
func (r *Record) mayHaveStartedAgain(p Packet) bool {
	if p.StatusType != Start || !p.hasOwnTime() || r.Open() {
		return false
	}
	late := r.StopTime.Sub(r.heardStop().Time) - p.Time.Sub(p.heard().Time)
	return p.Time.After(r.StartTime.Time) && p.Time.Before(r.StopTime.Time) && late <= repeatedFor
}

// isPrecededBy reports whether a packet is about a session that was over when this one
// began, though none is known.
func (r *Record) isPrecededBy(p Packet) bool {
	return r.SessionTime != nil && p.hasOwnTime() && p.Time.Before(r.StartTime.Time) && r.distance(p) > repeatedFor
}

// distance returns how far the beginning of the session is from that of the session
// that the packet is about: by the clock of the NAS if it has made a Start, or if the
// packet is from before this session by both clocks, else by the clock that is nearer. A
// packet that does not say when its session began is near a session in whose time it was made.
func (r *Record) distance(p Packet) time.Duration {
	if began := p.began(); !began.IsZero() {
		byClock := began.Sub(r.StartTime.Time).Abs()
		byUs := p.heard().Add(-p.sessionTime()).Sub(r.heardStart().Time)
		isBefore := p.Time.Before(r.StartTime.Time) && byUs < -promptly
		if p.hasOwnTime() && (p.StatusType == Start || isBefore) {
			return byClock
		}
		return min(byClock, byUs.Abs())
	}
	switch last := later(r.UpdateTime, r.StopTime); {
	case p.Time.Before(r.StartTime.Time):
		return r.StartTime.Sub(p.Time)
	case !r.Open() && p.Time.After(last.Time):
		return p.Time.Sub(last.Time)
	}
	return 0
}

// near returns the longest distance from the session that a packet is about: see distance.
// A Start says exactly when that began.
func (p Packet) near() time.Duration {
	if p.StatusType == Start && p.hasOwnTime() {
		return promptly
	}
	return repeatedFor
}

// beganWith reports whether the session began when that of a packet did, by the clock of
// the NAS, if that is reliable.
func (r *Record) beganWith(p Packet) bool {
	isLost := p.StatusType == Start && p.hasLostClock()
	return p.hasOwnTime() && !isLost && p.began().Sub(r.StartTime.Time).Abs() <= time.Second
}

// isRepeatedBy reports whether a packet without a time of its own says exactly what is
// known: it is a copy of the latest packet of the session.
func (r *Record) isRepeatedBy(p Packet) bool {
	if reported := r.reportedTime(); p.hasOwnTime() || p.sessionTime() == 0 || reported == nil || *reported != *p.SessionTime {
		return false
	}
	isSame := func(current, update *int64) bool { return update == nil || current != nil && *current == *update }
	return isSame(r.InputOctets, p.InputOctets) && isSame(r.OutputOctets, p.OutputOctets)
}

// nearest returns which of several sessions a packet is about: those that are missing are
// nil, and the first is the latest; nil if none is near.
func nearest(records []*Record, p Packet) *Record {
	for _, r := range records {
		if r != nil && r.isRepeatedBy(p) {
			return r
		}
	}
	best := records[0]
	for _, r := range records {
		if r != nil && r.distance(p) < best.distance(p) {
			best = r
		}
	}
	if best.distance(p) > p.near() {
		return nil
	}
	return best
}

// mergeEarlier does as Merge, for a session that had its unique id before another one that
// began at a time: it is over, unless it was heard of since.
func mergeEarlier(current *Record, p Packet, next Time) Record {
	r := merge(current, p)
	if r.Open() && !r.UpdateTime.After(next.Time) && !current.isFresh(p) {
		return closeSilent(r, guessReuse)
	}
	return r
}

// moved returns the record of a session whose unique id another one takes: the n-th
// that has lost it, and over.
func (r Record) moved(n int64) Record {
	r = closeSilent(r, guessReuse)
	r.MovedFrom, r.Moved = r.UniqueID, n
	r.UniqueID, r.Earlier, r.ID = earlierID(r.UniqueID, n), nil, 0
	return r
}

// placeAmong returns where a packet belongs among all sessions with its unique id, and
// returns the earlier session that it is about, if one is known. earlier returns the
// n-th of those, or nil.
func placeAmong(latest *Record, p Packet, earlier func(n int64) (*Record, error)) (*Record, place, error) {
	where := latest.place(p)
	if where == placeHere {
		return nil, where, nil
	}
	if err := latest.countEarlier(earlier); err != nil {
		return nil, where, err
	}
	if where = latest.place(p); where == placeHere || latest.earlier() == 0 {
		return nil, where, nil
	}
	records := []*Record{latest}
	for n := latest.earlier(); n > max(0, latest.earlier()-maxEarlier); n-- {
		r, err := earlier(n)
		if err != nil {
			return nil, where, err
		}
		records = append(records, r)
	}
	found := nearest(records, p)
	switch {
	case where == placeAfter && (found == nil || found == latest || !found.beganWith(p)):
		return nil, placeAfter, nil
	case found == nil:
		return nil, latest.placeAlone(p), nil
	case found == latest:
		return nil, placeHere, nil
	}
	return found, placeEarlier, nil
}

// countEarlier corrects the number of earlier sessions: it is lost if the latest was
// deleted before those, or a version that does not know them has written it.
func (r *Record) countEarlier(earlier func(n int64) (*Record, error)) error {
	n := r.earlier()
	for {
		next, err := earlier(n + 1)
		if err != nil {
			return err
		}
		if next == nil {
			break
		}
		n++
	}
	if n > r.earlier() {
		r.Earlier = &n
	}
	return nil
}

// follow returns the latest session after it has lost its unique id to the session that
// a packet is about, and that session.
func follow(latest Record, p Packet) (moved, next Record) {
	n := latest.earlier() + 1
	next = merge(nil, p)
	next.Earlier = &n
	return latest.moved(n), next
}

// precede returns a session before the latest, which a packet is the first about, and
// the latest after that.
func precede(latest Record, p Packet) (moved, next Record) {
	n := latest.earlier() + 1
	next = latest
	next.Earlier = &n
	return merge(nil, p).moved(n), next
}
