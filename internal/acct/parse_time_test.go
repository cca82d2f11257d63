package acct

import (
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The forms are those that FreeRADIUS 3.2 (attributes, %S, %t, %T, %l), PostgreSQL 15,
// Django 4 (str, isoformat, its JSON) and RFC 3339 print.
func TestTimesAreReadInEveryForm(t *testing.T) {
	t.Parallel()
	utc := time.Date(2018, 3, 2, 21, 43, 25, 0, time.UTC)
	minute, day := utc.Truncate(time.Minute), utc.Truncate(24*time.Hour)
	for text, want := range map[string]time.Time{
		"2018-03-02 21:43:25":              utc,
		"2018-03-02T21:43:25":              utc,
		"2018-03-02t21:43:25z":             utc,
		"2018-03-02_21:43:25Z":             utc,
		"2018-03-02 21:43:25Z":             utc,
		"2018-03-02 21:43:25 UTC":          utc,
		"2018-03-02 21:43:25 gmt":          utc,
		"2018-03-02 21:43:25+00":           utc,
		"2018-03-02 21:43:25+0000":         utc,
		"2018-03-02 21:43:25-00:00":        utc,
		"2018-03-02 22:43:25+01":           utc,
		"2018-03-02T22:43:25+0100":         utc,
		"2018-03-02T22:43:25 +01:00":       utc,
		"2018-03-03 03:13:25+05:30":        utc,
		"2018-03-02T16:43:25-05:00":        utc,
		"2018-03-02T22:43:25 01:00":        utc, // an unescaped + in a query
		"2018-03-02T22:43 01:00":           minute,
		"2018-03-02 22:43:25.5 0100":       utc.Add(time.Second / 2),
		"  2018-03-02   21:43:25  ":        utc,
		"2018-03-02 21:43:25.123456+00":    utc.Add(123456 * time.Microsecond),
		"2018-03-02T21:43:25,123456789Z":   utc.Add(123456789),
		"2018-03-02T22:43:25.234035+01:00": utc.Add(234035 * time.Microsecond),
		"2018-03-02T21:43":                 minute,
		"2018-03-02 22:43+01:00":           minute,
		"2018-03-02":                       day,
		"Mar  2 2018 21:43:25 UTC":         utc,
		"Mar 2 2018 21:43:25 UTC":          utc,
		"Mar 02 2018 21:43:25 GMT":         utc,
		"Mar  2 2018 21:43:25":             utc,
		"mar  2 2018 21:43:25 utc":         utc,
		"Mar  2 2018 22:43:25 +0100":       utc,
		"02 Mar 2018 21:43:25":             utc,
		"Fri Mar  2 21:43:25 2018":         utc,
		"Fri Mar 02 21:43:25.5 2018 UTC":   utc.Add(time.Second / 2),
		"Fri Mar 02 22:43:25 2018 +01":     utc,
		"Fri, 02 Mar 2018 21:43:25 GMT":    utc,
		"2018-03-02-21.43.25.000000":       utc,
		"1520027005":                       utc,
		"1520027005.25":                    utc.Add(time.Second / 4),
		"1520027005.1234567891":            utc.Add(123456789),
		"0":                                time.Unix(0, 0),
		"4294967295":                       time.Unix(4294967295, 0),
		"2016-12-31T23:59:60Z":             time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		at, err := ParseTime(text)
		require.NoError(t, err, text)
		require.True(t, want.Equal(at), "%s is %s", text, at)
	}
	at, err := ParseTime("2018-03-02T22:43:25+01:00")
	require.NoError(t, err)
	require.Equal(t, "22:43 +01:00", at.Format("15:04 -07:00"), "the zone is the one that was written")
}

func TestTimesThatMayBeSeveralAreRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Mar  2 2018 21:43:25 CET":           `zone "CET"`,
		"2018-03-02 21:43:25 CST":            `zone "CST"`,
		"2018-03-02 21:43:25 Europe/Berlin":  `zone "Europe/Berlin"`,
		"Fri Mar  2 21:43:25 2018 EST":       `zone "EST"`,
		"03/02/2018 21:43:25":                "is not a time",
		"02.03.2018 21:43:25":                "is not a time",
		"3/2/2018 9:43 PM":                   "is not a time",
		"2018":                               "may be a day",
		"201803":                             "may be a day",
		"20180302":                           "may be a day",
		"1520027005123":                      "milliseconds",
		"20180302214325":                     "milliseconds",
		"99999999999999999999999":            "milliseconds",
		"2018-02-30":                         "is not a time",
		"2018-03-02T25:00:00Z":               "is not a time",
		"2018-03-02T21:43:61Z":               "is not a time",
		"2018-03-02T21:43:25+99:00":          "is not a time",
		"2018-03-02T21:43:25+01:99":          "is not a time",
		"2018-03-02T21:43:25Z and more":      "is not a time",
		"18-03-02":                           "is not a time",
		"21:43:25":                           "is not a time",
		"-1":                                 "is not a time",
		"1.5e9":                              "is not a time",
		"infinity":                           "is not a time",
		"now":                                "is not a time",
		"yesterday":                          "is not a time",
		"":                                   "is not a time",
		"0001-01-01T00:00:00Z":               "years 1970 and 9999",
		"1969-12-31 23:59:59":                "years 1970 and 9999",
		"9999-12-31T23:59:59-01:00":          "years 1970 and 9999",
		"10000-01-01T00:00:00Z":              "is not a time",
		"2018-03-02T21:43:25Z\x00":           "is not a time",
		"٢٠١٨-03-02":                         "is not a time",
		"2018-03-02 21:43:25 BC":             `zone "BC"`,
		"2018-03-02T21:43:25.Z":              "is not a time",
		"2018-03-02T21:43:25 01:00 and more": "is not a time",
	} {
		_, err := ParseTime(text)
		require.ErrorContains(t, err, want, text)
	}
}

func TestPacketsTellTimesInEveryForm(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"2024-01-02 03:04:05", "2024-01-02 03:04:05+00", "2024-01-02T04:04:05.0+0100", "Jan 02 2024 03:04:05 GMT",
		"1704164645.0",
	} {
		for status, field := range map[string]string{
			"Start": "start_time", "Interim-Update": "update_time", "Stop": "stop_time",
			"Accounting-On": "event_timestamp",
		} {
			values := start()
			maps.Copy(values, map[string]string{"status_type": status, field: text})
			p, problems := ParsePacket(values, arrival)
			require.Empty(t, problems, text)
			require.True(t, epoch.Equal(p.Time), "%s: %s", text, p.Time)
		}
	}
}
