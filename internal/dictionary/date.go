package dictionary

import (
	"encoding/binary"
	"math"
	"strings"
	"time"
)

// dateLayout is how FreeRADIUS prints a time; here it is always UTC.
const dateLayout = "Jan _2 2006 15:04:05 UTC"

// dateLayouts are the ways to write a time, besides seconds since 1970, with
// single spaces and without UTC at the end.
var dateLayouts = []string{
	time.RFC3339,
	"Jan 2 2006 15:04:05",
	"2 Jan 2006 15:04:05",
	"Jan 2 2006 15:04",
	"2 Jan 2006 15:04",
	"Jan 2 2006",
	"2 Jan 2006",
}

// parseDate reads a time. A time without a zone is in UTC; zones with a name are
// not, since one name can mean several.
func (a *Attribute) parseDate(text string) ([]byte, bool) {
	if seconds, ok := parseNumber(text, math.MaxUint32); ok {
		return binary.BigEndian.AppendUint32(nil, uint32(seconds)), true // #nosec G115 -- parseNumber has checked the range
	}
	text = strings.Join(strings.Fields(text), " ")
	for _, zone := range []string{" UTC", " GMT"} {
		text = strings.TrimSuffix(text, zone)
	}
	for _, layout := range dateLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			seconds := t.Unix()
			return binary.BigEndian.AppendUint32(nil, uint32(seconds)), seconds >= 0 && seconds <= math.MaxUint32 // #nosec G115 -- checked beside it
		}
	}
	return nil, false
}

func printDate(value []byte) string {
	return time.Unix(int64(binary.BigEndian.Uint32(value)), 0).UTC().Format(dateLayout)
}
