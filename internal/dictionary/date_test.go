package dictionary

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDatesWithoutAZoneAreByAClock(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		time  string // RFC 3339
		zoned bool
	}{
		"1893456000":                {"2030-01-01T00:00:00Z", true},
		"0x70dbd880":                {"2030-01-01T00:00:00Z", true},
		"Jan  1 2030 00:00:00 UTC":  {"2030-01-01T00:00:00Z", true},
		"jan 1 2030 00:00:00 GMT":   {"2030-01-01T00:00:00Z", true},
		"1 Jan 2030 UTC":            {"2030-01-01T00:00:00Z", true},
		"2030-01-01T00:00:00Z":      {"2030-01-01T00:00:00Z", true},
		"2030-01-01T01:00:00+01:00": {"2030-01-01T00:00:00Z", true},
		"2030-01-01 01:00:00+01:00": {"2030-01-01T00:00:00Z", true},
		"2030-01-01 UTC":            {"2030-01-01T00:00:00Z", true},
		"Jan  1 2030 00:00:00":      {"2030-01-01T00:00:00Z", false},
		"Jan 01 2030":               {"2030-01-01T00:00:00Z", false},
		"January 1 2030":            {"2030-01-01T00:00:00Z", false},
		"1 Jan 2030":                {"2030-01-01T00:00:00Z", false},
		"01 January 2030 12:30":     {"2030-01-01T12:30:00Z", false},
		" 31  Dec 2030  23:59:59 ":  {"2030-12-31T23:59:59Z", false},
		"2030-12-31":                {"2030-12-31T00:00:00Z", false},
		"2030-12-31 12:30":          {"2030-12-31T12:30:00Z", false},
		"2030-12-31T12:30:15":       {"2030-12-31T12:30:15Z", false},
	} {
		date, err := ParseMoment(text)
		require.NoError(t, err, text)
		require.Equal(t, want.time, date.In(time.UTC).Format(time.RFC3339), text)
		tokyo := date.In(time.FixedZone("Tokyo", 9*3600))
		require.Equal(t, want.zoned, tokyo.Equal(date.In(time.UTC)), text)
		if !want.zoned {
			require.Equal(t, 9*time.Hour, date.In(time.UTC).Sub(tokyo), text)
		}
	}
	for _, text := range []string{
		"", "UTC", "whenever", "1 Jan 2030 CET", "31 Jun 2030", "2030-02-29", "1.1.2030", "01/02/2030", "Jan 1", "12:00", "-1", "1e9",
		"4294967296", "1969-12-31", "2107-01-01", "2030-01-01T00:00:00Z UTC", "2030-13-01",
	} {
		_, err := ParseMoment(text)
		require.Error(t, err, text)
	}
}
