package profile

// limitRow is a check item that the clock decides, at a time: which logins hold, and for
// how many seconds.
type limitRow struct {
	item Item
	zone string // whose clock counts
	at   string // RFC 3339
	want stay
	// freeRADIUS is what FreeRADIUS 3.2.1 does, if it is something else.
	freeRADIUS *stay
	deviation  string // why
}

// stay is how long a login may last, in seconds; there are two others.
type stay int

const (
	kept      stay = -1 // out: the login is refused
	unlimited stay = 0
)

func limited(zone, item, op, value, at string, want stay) limitRow {
	return limitRow{item: Item{item, op, value}, zone: zone, at: at, want: want}
}

func (r limitRow) there(other stay, why string) limitRow {
	r.freeRADIUS, r.deviation = &other, why
	return r
}

const (
	utc     = "UTC"
	berlin  = "Europe/Berlin"
	newYork = "America/New_York"

	within  = "Login-Time"
	current = "Current-Time"
	expires = "Expiration"
	ofDay   = "Time-Of-Day"
)

const (
	seconds  = "FreeRADIUS counts the minute that has begun as a whole one"
	clockSet = "FreeRADIUS counts the minutes of an ordinary week, although the clock is set within"
	zones    = "FreeRADIUS ignores UTC behind a date, and takes it for local time without daylight saving"
	bound    = "the profile ends with its Expiration, however the item is written"
	atOnce   = "what has expired is refused from that second on, as with :="
)

// limitTable has what FreeRADIUS's expiration and logintime decide. 2026-06-01 is a
// Monday.
var limitTable = []limitRow{
	// Days and hours
	limited(utc, within, ":=", "Wk0800-1800", "2026-06-01T07:59:59Z", kept),
	limited(utc, within, ":=", "Wk0800-1800", "2026-06-01T08:00:00Z", 36060),
	limited(utc, within, ":=", "Wk0800-1800", "2026-06-01T17:00:00Z", 3660),
	limited(utc, within, ":=", "Wk0800-1800", "2026-06-01T18:00:00Z", 60),
	limited(utc, within, ":=", "Wk0800-1800", "2026-06-01T18:00:59Z", 60),
	limited(utc, within, ":=", "Wk0800-1800", "2026-06-01T18:01:00Z", kept),
	limited(utc, within, ":=", "Wk0800-1800", "2026-06-05T08:00:00Z", 36060),
	limited(utc, within, ":=", "Wk0800-1800", "2026-06-06T12:00:00Z", kept),
	limited(utc, within, ":=", "Wk0800-1800", "2026-06-07T12:00:00Z", kept),
	limited(utc, within, ":=", "Wk0800-1800", "2026-06-01T17:59:45Z", 75).there(120, seconds),
	limited(utc, within, ":=", "wK0800-1800", "2026-06-01T17:00:00Z", 3660),
	limited(utc, within, ":=", "Wk", "2026-06-01T00:00:00Z", 5*86400),
	limited(utc, within, ":=", "Wk", "2026-06-05T23:59:00Z", 60),
	limited(utc, within, ":=", "Su", "2026-06-07T12:00:00Z", 43200),
	limited(utc, within, ":=", "Su", "2026-06-08T00:00:00Z", kept),
	limited(utc, within, "+=", "Wk0800-1800", "2026-06-06T12:00:00Z", kept),
	// All of the week
	limited(utc, within, ":=", "Al", "2026-06-06T12:00:00Z", unlimited),
	limited(utc, within, ":=", "Any", "2026-06-06T12:00:00Z", unlimited),
	limited(utc, within, ":=", "Al0000-2400", "2026-06-06T23:59:59Z", unlimited),
	limited(utc, within, ":=", "Al0000-2359", "2026-06-06T12:00:00Z", unlimited),
	limited(utc, within, ":=", "Wk,SaSu", "2026-06-06T12:00:00Z", unlimited),
	limited(utc, within, ":=", "Any0900-1700", "2026-06-06T12:00:00Z", 18060),
	// Several windows
	limited(utc, within, ":=", "Wk0800-1800,Sa,Su0900-1200", "2026-06-06T12:00:00Z", 43200),
	limited(utc, within, ":=", "Wk0800-1800|Sa|Su0900-1200", "2026-06-07T12:00:00Z", 60),
	limited(utc, within, ":=", "Wk0800-1800,Sa,Su0900-1200", "2026-06-07T13:00:00Z", kept),
	limited(utc, within, ":=", "Mo0800-1200,Mo1100-1300", "2026-06-01T09:00:00Z", 14460),
	limited(utc, within, ":=", "Mo0800-1200,Mo1201-1300", "2026-06-01T09:00:00Z", 14460),
	limited(utc, within, ":=", "Mo0800-1200,Mo1202-1300", "2026-06-01T09:00:00Z", 10860),
	limited(utc, within, ":=", ",Mo0800-1200,", "2026-06-01T12:00:00Z", 60),
	// Ranges and lists of days
	limited(utc, within, ":=", "Mo-Fr0900-1700", "2026-06-05T17:00:00Z", 60),
	limited(utc, within, ":=", "Mo-Fr0900-1700", "2026-06-06T12:00:00Z", kept),
	limited(utc, within, ":=", "Sa-Mo0900-1700", "2026-06-07T17:00:00Z", 60),
	limited(utc, within, ":=", "Sa-Mo0900-1700", "2026-06-02T12:00:00Z", kept),
	limited(utc, within, ":=", "Sa-Mo", "2026-06-06T00:00:00Z", 3*86400),
	limited(utc, within, ":=", "MoWeFr0900-1700", "2026-06-03T17:00:00Z", 60),
	limited(utc, within, ":=", "MoWeFr0900-1700", "2026-06-02T12:00:00Z", kept),
	limited(utc, within, ":=", "Mo-TuFr0900-1700", "2026-06-05T12:00:00Z", 18060),
	// Over midnight
	limited(utc, within, ":=", "Al2300-0500", "2026-06-01T23:30:00Z", 19860),
	limited(utc, within, ":=", "Al2300-0500", "2026-06-01T05:00:00Z", 60),
	limited(utc, within, ":=", "Al2300-0500", "2026-06-01T12:00:00Z", kept),
	limited(utc, within, ":=", "Fr2300-0500", "2026-06-05T23:30:00Z", 1800),
	limited(utc, within, ":=", "Fr2300-0500", "2026-06-05T03:00:00Z", 7260),
	limited(utc, within, ":=", "Fr2300-0500", "2026-06-06T03:00:00Z", kept),
	limited(utc, within, ":=", "Fr2300-2400,Sa0000-0500", "2026-06-05T23:30:00Z", 19860),
	limited(utc, within, ":=", "Sa2200-2400,Su0000-0200", "2026-06-06T23:00:00Z", 10860),
	limited(utc, within, ":=", "Mo0800-0759", "2026-06-01T12:00:00Z", 43200),
	// Single minutes
	limited(utc, within, ":=", "Wk0800", "2026-06-01T08:00:30Z", 60),
	limited(utc, within, ":=", "Wk0800", "2026-06-01T08:01:00Z", kept),
	limited(utc, within, ":=", "Wk0000-0001", "2026-06-01T12:00:00Z", kept),
	// Other clocks, and those that are set
	limited(berlin, within, ":=", "Wk0800-1800", "2026-06-01T06:00:00Z", 36060),
	limited(berlin, within, ":=", "Wk0800-1800", "2026-01-05T06:00:00Z", kept),
	limited(newYork, within, ":=", "Mo", "2026-06-02T03:00:00Z", 3600),
	limited(berlin, within, ":=", "Su0100-0400", "2026-03-29T00:30:00Z", 5460).there(9060, clockSet),
	limited(berlin, within, ":=", "Su0100-0400", "2026-03-29T01:30:00Z", 1860),
	limited(berlin, within, ":=", "Su0200-0259", "2026-03-29T00:59:00Z", kept),
	limited(berlin, within, ":=", "Su0200-0259", "2026-03-29T01:00:00Z", kept),
	limited(berlin, within, ":=", "Su0100-0400", "2026-10-25T00:30:00Z", 9060).there(5460, clockSet),
	limited(berlin, within, ":=", "Su0100-0400", "2026-10-25T01:30:00Z", 5460),
	limited(berlin, within, ":=", "Su0230-0245", "2026-10-25T00:40:00Z", 360),
	limited(berlin, within, ":=", "Su0230-0245", "2026-10-25T00:50:00Z", kept),
	limited(berlin, within, ":=", "Su0230-0245", "2026-10-25T01:40:00Z", 360),
	limited(newYork, within, ":=", "Su0000-1159", "2026-03-08T05:00:00Z", 39600).there(43200, clockSet),
	limited(newYork, within, ":=", "Su0200-0259", "2026-03-08T07:00:00Z", kept),
	limited(newYork, within, ":=", "Su0000-1159", "2026-11-01T04:00:00Z", 46800).there(43200, clockSet),
	limited(newYork, within, ":=", "Su0100-0159", "2026-11-01T05:30:00Z", 5400).there(1800, clockSet),
	limited(newYork, within, ":=", "Su0100-0159", "2026-11-01T06:30:00Z", 1800),
	// Windows that are compared
	limited(utc, current, "==", "Wk0800-1800", "2026-06-01T12:00:00Z", unlimited),
	limited(utc, current, "==", "Wk0800-1800", "2026-06-06T12:00:00Z", kept),
	limited(utc, current, "=", "Wk0800-1800", "2026-06-06T12:00:00Z", kept),
	limited(utc, current, "!=", "Wk0800-1800", "2026-06-06T12:00:00Z", unlimited),
	limited(utc, current, "!=", "Wk0800-1800", "2026-06-01T12:00:00Z", kept),
	limited(berlin, current, "==", "Su0200-0259", "2026-10-25T01:30:00Z", unlimited),
	// Times of the day
	limited(utc, ofDay, ">=", "08:00", "2026-06-01T08:00:00Z", unlimited),
	limited(utc, ofDay, ">=", "08:00", "2026-06-01T07:59:59Z", kept),
	limited(utc, ofDay, "<", "18:00", "2026-06-01T17:59:59Z", unlimited),
	limited(utc, ofDay, "<", "18:00", "2026-06-01T18:00:00Z", kept),
	limited(utc, ofDay, "<=", "18:00:30", "2026-06-01T18:00:30Z", unlimited),
	limited(utc, ofDay, ">", "18:00:30", "2026-06-01T18:00:30Z", kept),
	limited(utc, ofDay, "==", "8:00", "2026-06-01T08:00:00Z", unlimited),
	limited(utc, ofDay, "!=", "08:00", "2026-06-01T08:00:00Z", kept),
	limited(newYork, ofDay, "<", "09:00", "2026-06-01T12:59:59Z", unlimited),
	limited(newYork, ofDay, "<", "09:00", "2026-06-01T13:00:00Z", kept),
	// Dates
	limited(utc, expires, ":=", "Jan  1 2020 00:00:00 UTC", "2026-06-01T12:00:00Z", kept),
	limited(utc, expires, ":=", "Jun  1 2026 12:00:00 UTC", "2026-06-01T11:59:59Z", 1),
	limited(utc, expires, ":=", "Jun  1 2026 12:00:00 UTC", "2026-06-01T12:00:00Z", kept),
	limited(utc, expires, ":=", "Jun  1 2026 12:00:00", "2026-06-01T11:00:00Z", 3600),
	limited(utc, expires, ":=", "1 Jun 2026 12:00:00", "2026-06-01T11:00:00Z", 3600),
	limited(utc, expires, ":=", "1 June 2026 12:00", "2026-06-01T11:00:00Z", 3600),
	limited(utc, expires, ":=", "01 Jun 2026", "2026-05-31T23:00:00Z", 3600),
	limited(utc, expires, ":=", "Jun 1 2026", "2026-06-01T00:00:00Z", kept),
	limited(utc, expires, ":=", "1780315200", "2026-06-01T11:00:00Z", 3600),
	limited(utc, expires, ":=", "1780315200", "2026-06-01T12:00:01Z", kept),
	limited(utc, expires, "+=", "1 Jun 2026", "2026-06-01T12:00:00Z", kept),
	limited(berlin, expires, ":=", "1 Jun 2026", "2026-05-31T21:00:00Z", 3600),
	limited(berlin, expires, ":=", "1 Jun 2026", "2026-05-31T22:00:00Z", kept),
	limited(berlin, expires, ":=", "Jun  1 2026 00:00:00 UTC", "2026-05-31T22:00:00Z", 7200).there(3600, zones),
	limited(berlin, expires, ":=", "29 Mar 2026 12:00", "2026-03-28T23:00:00Z", 39600),
	limited(newYork, expires, ":=", "Nov 1 2026 12:00:00", "2026-11-01T04:00:00Z", 46800),
	limited(utc, expires, "==", "Jun  1 2026 12:00:00 UTC", "2026-06-01T11:00:00Z", 3600).there(unlimited, bound),
	limited(utc, expires, "==", "Jun  1 2026 12:00:00 UTC", "2026-06-01T12:00:00Z", kept).there(unlimited, atOnce),
	limited(utc, expires, "=", "Jun  1 2026 12:00:00 UTC", "2026-06-01T12:00:01Z", kept),
}
