package logintime

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// span is some days that follow each other; 0 is Sunday.
type span struct{ first, last int }

func (s span) single() bool { return s.first == s.last }

// dayNames are the names of days, in lower case. None is the beginning of another.
var dayNames = map[string]span{
	"su": {0, 0}, "mo": {1, 1}, "tu": {2, 2}, "we": {3, 3}, "th": {4, 4}, "fr": {5, 5}, "sa": {6, 6},
	"wk": {1, 5}, "al": {0, 6}, "any": {0, 6},
}

// Parse returns the windows of a Login-Time. Of several, the error names the wrong one.
func Parse(text string) (*Windows, error) {
	windows := &Windows{}
	empty := true
	for window := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == '|' }) {
		empty = false
		switch err := windows.add(window); {
		case err != nil && window == text:
			return nil, err
		case err != nil:
			return nil, fmt.Errorf("%.40q: %w", window, err)
		}
	}
	if empty {
		return nil, errors.New("is empty: write days and hours, such as Wk0800-1800,Sa0900-1200, or Al for any time")
	}
	windows.unlimited = true
	for minute := range weekMinutes {
		windows.unlimited = windows.unlimited && windows.allowed(minute)
	}
	return windows, nil
}

// add allows the minutes of one window: days, and perhaps hours.
func (w *Windows) add(window string) error {
	digit := strings.IndexAny(window, "0123456789")
	if digit < 0 {
		digit = len(window)
	}
	days, err := parseDays(strings.ToLower(window[:digit]))
	if err != nil {
		return err
	}
	first, last, err := parseHours(window[digit:])
	if err != nil {
		return err
	}
	for day, included := range days {
		if !included {
			continue
		}
		for minute := first; ; minute = (minute + 1) % dayMinutes {
			w.allow(day*dayMinutes + minute)
			if minute == last {
				break
			}
		}
	}
	return nil
}

// errDays is the error of days that cannot be read.
var errDays = errors.New("has no valid days: write Su Mo Tu We Th Fr Sa, ranges such as Mo-Fr, Wk, " +
	"or Al or Any for all, without blanks")

// parseDays returns the days of names and ranges that follow each other without anything
// between them, such as mo-wefr.
func parseDays(text string) (included [7]bool, err error) {
	if text == "" {
		return included, errDays
	}
	for text != "" {
		days, rest, ok := cutDays(text)
		if after, isRange := strings.CutPrefix(rest, "-"); ok && isRange {
			var end span
			end, rest, ok = cutDays(after)
			ok = ok && days.single() && end.single()
			days.last = end.last
		}
		if !ok {
			return included, errDays
		}
		for day := days.first; ; day = (day + 1) % len(included) {
			included[day] = true
			if day == days.last {
				break
			}
		}
		text = rest
	}
	return included, nil
}

// cutDays returns the days of the name that a text begins with, and the rest of the text.
func cutDays(text string) (days span, rest string, ok bool) {
	for name, days := range dayNames {
		if rest, found := strings.CutPrefix(text, name); found {
			return days, rest, true
		}
	}
	return span{}, text, false
}

// errHours is the error of hours that cannot be read.
var errHours = errors.New("has no valid hours: write them as 0800-1800, from 0000 to 2400 in four digits each")

// parseHours returns the first and the last minute of a day. No hours mean the whole day,
// and a single time is a minute.
func parseHours(text string) (first, last int, err error) {
	if text == "" {
		return 0, dayMinutes - 1, nil
	}
	from, to, isRange := strings.Cut(text, "-")
	if !isRange {
		to = from
	}
	first, okFirst := parseMinute(from)
	last, okLast := parseMinute(to)
	if !okFirst || !okLast || first == dayMinutes {
		return 0, 0, errHours
	}
	return first, min(last, dayMinutes-1), nil // until 2400 is all that is left of the day
}

// parseMinute returns the minute of a day that is written as 0830; 2400 is its end.
func parseMinute(text string) (int, bool) {
	number, err := strconv.ParseUint(text, 10, 16)
	if err != nil || len(text) != 4 {
		return 0, false
	}
	hour, minute := int(number/100), int(number%100) // #nosec G115 -- four digits
	return hour*60 + minute, minute < 60 && hour*60+minute <= dayMinutes
}
