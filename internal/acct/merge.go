package acct

import (
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
// stands for none so far. The packet must have passed Check.
//
//   - Counters never fall, and the time of the latest news never gets earlier.
//   - What a packet does not tell stays as it is. The latest news replaces what was
//     known; other packets only fill in what is unknown.
//   - A session began with its first packet. If that is a Stop, it began a
//     session time before it.
//   - A session ends with its first Stop and stays closed. A Stop knows better than
//     Close when and why it ended.
//   - A Start of a known session is no news, nor is anything after its Stop.
//
// Merging the same packet twice changes nothing more.
func Merge(known *Record, p Packet) Record {
	p = p.normal()
	if known == nil {
		return newRecord(p)
	}
	r := *known
	at := TimeOf(p.Time)
	news := p.StatusType == InterimUpdate && r.Open() || p.StatusType == Stop && r.endsBetter(at, p.TerminateCause)
	if p.StatusType == InterimUpdate && news && at.After(r.UpdateTime.Time) {
		r.Interval = new(secondsFrom(later(r.StartTime, r.UpdateTime), at))
	}
	r.mergeAttributes(p.Attributes, news && !at.Before(r.UpdateTime.Time))
	r.StartTime = earlier(earlier(r.StartTime, at), TimeOf(p.StartTime))
	if news {
		r.UpdateTime = later(r.UpdateTime, at)
	}
	if p.StatusType == Stop && news {
		r.StopTime = at
		if p.TerminateCause != "" {
			r.TerminateCause = p.TerminateCause
		}
	}
	untold := known.SessionTime == nil // a Start tells nothing here
	if p.StatusType == Stop {
		untold = p.SessionTime == nil
	}
	if !r.Open() && untold && r.StopTime.After(r.StartTime.Time) {
		r.SessionTime = larger(r.SessionTime, new(secondsFrom(r.StartTime, r.StopTime)))
	}
	return r
}

func newRecord(p Packet) Record {
	r := Record{Attributes: p.Attributes, StartTime: TimeOf(p.Time), UpdateTime: TimeOf(p.Time)}
	if p.StatusType == Stop {
		r.StopTime = r.UpdateTime
		if p.SessionTime != nil {
			r.StartTime = TimeOf(p.Time.Add(-time.Duration(*p.SessionTime) * time.Second))
		}
	}
	if !p.StartTime.IsZero() {
		r.StartTime = earlier(TimeOf(p.StartTime), r.UpdateTime)
	}
	return r
}

// mergeAttributes takes what a packet tells: in place of what is known if it is the
// latest, else only what is unknown.
func (r *Record) mergeAttributes(told Attributes, latest bool) {
	for _, first := range []struct{ known, told *string }{
		{&r.SessionID, &told.SessionID},
		{&r.GroupName, &told.GroupName},
		{&r.Class, &told.Class},
	} {
		if *first.known != "" {
			*first.told = ""
		}
	}
	if r.Open() || r.TerminateCause != "" || guessed(told.TerminateCause) {
		told.TerminateCause = "" // it goes with the end: see Merge
	}
	replace(r.texts(), told.texts(), latest, "")
	replace(r.addresses(), told.addresses(), latest, netip.Addr{})
	replace(r.prefixes(), told.prefixes(), latest, netip.Prefix{})
	counters := told.counters()
	for i, counter := range r.counters() {
		*counter = larger(*counter, *counters[i])
	}
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

// endsBetter tells whether the end that a Stop tells is better than the known one:
// the word of a NAS instead of a guess, else the earlier one.
func (r *Record) endsBetter(at Time, cause string) bool {
	switch {
	case r.Open():
		return true
	case guessed(cause) != guessed(r.TerminateCause):
		return guessed(r.TerminateCause)
	}
	return at.Before(r.StopTime.Time)
}

// guessed tells whether Close may have given this cause. A NAS gives it, too.
func guessed(cause string) bool { return cause == causeNASReboot || cause == causeLostCarrier }

// Close returns the record of an open session after its end at a time when no Stop
// tells of it. The record of a closed one stays as it is.
func Close(r Record, at time.Time, cause string) Record {
	if !r.Open() {
		return r
	}
	r.StopTime = TimeOf(at)
	r.UpdateTime = later(r.UpdateTime, r.StopTime)
	r.TerminateCause = cause
	r.SessionTime = larger(r.SessionTime, new(secondsFrom(r.StartTime, r.StopTime)))
	return r
}

// larger returns the larger one of those that there are.
func larger(a, b *int64) *int64 {
	if a == nil || b != nil && *b > *a {
		return b
	}
	return a
}
