package validate

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"vault-plugin-auth-radius/internal/acct"
)

// lastExpiry is the last time that can be stored.
var lastExpiry = time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC)

// ParseExpiry returns the time at which access ends, in UTC; nil, for never, if the text
// is empty. A day is its end.
func ParseExpiry(text string) (*time.Time, error) {
	var at time.Time
	if text = strings.TrimSpace(text); text == "" {
		return nil, nil
	}
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		if seconds < 1_000_000_000 || seconds > math.MaxUint32 {
			return nil, errors.New("is a number of seconds since 1970 from before 2001 or after 2106: write a day as YYYY-MM-DD")
		}
		at = time.Unix(seconds, 0)
	} else if day, err := time.Parse(time.DateOnly, text); err == nil {
		at = day.AddDate(0, 0, 1)
	} else if at, err = acct.ParseTime(text); err != nil {
		return nil, errors.New("must be a time as in RFC 3339, seconds since 1970, or a day as YYYY-MM-DD")
	}
	if at = at.UTC(); at.After(lastExpiry) {
		at = lastExpiry // the end of that day is in the year 10000
	}
	return &at, nil
}
