package profile

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/logintime"
)

// clock decides a check item by the time of the login, in the location whose clock
// counts.
type clock interface {
	holds(now time.Time) bool
	// reason says in words why the item holds or not.
	reason(held bool) string
}

// expiration holds until a date.
type expiration struct{ dictionary.Moment }

func (e expiration) holds(now time.Time) bool { return now.Before(e.In(now.Location())) }

func (e expiration) reason(held bool) string {
	if held {
		return "it is before that time"
	}
	return "that time has passed"
}

// window holds within windows of the week. As a limit it ends what it lets in.
type window struct{ *logintime.Windows }

func (w window) holds(now time.Time) bool { return w.Allows(now) }

func (w window) reason(held bool) string {
	if held {
		return "the time is within the windows"
	}
	return "the time is outside of the windows"
}

// outside holds where a window does not.
type outside struct{ window }

func (o outside) holds(now time.Time) bool { return !o.window.holds(now) }

func (o outside) reason(held bool) string { return o.window.reason(!held) }

// dateComparison compares the time with a date.
type dateComparison struct {
	accepts order
	date    dictionary.Moment
}

func (d dateComparison) holds(now time.Time) bool {
	return d.accepts&orderOf(cmp.Compare(now.Unix(), d.date.In(now.Location()).Unix())) != 0
}

func (d dateComparison) reason(held bool) string {
	return comparisonReason("the time", d.accepts, held)
}

// timeOfDay compares what the clock shows, in seconds, with a time of the day.
type timeOfDay struct {
	accepts order
	seconds int
}

func (d timeOfDay) holds(now time.Time) bool {
	return d.accepts&orderOf(cmp.Compare(now.Hour()*3600+now.Minute()*60+now.Second(), d.seconds)) != 0
}

func (d timeOfDay) reason(held bool) string { return comparisonReason("the clock", d.accepts, held) }

func comparisonReason(what string, accepts order, held bool) string {
	if held {
		return fmt.Sprintf("%s is %s that", what, accepts)
	}
	return fmt.Sprintf("%s is not %s that", what, accepts)
}

// parseTimeOfDay reads 08:00 or 08:00:30.
func parseTimeOfDay(text string) (seconds int, err error) {
	fields := strings.Split(text, ":")
	if len(fields) != 2 && len(fields) != 3 {
		return 0, errTimeOfDay
	}
	for i, field := range fields {
		number, err := strconv.ParseUint(field, 10, 8)
		if err != nil || len(field) > 2 || number > 59 || i == 0 && number > 23 {
			return 0, errTimeOfDay
		}
		seconds = seconds*60 + int(number) // #nosec G115 -- less than 60
	}
	if len(fields) == 2 {
		seconds *= 60
	}
	return seconds, nil
}

var errTimeOfDay = errors.New("is not a time of the day from 00:00 to 23:59:59: write it as 08:00 or 08:00:30")

// rejection never holds: it refuses logins at any time.
type rejection struct{}

func (rejection) holds(time.Time) bool { return false }

func (rejection) reason(bool) string {
	return "every login that matches the other check items is refused"
}
