package acct

import (
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// maxDelay is the longest Acct-Delay-Time that is believed, and how much later than now
// an Event-Timestamp may be. A NAS that sends more counts wrongly.
const maxDelay = 24 * time.Hour

// maxSeconds is the longest Acct-Session-Time (RFC 2866 section 5.7).
const maxSeconds = math.MaxUint32

// Packet is an Accounting-Request. Zero values mean that it does not say.
type Packet struct {
	StatusType StatusType
	Time       time.Time // when it was made (Event-Timestamp, RFC 2869 section 5.3), else when it arrived
	StartTime  time.Time // when the session began; a Start needs none
	StopTime   time.Time // when the session ended, if a Start or Interim-Update says so; a Stop needs none
	Attributes

	// Arrived is when the packet arrived, by this server's clock, and Delay how long the
	// NAS had tried to send it by then (Acct-Delay-Time, RFC 2866 section 5.2). A packet
	// without Arrived arrived at Time.
	Arrived time.Time
	Delay   time.Duration

	InputGigawords  *int64 // how often InputOctets has wrapped at 2^32 (RFC 2869 section 5.1)
	OutputGigawords *int64

	inputWords, outputWords bool // whether there were gigawords; normal joins them

	// UniqueID is also computed from these if there is none.
	NASPort        string
	NASIPv6Address netip.Addr // also stands for NASAddress if there is none
}

// stopBeforeStart is the problem of a stop_time.
const stopBeforeStart = "is before start_time: send the time at which the session ended"

// Problems holds the problems of a request, by the REST name of the field.
type Problems map[string]string

// Error returns the problems in one line.
func (p Problems) Error() string {
	lines := make([]string, 0, len(p))
	for _, field := range slices.Sorted(maps.Keys(p)) {
		lines = append(lines, field+": "+p[field])
	}
	return strings.Join(lines, "; ")
}

// Check returns the problems of the packet; none if it can be recorded. Text that can be
// mended is not a problem: see Store.
func (p Packet) Check() Problems { return p.normal().problems() }

// problems does as Check, for a normal packet.
func (p Packet) problems() Problems {
	problems := Problems{}
	checks := []struct {
		bad    bool
		field  string
		advice string
	}{
		{p.StatusType == "", "status_type", "is missing"},
		{!p.NASAddress.IsValid(), "nas_ip_address", "is missing: a template for FreeRADIUS can send " +
			"%{%{NAS-IP-Address}:-%{Packet-Src-IP-Address}}"},
		{p.SessionID == "" && !p.StatusType.AboutNAS(), "session_id", "is missing"},
		{p.Time.Year() < 1970 || p.Time.Year() > 9999, "event_timestamp", "is not between the years 1970 and 9999"},
		{!p.StopTime.IsZero() && p.StopTime.Before(p.StartTime), "stop_time", stopBeforeStart},
		{negative(p.SessionTime), "session_time", "is negative"},
		{negative(p.InputOctets), "input_octets", "is negative"},
		{negative(p.OutputOctets), "output_octets", "is negative"},
	}
	for _, check := range checks {
		if check.bad {
			problems[check.field] = check.advice
		}
	}
	if p.StatusType != "" && !isKnown(p.StatusType) {
		problems["status_type"] = fmt.Sprintf("is %.80q; use Start, Interim-Update, Stop, Accounting-On or Accounting-Off", p.StatusType)
	}
	if len(p.UniqueID) > maxUniqueIDLen {
		problems["unique_id"] = fmt.Sprintf("has %d octets; use at most %d, or send none", len(p.UniqueID), maxUniqueIDLen)
	}
	return problems
}

// isKnown reports whether a status type is one that packets may have.
func isKnown(s StatusType) bool {
	return slices.Contains([]StatusType{Start, InterimUpdate, Stop, AccountingOn, AccountingOff}, s)
}

func negative(n *int64) bool { return n != nil && *n < 0 }

// normal returns the packet as the rules take it: with all that they need, and without
// fields that a packet of its kind has no say in.
func (p Packet) normal() Packet {
	p.Time = TimeOf(p.Time).Time
	if p.Arrived.IsZero() {
		p.Arrived, p.Delay = p.Time, 0
	}
	p.Arrived = TimeOf(p.Arrived).Time
	p.inputWords = p.inputWords || p.InputGigawords != nil
	p.outputWords = p.outputWords || p.OutputGigawords != nil
	p.InputOctets, p.InputGigawords = joinWords(p.InputGigawords, p.InputOctets), nil
	p.OutputOctets, p.OutputGigawords = joinWords(p.OutputGigawords, p.OutputOctets), nil
	if p.SessionTime != nil {
		p.SessionTime = new(min(*p.SessionTime, maxSeconds))
	}
	if p.UniqueID == "" && p.SessionID != "" {
		p.UniqueID = uniqueID(p)
	}
	class := cleanClass(p.Class)
	for _, text := range p.texts() {
		*text = cleanText(*text)
	}
	p.Class = class
	if p.NASPortID == "" {
		p.NASPortID = cleanText(p.NASPort)
	}
	if !p.NASAddress.IsValid() {
		p.NASAddress = p.NASIPv6Address
	}
	for _, address := range p.addresses() {
		*address = address.Unmap().WithZone("")
	}
	for _, prefix := range p.prefixes() {
		*prefix = prefix.Masked()
	}
	if p.StatusType == Start {
		for _, counter := range p.counters() {
			if *counter == nil {
				*counter = new(int64)
			}
		}
	}
	if p.StatusType == Stop {
		p.StopTime = time.Time{} // it is Time
	}
	return p
}

// heard returns when the packet would have arrived had the NAS got through at once, by
// this server's clock.
func (p Packet) heard() Time {
	arrived := p.Arrived
	if arrived.IsZero() {
		arrived = p.Time
	}
	return TimeOf(arrived.Add(-believedDelay(p.Delay)))
}

// hasOwnTime reports whether the packet says when it was made.
func (p Packet) hasOwnTime() bool { return !p.Time.Equal(p.heard().Time) }

// began returns when the session began by the clock of the NAS, as the packet says; zero
// if it does not say.
func (p Packet) began() Time {
	switch {
	case !p.StartTime.IsZero():
		return earlier(TimeOf(p.StartTime), TimeOf(p.Time))
	case !p.StopTime.IsZero() && p.Time.After(p.StopTime):
		return Time{} // it was made after the end
	case p.StatusType == Start || p.SessionTime != nil:
		return TimeOf(p.Time.Add(-p.sessionTime()))
	}
	return Time{}
}

// believedDelay returns an Acct-Delay-Time; 0 if it cannot be true.
func believedDelay(delay time.Duration) time.Duration {
	if delay < 0 || delay > maxDelay {
		return 0
	}
	return delay
}

// end returns when the session ended by the clock of the NAS; zero if the packet does
// not end it.
func (p Packet) end() Time {
	if p.StatusType == Stop {
		return TimeOf(p.Time)
	}
	return TimeOf(p.StopTime)
}

// sessionTime returns how long the session had lasted when the packet was made; 0 if
// it does not say.
func (p Packet) sessionTime() time.Duration {
	if p.StatusType == Start || p.SessionTime == nil {
		return 0
	}
	return time.Duration(*p.SessionTime) * time.Second
}

// joinWords returns gigawords * 2^32 + octets; nil if both are unknown, and the
// most that fits if the sum does not. Octets that are more than 32 bits hold the
// gigawords already.
func joinWords(gigawords, octets *int64) *int64 {
	if gigawords == nil || octets != nil && (*octets > math.MaxUint32 || *octets < 0) {
		return octets
	}
	low := int64(0)
	if octets != nil {
		low = *octets
	}
	high := min(max(*gigawords, 0), math.MaxInt64>>32)
	return new(high<<32 | low)
}
