package dictionary

import (
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"time"
)

// dateLayout is how FreeRADIUS prints a time; here it is always UTC.
const dateLayout = "Jan _2 2006 15:04:05 UTC"

// zonedLayouts are the ways to write a time with its zone, besides seconds since
// 1970, and dateLayouts those without: with single spaces and without UTC at the
// end.
var (
	zonedLayouts = []string{time.RFC3339, "2006-01-02 15:04:05Z07:00"}
	dateLayouts  = []string{
		"Jan 2 2006 15:04:05", "January 2 2006 15:04:05",
		"2 Jan 2006 15:04:05", "2 January 2006 15:04:05",
		"Jan 2 2006 15:04", "January 2 2006 15:04",
		"2 Jan 2006 15:04", "2 January 2006 15:04",
		"Jan 2 2006", "January 2 2006",
		"2 Jan 2006", "2 January 2006",
		"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02",
	}
)

// errDate is the error of a time that cannot be read.
var errDate = errors.New("is not a time: write it as Jan  1 2030 00:00:00 UTC, 2030-01-01T00:00:00Z, " +
	"a date alone, or seconds since 1970")

// Moment is a time as it was written: in a zone, or by whatever clock counts.
type Moment struct {
	time  time.Time // with the numbers of the text, in UTC, if there is no zone
	zoned bool
}

// ParseMoment reads a time as a value of the type date is written. Names of zones but UTC
// and GMT are not read, since one name can mean several.
func ParseMoment(text string) (Moment, error) {
	if seconds, ok := parseNumber(text, math.MaxUint32); ok {
		return Moment{time.Unix(int64(seconds), 0).UTC(), true}, nil // #nosec G115 -- parseNumber has checked the range
	}
	text = strings.Join(strings.Fields(text), " ")
	text, zoned := cutUTC(text)
	if !zoned {
		for _, layout := range zonedLayouts {
			if t, err := time.Parse(layout, text); err == nil {
				return newMoment(t, true)
			}
		}
	}
	for _, layout := range dateLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			return newMoment(t, zoned)
		}
	}
	return Moment{}, errDate
}

// cutUTC returns a time without the name of the zone at its end.
func cutUTC(text string) (rest string, found bool) {
	for _, zone := range []string{" UTC", " GMT"} {
		if rest, found = strings.CutSuffix(text, zone); found {
			return rest, true
		}
	}
	return text, false
}

func newMoment(t time.Time, zoned bool) (Moment, error) {
	if seconds := t.Unix(); seconds < 0 || seconds > math.MaxUint32 {
		return Moment{}, errors.New("is not between 1970 and 2106")
	}
	return Moment{t, zoned}, nil
}

// In returns the time that is meant if the clock of a location counts.
func (m Moment) In(location *time.Location) time.Time {
	if m.zoned {
		return m.time.In(location)
	}
	t := m.time
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), location)
}

// parseDate reads a time. One without a zone is in UTC.
func (a *Attribute) parseDate(text string) ([]byte, bool) {
	date, err := ParseMoment(text)
	if err != nil {
		return nil, false
	}
	return binary.BigEndian.AppendUint32(nil, uint32(date.time.Unix())), true // #nosec G115 -- newMoment has checked the range
}

func printDate(value []byte) string {
	return time.Unix(int64(binary.BigEndian.Uint32(value)), 0).UTC().Format(dateLayout)
}
