package acct

import (
	"encoding/json"
	"fmt"
	"time"
)

// timeLayout is RFC 3339 with microseconds, the precision of PostgreSQL.
const timeLayout = "2006-01-02T15:04:05.000000Z07:00"

// Time is a time of a record: UTC, in microseconds. Its zero value means that
// there is none, null in JSON.
type Time struct{ time.Time }

// TimeOf returns t as records have it.
func TimeOf(t time.Time) Time { return Time{t.UTC().Truncate(time.Microsecond)} }

// MarshalJSON implements json.Marshaler: RFC 3339 with microseconds, or null.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return []byte(t.UTC().Format(`"` + timeLayout + `"`)), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *Time) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		*t = Time{}
		return nil
	}
	var parsed time.Time
	if err := json.Unmarshal(text, &parsed); err != nil {
		return fmt.Errorf("time: %w", err)
	}
	*t = TimeOf(parsed)
	return nil
}

// earlier returns the earlier one of those that there are.
func earlier(a, b Time) Time {
	if a.IsZero() || !b.IsZero() && b.Before(a.Time) {
		return b
	}
	return a
}

// later returns the later one.
func later(a, b Time) Time {
	if b.After(a.Time) {
		return b
	}
	return a
}

// secondsFrom returns the whole seconds from one time to another; 0 if that one
// is earlier.
func secondsFrom(from, to Time) int64 {
	return max(0, int64(to.Sub(from.Time)/time.Second))
}
