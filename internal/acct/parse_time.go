package acct

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// timeLayouts are the forms of a time, without its zone. In each, a fraction may follow
// the seconds.
var timeLayouts = []string{
	"2006-01-02T15:04:05",       // RFC 3339, PostgreSQL, Django
	"2006-01-02T15:04",          // a browser's input field
	"2006-01-02",                // the beginning of a day
	"Jan _2 2006 15:04:05",      // an attribute of FreeRADIUS
	"Mon Jan _2 15:04:05 2006",  // FreeRADIUS's %t
	"2006-01-02-15.04.05",       // FreeRADIUS's %T
	"Mon, 02 Jan 2006 15:04:05", // HTTP
	"02 Jan 2006 15:04:05",      // FreeRADIUS's other form of an attribute
}

var (
	secondsForm = regexp.MustCompile(`^([0-9]+)(?:[.,]([0-9]+))?$`)
	// calendarNumber is a year, month or day as a number, which could be seconds as well.
	calendarNumber = regexp.MustCompile(`^(19|20|21)[0-9]{2}((0[1-9]|1[0-2])([0-2][0-9]|3[01])?)?$`)
	// blankBeforeTime stands where RFC 3339 has a T.
	blankBeforeTime = regexp.MustCompile(`^([0-9]{4}-[0-9]{2}-[0-9]{2})[ tT_]([0-9])`)
	// lostPlus is what decoding a form makes of the plus of an offset that was not escaped.
	lostPlus = regexp.MustCompile(`^([0-9-]{10}T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?) ([0-9]{2}(?::?[0-9]{2})?)$`)
	// offsetAtEnd follows a time of day, or the year after it.
	offsetAtEnd = regexp.MustCompile(`^(.*:[0-9]{2}(?:[.,][0-9]+)?(?: [0-9]{4})?) ?([+-])([0-9]{2})(?::?([0-9]{2}))?$`)
	nameAtEnd   = regexp.MustCompile(`^(.*[0-9]) ?([A-Za-z][A-Za-z/_]*)$`)
)

var (
	errNoTime = errors.New("is not a time: use RFC 3339, such as 2024-01-02T03:04:05Z, or a day as YYYY-MM-DD")
	errYear   = errors.New("is not between the years 1970 and 9999")
)

// ParseTime reads a time as FreeRADIUS, PostgreSQL, Django or RFC 3339 writes it, or in
// seconds since 1970. A time without a zone is in UTC; a day is its beginning. The zone
// of the result is the one that was written.
//
// Texts that could be several times are refused: zones by other names than UTC and GMT, days in
// figures that do not begin with the year, and a year or day that could be a number of
// seconds. The error can follow the name of a field.
func ParseTime(text string) (time.Time, error) {
	text = strings.Join(strings.Fields(text), " ")
	if digits := secondsForm.FindStringSubmatch(text); digits != nil {
		return parseSeconds(digits[1], digits[2])
	}
	text = blankBeforeTime.ReplaceAllString(text, "${1}T${2}")
	text = lostPlus.ReplaceAllString(text, "${1}+${2}")
	clock, zone, name := cutZone(text)
	at, found := parseClock(clock, zone)
	switch {
	case !found:
		return time.Time{}, errNoTime
	case name != "":
		return time.Time{}, fmt.Errorf("has the zone %.40q, which may be several: write its offset, such as +01:00", name)
	case at.UTC().Year() < 1970 || at.UTC().Year() > 9999:
		return time.Time{}, errYear
	}
	return at, nil
}

// parseTime does as ParseTime, for a caller that reports no reason.
func parseTime(text string) (at time.Time, ok bool) {
	at, err := ParseTime(text)
	return at.UTC(), err == nil
}

// parseSeconds reads seconds since 1970, and digits of a fraction.
func parseSeconds(digits, fraction string) (time.Time, error) {
	if calendarNumber.MatchString(digits) && fraction == "" {
		return time.Time{}, errors.New("may be a day, or seconds since 1970: write a day as YYYY-MM-DD")
	}
	seconds, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || seconds > math.MaxUint32 {
		return time.Time{}, errors.New("is a number of seconds since 1970 that is too large: are they milliseconds?")
	}
	nanoseconds, err := strconv.Atoi((fraction + "000000000")[:9])
	if err != nil {
		return time.Time{}, errNoTime
	}
	return time.Unix(int64(seconds), int64(nanoseconds)).UTC(), nil // #nosec G115 -- 32 bits
}

// cutZone cuts the zone off the end of a time; without one it is UTC. The name of a zone
// is returned if it is not UTC's.
func cutZone(text string) (clock string, zone *time.Location, name string) {
	if parts := offsetAtEnd.FindStringSubmatch(text); parts != nil {
		hours, _ := strconv.Atoi(parts[3])
		minutes, _ := strconv.Atoi(parts[4]) // may be missing
		if hours > 15 || minutes > 59 {
			return "", time.UTC, ""
		}
		seconds := (hours*60 + minutes) * 60
		if parts[2] == "-" {
			seconds = -seconds
		}
		if seconds == 0 {
			return parts[1], time.UTC, ""
		}
		return parts[1], time.FixedZone("", seconds), ""
	}
	if parts := nameAtEnd.FindStringSubmatch(text); parts != nil {
		switch strings.ToUpper(parts[2]) {
		case "Z", "UTC", "GMT":
			return parts[1], time.UTC, ""
		}
		return parts[1], time.UTC, parts[2]
	}
	return text, time.UTC, ""
}

// parseClock reads a time without its zone.
func parseClock(clock string, zone *time.Location) (at time.Time, found bool) {
	clock, leap := cutLeapSecond(clock)
	for _, layout := range timeLayouts {
		if at, err := time.ParseInLocation(layout, clock, zone); err == nil {
			return at.Add(leap), true
		}
	}
	return time.Time{}, false
}

// cutLeapSecond replaces a leap second, which package time does not read, by the second
// before it.
func cutLeapSecond(clock string) (string, time.Duration) {
	if before, after, found := strings.Cut(clock, ":59:60"); found {
		return before + ":59:59" + after, time.Second
	}
	return clock, 0
}
