package logintime

import (
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/stretchr/testify/require"
)

func location(t *testing.T, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	require.NoError(t, err)
	return zone
}

func parse(t *testing.T, text string) *Windows {
	t.Helper()
	windows, err := Parse(text)
	require.NoError(t, err)
	return windows
}

// allowedMinutes counts the minutes of a day that are allowed; 0 is Sunday.
func (w *Windows) allowedMinutes(day int) int {
	count := 0
	for minute := range dayMinutes {
		if w.allowed(day*dayMinutes + minute) {
			count++
		}
	}
	return count
}

func TestParseReadsDaysAndHours(t *testing.T) {
	t.Parallel()
	const day = dayMinutes
	for text, want := range map[string][7]int{
		"Al":                             {day, day, day, day, day, day, day},
		"Any":                            {day, day, day, day, day, day, day},
		"aL0000-2400":                    {day, day, day, day, day, day, day},
		"Wk":                             {0, day, day, day, day, day, 0},
		"WK0800-1800":                    {0, 601, 601, 601, 601, 601, 0},
		"Wk0800-1800,Sa,Su0900-1200":     {181, 601, 601, 601, 601, 601, day},
		"Wk0800-1800|Sa|Su0900-1200":     {181, 601, 601, 601, 601, 601, day},
		"Mo-We0900-0959":                 {0, 60, 60, 60, 0, 0, 0},
		"Sa-Mo0900-0959":                 {60, 60, 0, 0, 0, 0, 60},
		"Mo-Mo":                          {0, day, 0, 0, 0, 0, 0},
		"MoWeFr":                         {0, day, 0, day, 0, day, 0},
		"Mo-TuFr1200":                    {0, 1, 1, 0, 0, 1, 0},
		"Tu2300-0500":                    {0, 0, 361, 0, 0, 0, 0},
		"Th1200-2400":                    {0, 0, 0, 0, 720, 0, 0},
		"Mo0800-0900,Mo0830-1000":        {0, 121, 0, 0, 0, 0, 0},
		",Mo0800-0859,,Tu0800-0859|":     {0, 60, 60, 0, 0, 0, 0},
		"Any2359-0000":                   {2, 2, 2, 2, 2, 2, 2},
		"wkSuSa0000-0000":                {1, 1, 1, 1, 1, 1, 1},
		"Su,Mo,Tu,We,Th,Fr,Sa0000-2359":  {day, day, day, day, day, day, day},
		"Al0000-1159,Al1200-2359":        {day, day, day, day, day, day, day},
		"Mo0800-0759":                    {0, day, 0, 0, 0, 0, 0},
		"Fr1800-2400,Sa,Su,Mo0000-0600":  {day, 361, 0, 0, 0, 360, day},
		"Wk0900-1200,Wk1300-1700,Al2359": {1, 423, 423, 423, 423, 423, 1},
	} {
		windows := parse(t, text)
		var counted [7]int
		for day := range counted {
			counted[day] = windows.allowedMinutes(day)
		}
		require.Equal(t, want, counted, text)
	}
}

func TestParseRefusesWhatFreeRADIUSReadsAsSomethingElse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                        "is empty",
		",|,":                     "is empty",
		"whenever":                "has no valid days",
		"Never":                   "has no valid days",
		"Monday":                  "has no valid days",
		"Monday0800-1800":         "has no valid days",
		"0800-1800":               "has no valid days",
		"Wk0800-1800, Sa":         "has no valid days",
		" Wk":                     "has no valid days",
		"Wk 0800-1800":            "has no valid days",
		"Wk-Sa":                   "has no valid days",
		"Mo-Wk":                   "has no valid days",
		"Al-Fr":                   "has no valid days",
		"Mo-":                     "has no valid days",
		"Mo-0900":                 "has no valid days",
		"Mo-Fr-Su":                "has no valid days",
		"-Fr":                     "has no valid days",
		"Mo;Tu":                   "has no valid days",
		"Wk08:00-18:00":           "has no valid hours",
		"Wk800-1800":              "has no valid hours",
		"Wk0800-":                 "has no valid hours",
		"Wk0800-1860":             "has no valid hours",
		"Wk0860-1800":             "has no valid hours",
		"Wk0800-2500":             "has no valid hours",
		"Wk0800-2401":             "has no valid hours",
		"Wk2400-0600":             "has no valid hours",
		"Wk0800-1800-2000":        "has no valid hours",
		"Wk08001800":              "has no valid hours",
		"Wk0800-18000":            "has no valid hours",
		"Wk8":                     "has no valid hours",
		"Wk0800-1800Sa0900-1200":  "has no valid hours",
		"Wk+800-1800":             "has no valid days",
		"Wk0800-1800,junk":        `"junk": has no valid days`,
		"Wk0800-1800,Sa0900-1260": `"Sa0900-1260": has no valid hours`,
		"Wk\x00":                  "has no valid days",
		"Wk٠٨٠٠":                  "has no valid days",
	} {
		_, err := Parse(text)
		require.ErrorContains(t, err, want, "%q", text)
	}
}

func TestEndIsWhenTheClockShowsIt(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		windows, zone, at string
		want              string // empty: not allowed
	}{
		"in a window":                      {"Wk0800-1800", "UTC", "2026-06-01T12:00:00Z", "2026-06-01T18:01:00Z"},
		"seconds count":                    {"Wk0800-1800", "UTC", "2026-06-01T18:00:59Z", "2026-06-01T18:01:00Z"},
		"parts of seconds count":           {"Wk0800-1800", "UTC", "2026-06-01T18:00:59.75Z", "2026-06-01T18:01:00Z"},
		"after it":                         {"Wk0800-1800", "UTC", "2026-06-01T18:01:00Z", ""},
		"before it":                        {"Wk0800-1800", "UTC", "2026-06-01T07:59:59Z", ""},
		"over midnight":                    {"Fr1800-2400,Sa,Su,Mo0000-0559", "UTC", "2026-06-05T20:00:00Z", "2026-06-08T06:00:00Z"},
		"over the end of the week":         {"Sa2200-2400,Su0000-0159", "UTC", "2026-06-06T23:00:00Z", "2026-06-07T02:00:00Z"},
		"hours that end before they begin": {"Fr2300-0500", "UTC", "2026-06-05T23:30:00Z", "2026-06-06T00:00:00Z"},
		"the same day's morning":           {"Fr2300-0500", "UTC", "2026-06-05T04:30:00Z", "2026-06-05T05:01:00Z"},
		"the next day's morning":           {"Fr2300-0500", "UTC", "2026-06-06T00:30:00Z", ""},
		"another zone":                     {"Mo0900-1659", "America/New_York", "2026-06-01T14:00:00Z", "2026-06-01T21:00:00Z"},
		"another zone's day":               {"Mo", "Asia/Tokyo", "2026-05-31T15:00:00Z", "2026-06-01T15:00:00Z"},
		"set forward within":               {"Su0100-0359", "Europe/Berlin", "2026-03-29T00:30:00Z", "2026-03-29T02:00:00Z"},
		"set forward to the end":           {"Su0100-0159", "Europe/Berlin", "2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z"},
		"set forward over the end":         {"Su0100-0229", "Europe/Berlin", "2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z"},
		"set forward over a gap":           {"Su0100-0159,Su0300-0359", "Europe/Berlin", "2026-03-29T00:30:00Z", "2026-03-29T02:00:00Z"},
		"set back within":                  {"Su0100-0359", "Europe/Berlin", "2026-10-24T23:30:00Z", "2026-10-25T03:00:00Z"},
		"set back into it again":           {"Su0200-0259", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T02:00:00Z"},
		"set back before its beginning":    {"Su0230-0259", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z"},
		"its second time":                  {"Su0230-0259", "Europe/Berlin", "2026-10-25T01:30:00Z", "2026-10-25T02:00:00Z"},
		"between the two":                  {"Su0230-0259", "Europe/Berlin", "2026-10-25T01:15:00Z", ""},
		"set forward in New York":          {"Su0000-1159", "America/New_York", "2026-03-08T05:00:00Z", "2026-03-08T16:00:00Z"},
		"set back in New York":             {"Su0000-1159", "America/New_York", "2026-11-01T04:00:00Z", "2026-11-01T17:00:00Z"},
		"set by half an hour":              {"Su0100-0359", "Australia/Lord_Howe", "2026-10-03T14:30:00Z", "2026-10-03T17:00:00Z"},
		"most of a week":                   {"Su-Fr,Sa0000-2358", "Europe/Berlin", "2026-10-24T21:59:00Z", ""},
		"most of a week, clock set back":   {"Su-Fr,Sa0000-2358", "Europe/Berlin", "2026-10-24T22:00:00Z", "2026-10-31T22:59:00Z"},
	} {
		windows, zone := parse(t, test.windows), location(t, test.zone)
		at, err := time.Parse(time.RFC3339, test.at)
		require.NoError(t, err)
		at = at.In(zone)
		end, limited := windows.End(at)
		require.True(t, limited, name)
		require.Equal(t, test.want != "", windows.Allows(at), name)
		if test.want == "" {
			require.Equal(t, at, end, name)
			continue
		}
		require.Equal(t, test.want, end.UTC().Format(time.RFC3339Nano), name)
		require.False(t, windows.Allows(end), name)
		require.True(t, windows.Allows(end.Add(-time.Nanosecond)), name)
	}
}

func TestAllOfTheWeekHasNoEnd(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"Al", "Any", "Al0000-2400", "Wk,SaSu", "Al0000-1200|Al1200-2400"} {
		_, limited := parse(t, text).End(time.Date(2026, 10, 25, 0, 0, 0, 0, location(t, "Europe/Berlin")))
		require.False(t, limited, text)
	}
}

// End agrees with asking for every minute, over both changes of the clock.
func TestEndIsTheFirstMinuteThatIsNotAllowed(t *testing.T) {
	t.Parallel()
	for _, zone := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe"} {
		for _, text := range []string{"Wk0800-1800,Sa", "Al2300-0500", "Su0130-0230", "Sa-Mo", "Al0200-0259"} {
			windows := parse(t, text)
			for _, day := range []string{"2026-03-07", "2026-03-28", "2026-04-04", "2026-10-03", "2026-10-24", "2026-10-31"} {
				begin, err := time.ParseInLocation(time.DateOnly, day, location(t, zone))
				require.NoError(t, err)
				for minute := 0; minute < 3*dayMinutes; minute += 131 {
					at := begin.Add(time.Duration(minute) * time.Minute)
					want := at
					for windows.Allows(want) {
						want = want.Add(time.Minute)
					}
					end, limited := windows.End(at)
					require.True(t, limited)
					require.Equal(t, want.UTC(), end.UTC(), "%s at %s", text, at)
				}
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"Wk0800-1800,Sa,Su0900-1200", "Al2300-0500|Any", "Mo-Fr0900", "Sa-Mo", "whenever", "Wk-Sa2400"} {
		f.Add(text, int64(1_774_744_200))
	}
	zone, err := time.LoadLocation("Europe/Berlin")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, text string, seconds int64) {
		windows, err := Parse(text)
		if err != nil {
			return
		}
		at := time.Unix(seconds%4_000_000_000, 0).In(zone)
		end, limited := windows.End(at)
		require.Equal(t, windows.Allows(at), !limited || end.After(at))
	})
}
