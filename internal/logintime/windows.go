package logintime

import "time"

const (
	dayMinutes  = 24 * 60
	weekMinutes = 7 * dayMinutes
)

// Windows are the minutes of a week at which a login is allowed. They do not
// change, and may be used by several goroutines.
type Windows struct {
	bits      [(weekMinutes + 63) / 64]uint64 // of the minutes from Sunday 00:00 on
	unlimited bool                            // all are allowed
}

// allow allows a minute of the week.
func (w *Windows) allow(minute int) { w.bits[minute/64] |= 1 << (minute % 64) }

// allowed reports whether a minute of the week is allowed.
func (w *Windows) allowed(minute int) bool { return w.bits[minute/64]&(1<<(minute%64)) != 0 }

// Allows reports whether the clock of t's location shows an allowed minute.
func (w *Windows) Allows(t time.Time) bool { return w.allowed(minuteOf(t)) }

// End returns when the window that t is in ends; limited is false if it never
// does. Outside of the windows it returns t.
func (w *Windows) End(t time.Time) (end time.Time, limited bool) {
	if w.unlimited {
		return time.Time{}, false
	}
	for {
		end, change := w.nominalEnd(t), nextChange(t)
		if change.IsZero() || end.Before(change) {
			return end, true
		}
		// Until the clock is set, every minute is allowed. What it shows then may
		// be allowed, too, or not.
		t = change
	}
}

// nominalEnd returns when the window ends if the clock is not set forward or back.
func (w *Windows) nominalEnd(t time.Time) time.Time {
	first := minuteOf(t)
	if !w.allowed(first) {
		return t
	}
	minutes := 1 // not all are allowed, so this ends
	for w.allowed((first + minutes) % weekMinutes) {
		minutes++
	}
	sinceMinute := time.Duration(t.Second())*time.Second + time.Duration(t.Nanosecond())
	return t.Add(time.Duration(minutes)*time.Minute - sinceMinute)
}

// nextChange returns when the clock is set next; zero: never.
func nextChange(t time.Time) time.Time {
	_, end := t.ZoneBounds()
	return end
}

// minuteOf returns the minute of the week that the clock of t's location shows.
func minuteOf(t time.Time) int {
	return int(t.Weekday())*dayMinutes + t.Hour()*60 + t.Minute()
}
