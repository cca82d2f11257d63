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
//   - Counters never fall, and the time of the latest news never gets earlier.
//   - What a packet does not tell stays as it is. The latest news replaces what was
//     known; other packets only fill in what is unknown.
//   - A session began with its first packet. If that is no Start, it began a
//     session time before it.
//   - A session ends with its first Stop and stays closed. A Stop knows better than
//     a guess when and why it ended; an Interim-Update that is later than a guess opens
//     the session again.
//   - A Start of a known session is no news, nor is anything after its Stop.
//   - Times by this server's clock are kept beside those of the NAS.
//
// Merging the same packet twice changes nothing more.
func Merge(known *Record, p Packet) Record { return merge(known, p.normal()) }

// merge is Merge for a normal packet.
func merge(known *Record, p Packet) Record {
	if known == nil {
		return newRecord(p)
	}
	r := *known
	at, heard, end := TimeOf(p.Time), p.heard(), p.end()
	goesOn, ends := end.IsZero() && p.StatusType == InterimUpdate, !end.IsZero()
	if goesOn && r.isReopenedBy(p) || ends && r.Guess != "" {
		r.forgetGuess()
	}
	news := goesOn && r.Open() || ends && r.endsBetter(p)
	if p.StatusType == InterimUpdate && news && at.After(r.UpdateTime.Time) {
		r.Interval = new(secondsFrom(later(r.StartTime, r.UpdateTime), at))
	}
	r.mergeCounters(p, news)
	r.mergeAttributes(p, news && !at.Before(r.UpdateTime.Time))
	r.HeardStart = earlier(r.heardStart(), TimeOf(heard.Add(-p.sessionTime())))
	tellsStart := news || p.StatusType == Start || known.SessionTime == nil // else its clock may be another one
	if tellsStart && at.Before(r.StartTime.Time) || r.StartTime.IsZero() {
		r.StartTime = TimeOf(at.Add(-p.sessionTime()))
	}
	r.StartTime = earlier(r.StartTime, TimeOf(p.StartTime))
	if r.Open() {
		r.HeardUpdate = later(r.HeardUpdate, heard)
	}
	if news {
		r.UpdateTime = later(later(r.UpdateTime, at), end)
	}
	if ends && news {
		r.StopTime, r.StartTime = end, earlier(r.StartTime, end)
		r.HeardStop = heard
		if p.TerminateCause != "" {
			r.TerminateCause = p.TerminateCause
		}
	}
	untold := known.toldTime() == nil // a Start tells nothing here
	if ends {
		untold = p.SessionTime == nil || p.StatusType == Start
	}
	if !r.Open() && r.Guess == "" && untold && r.StopTime.After(r.StartTime.Time) {
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
func (r *Record) mergeCounters(p Packet, news bool) {
	isNext := news && r.isOutcounted(p)
	if r.Guess == "" {
		r.SessionTime = larger(r.SessionTime, p.SessionTime)
	} else {
		r.SessionTime, r.ToldTime = larger(r.SessionTime, p.SessionTime), larger(r.ToldTime, p.SessionTime)
	}
	r.InputOctets = countedOn(r.InputOctets, p.InputOctets, isNext && !p.inputWords)
	r.OutputOctets = countedOn(r.OutputOctets, p.OutputOctets, isNext && !p.outputWords)
}

// wrap is what a counter of 32 bits counts to.
const wrap = 1 << 32

// countedOn returns a counter after a packet that tells it. Of the next packet of a NAS
// that tells 32 bits and no gigawords, they are the lower ones: a counter that has
// fallen by more than half of what it counts to has wrapped.
func countedOn(known, told *int64, isNext bool) *int64 {
	if known == nil || told == nil || !isNext || *told > math.MaxUint32 {
		return larger(known, told)
	}
	counted := *known&^math.MaxUint32 | *told
	if *known-counted > wrap/2 && counted <= math.MaxInt64-wrap {
		counted += wrap
	}
	return larger(known, &counted)
}

// isOutcounted reports whether a packet was made after all that is known of the session:
// it has lasted longer. Of a NAS that does not tell how long, its clock has to tell.
func (r *Record) isOutcounted(p Packet) bool {
	if told := r.toldTime(); p.SessionTime != nil && told != nil && (*told > 0 || *p.SessionTime > 0) {
		return *p.SessionTime > *told
	}
	return p.hasOwnTime() && p.Time.After(r.UpdateTime.Time)
}

// mergeAttributes takes what a packet tells: in place of what is known if it is the
// latest, else only what is unknown.
func (r *Record) mergeAttributes(p Packet, latest bool) {
	told := p.Attributes
	for _, first := range []struct{ known, told *string }{
		{&r.SessionID, &told.SessionID},
		{&r.UniqueID, &told.UniqueID},
		{&r.GroupName, &told.GroupName},
		{&r.Class, &told.Class},
	} {
		if *first.known != "" {
			*first.told = ""
		}
	}
	if p.StatusType == Stop && r.Open() || !r.Open() && (r.TerminateCause != "" || isGuessedCause(told.TerminateCause)) {
		told.TerminateCause = "" // it goes with the end: see Merge
	}
	replace(r.texts(), told.texts(), latest, "")
	replace(r.addresses(), told.addresses(), latest, netip.Addr{})
	replace(r.prefixes(), told.prefixes(), latest, netip.Prefix{})
}

// replace takes over what is told: all of it if it is the latest, else what is
// unknown.
func replace[T comparable](known, told []*T, latest bool, unknown T) {
	for i := range known {
		if *told[i] != unknown && (latest || *known[i] == unknown) {
			*known[i] = *told[i]
		}
	}
}

// endsBetter reports whether the end that a packet tells is better than the known one:
// the word of a NAS instead of a guess, else the earlier one.
func (r *Record) endsBetter(p Packet) bool {
	switch {
	case r.Open():
		return true
	case isGuessedCause(p.TerminateCause) != isGuessedCause(r.TerminateCause):
		return isGuessedCause(r.TerminateCause)
	}
	return p.end().Before(r.StopTime.Time)
}

// isGuessedCause reports whether a guess may have given this cause. A NAS gives it, too.
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
	if r.Open() || !r.guessed() || !p.heard().After(r.heardStop().Time) {
		return false
	}
	if told := r.toldTime(); told != nil && *told > 0 && p.SessionTime != nil && *p.SessionTime <= *told {
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
