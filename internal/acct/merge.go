package acct

import (
	"math"
	"net/netip"
	"time"
)

// Why a session ends if no Stop says so: its NAS was started, or nothing was heard
// of it for too long (RFC 2866 section 5.10).
const (
	causeNASReboot   = "NAS-Reboot"
	causeLostCarrier = "Lost-Carrier"
)

// Merge returns the record of a session after a Start, Interim-Update or Stop; nil
// stands for none so far. The packet must have passed Check, and be one of that
// session: see place.
//
//   - Counters never fall, and the time of the latest update never gets earlier.
//   - Attributes that a packet lacks stay as they are. The latest update replaces those
//     that are known; other packets only fill in those that are unknown.
//   - A session began with its first packet. If that is not a Start, it began a
//     session time before it.
//   - A session ends with its first Stop and stays closed. A Stop knows better than
//     a guess when and why it ended; an Interim-Update that is later than a guess opens
//     the session again.
//   - A Start of a known session is not an update, nor is any packet after its Stop.
//   - Times by this server's clock are kept beside those of the NAS.
//
// Merging the same packet twice changes nothing more.
func Merge(current *Record, p Packet) Record { return merge(current, p.normal()) }

// merge does as Merge, for a normal packet.
func merge(current *Record, p Packet) Record {
	if current == nil {
		return newRecord(p)
	}
	r := *current
	at, heard, end := TimeOf(p.Time), p.heard(), p.end()
	goesOn, ends := end.IsZero() && p.StatusType == InterimUpdate, !end.IsZero()
	if goesOn && r.isReopenedBy(p) || ends && r.Guess != "" {
		r.forgetGuess()
	}
	isUpdate := goesOn && r.Open() || ends && r.betterEnd(p)
	if p.StatusType == InterimUpdate && isUpdate && at.After(r.UpdateTime.Time) {
		r.Interval = new(secondsFrom(later(r.StartTime, r.UpdateTime), at))
	}
	r.mergeCounters(p, isUpdate)
	r.mergeAttributes(p, isUpdate && !at.Before(r.UpdateTime.Time))
	r.HeardStart = earlier(r.heardStart(), TimeOf(heard.Add(-p.sessionTime())))
	tellsStart := isUpdate || p.StatusType == Start || current.SessionTime == nil // else its clock may be another one
	if tellsStart && at.Before(r.StartTime.Time) || r.StartTime.IsZero() {
		r.StartTime = TimeOf(at.Add(-p.sessionTime()))
	}
	r.StartTime = earlier(r.StartTime, TimeOf(p.StartTime))
	if r.Open() {
		r.HeardUpdate = later(r.HeardUpdate, heard)
	}
	if isUpdate {
		r.UpdateTime = later(later(r.UpdateTime, at), end)
	}
	if ends && isUpdate {
		r.StopTime, r.StartTime = end, earlier(r.StartTime, end)
		r.HeardStop = heard
		if p.TerminateCause != "" {
			r.TerminateCause = p.TerminateCause
		}
	}
	missing := current.reportedTime() == nil // that of a Start does not count here
	if ends {
		missing = p.SessionTime == nil || p.StatusType == Start
	}
	if !r.Open() && r.Guess == "" && missing && r.StopTime.After(r.StartTime.Time) {
		r.SessionTime = larger(r.SessionTime, new(secondsFrom(r.StartTime, r.StopTime)))
	}
	return r
}

func newRecord(p Packet) Record {
	at, heard, end := TimeOf(p.Time), p.heard(), p.end()
	r := Record{Attributes: p.Attributes, UpdateTime: later(at, end), StopTime: end}
	r.StartTime = TimeOf(at.Add(-p.sessionTime()))
	if !p.StartTime.IsZero() {
		r.StartTime = earlier(TimeOf(p.StartTime), r.UpdateTime)
	}
	r.StartTime = earlier(r.StartTime, end)
	r.HeardStart, r.HeardUpdate = TimeOf(heard.Add(-p.sessionTime())), heard
	if !end.IsZero() {
		r.HeardStop = heard
		if p.StatusType == Start || p.SessionTime == nil && (p.StatusType != Stop || end.After(r.StartTime.Time)) {
			r.SessionTime = larger(r.SessionTime, new(secondsFrom(r.StartTime, end)))
		}
	}
	return r
}

// mergeCounters takes the counters of a packet that are larger than those that are
// known, and counts the wraps of a NAS that does not.
func (r *Record) mergeCounters(p Packet, isUpdate bool) {
	isNext := isUpdate && r.isOutcounted(p)
	if r.Guess == "" {
		r.SessionTime = larger(r.SessionTime, p.SessionTime)
	} else {
		r.SessionTime, r.ToldTime = larger(r.SessionTime, p.SessionTime), larger(r.ToldTime, p.SessionTime)
	}
	r.InputOctets = countedOn(r.InputOctets, p.InputOctets, isNext && !p.inputWords)
	r.OutputOctets = countedOn(r.OutputOctets, p.OutputOctets, isNext && !p.outputWords)
}

// wrap is the range of a counter of 32 bits.
const wrap = 1 << 32

// countedOn returns a counter after a packet that has it. The next packet of a NAS that
// sends 32 bits and no gigawords has the lower bits: a counter that has fallen by more than
// half of its range has wrapped.
func countedOn(current, update *int64, isNext bool) *int64 {
	if current == nil || update == nil || !isNext || *update > math.MaxUint32 {
		return larger(current, update)
	}
	counted := *current&^math.MaxUint32 | *update
	if *current-counted > wrap/2 && counted <= math.MaxInt64-wrap {
		counted += wrap
	}
	return larger(current, &counted)
}

// isOutcounted reports whether a packet was made after all that is known of the session:
// it has lasted longer. If the NAS does not say how long, its clock decides.
func (r *Record) isOutcounted(p Packet) bool {
	if reported := r.reportedTime(); p.SessionTime != nil && reported != nil && (*reported > 0 || *p.SessionTime > 0) {
		return *p.SessionTime > *reported
	}
	return p.hasOwnTime() && p.Time.After(r.UpdateTime.Time)
}

// mergeAttributes takes the attributes of a packet: in place of the current ones if it is
// the latest, else only those that are unknown.
func (r *Record) mergeAttributes(p Packet, latest bool) {
	update := p.Attributes
	for _, first := range []struct{ current, update *string }{
		{&r.SessionID, &update.SessionID},
		{&r.UniqueID, &update.UniqueID},
		{&r.GroupName, &update.GroupName},
		{&r.Class, &update.Class},
	} {
		if *first.current != "" {
			*first.update = ""
		}
	}
	if p.StatusType == Stop && r.Open() || !r.Open() && (r.TerminateCause != "" || isGuessedCause(update.TerminateCause)) {
		update.TerminateCause = "" // it goes with the end: see Merge
	}
	replace(r.texts(), update.texts(), latest, "")
	replace(r.addresses(), update.addresses(), latest, netip.Addr{})
	replace(r.prefixes(), update.prefixes(), latest, netip.Prefix{})
}

// replace takes over the values of an update: all of them if it is the latest, else those
// that are unknown.
func replace[T comparable](current, update []*T, latest bool, unknown T) {
	for i := range current {
		if *update[i] != unknown && (latest || *current[i] == unknown) {
			*current[i] = *update[i]
		}
	}
}

// betterEnd reports whether the end by a packet is better than the current one: a NAS knows
// better than a guess, and otherwise the earlier one counts.
func (r *Record) betterEnd(p Packet) bool {
	switch {
	case r.Open():
		return true
	case isGuessedCause(p.TerminateCause) != isGuessedCause(r.TerminateCause):
		return isGuessedCause(r.TerminateCause)
	}
	return p.end().Before(r.StopTime.Time)
}

// isGuessedCause reports whether a guess may have set this cause. A NAS may send it, too.
func isGuessedCause(cause string) bool { return cause == causeNASReboot || cause == causeLostCarrier }

// closeSilent returns the record of an open session after a guess at its end: nothing
// was heard of it since its latest packet.
func closeSilent(r Record, why guess) Record {
	return r.closed(later(r.UpdateTime, r.StartTime), r.heardUpdate(), causeLostCarrier, why)
}

// closed returns the record after a guess at its end, at a time of the NAS's clock and
// one of this server's. That of a closed session stays as it is.
func (r Record) closed(at, heard Time, cause string, why guess) Record {
	if !r.Open() {
		return r
	}
	lasted := secondsFrom(r.StartTime, at)
	if r.SessionTime != nil && *r.SessionTime > 0 { // the clock may have been set since the start
		lasted = min(lasted, *r.SessionTime+secondsFrom(r.UpdateTime, at))
	}
	r.ToldTime, r.SessionTime = r.SessionTime, larger(r.SessionTime, &lasted)
	r.StopTime, r.HeardStop, r.TerminateCause, r.Guess = at, heard, cause, why
	return r
}

// forgetGuess takes back what closed has done.
func (r *Record) forgetGuess() {
	if r.Guess != "" {
		r.SessionTime = r.ToldTime
	}
	r.StopTime, r.HeardStop, r.TerminateCause = Time{}, Time{}, ""
	r.Guess, r.ToldTime = "", nil
}

// isReopenedBy reports whether an Interim-Update shows that a guess at the end of its
// session was wrong: it was made after that end.
func (r *Record) isReopenedBy(p Packet) bool {
	if r.Open() || !r.inferred() || !p.heard().After(r.heardStop().Time) {
		return false
	}
	if reported := r.reportedTime(); reported != nil && *reported > 0 && p.SessionTime != nil && *p.SessionTime <= *reported {
		return false // it is a copy, or came late
	}
	return p.Time.After(r.StopTime.Time) || r.isFresh(p)
}

// promptly is how long a packet may take that comes at once.
const promptly = 5 * time.Second

// isFresh reports whether a packet was made when it arrived, whatever the clock of the
// NAS says: the session has lasted as long by that clock, or by its own count, as by the
// clock of this server.
func (r *Record) isFresh(p Packet) bool {
	byClock := p.Time.Sub(r.UpdateTime.Time) - p.heard().Sub(r.heardUpdate().Time)
	if byClock.Abs() <= promptly {
		return true
	}
	began := p.heard().Add(-p.sessionTime())
	return p.sessionTime() > 0 && began.Sub(r.heardStart().Time).Abs() <= promptly
}

// larger returns the larger one of those that there are.
func larger(a, b *int64) *int64 {
	if a == nil || b != nil && *b > *a {
		return b
	}
	return a
}
