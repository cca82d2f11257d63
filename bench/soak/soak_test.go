package soak

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAnHourWarmsUpForFiveMinutesAndComparesTenMinutes(t *testing.T) {
	t.Parallel()
	plan, err := NewPlan(time.Hour)
	require.NoError(t, err)
	require.Equal(t, Plan{
		Length: time.Hour, WarmUp: 5 * time.Minute, Window: 10 * time.Minute, Period: time.Minute, Away: 10 * time.Second,
	}, plan)
	require.True(t, plan.Strict())
	for since, want := range map[time.Duration]window{
		0:                               between,
		5*time.Minute - 1:               between,
		5 * time.Minute:                 firstWindow,
		15*time.Minute - 1:              firstWindow,
		15 * time.Minute:                between,
		50*time.Minute - 1:              between,
		50 * time.Minute:                lastWindow,
		time.Hour - 1:                   lastWindow,
		time.Hour:                       between,
		time.Hour + 3*time.Second:       between,
		-time.Second:                    between,
		time.Duration(30) * time.Minute: between,
	} {
		require.Equal(t, want, plan.window(since), since)
	}
}

func TestShortRunsAreInProportion(t *testing.T) {
	t.Parallel()
	plan, err := NewPlan(time.Minute)
	require.NoError(t, err)
	require.Equal(t, Plan{
		Length: time.Minute, WarmUp: 5 * time.Second, Window: 10 * time.Second, Period: 20 * time.Second, Away: 20 * time.Second / 6,
	}, plan)
	require.False(t, plan.Strict())
	_, err = NewPlan(29 * time.Second)
	require.ErrorContains(t, err, "30s")
}

// Both windows must see as many outages, or they could not be compared.
func TestBothWindowsHaveAsManyOutages(t *testing.T) {
	t.Parallel()
	for _, length := range []time.Duration{shortest, time.Minute, 10 * time.Minute, strictFrom, time.Hour, 24 * time.Hour} {
		plan, err := NewPlan(length)
		require.NoError(t, err)
		starts := map[window]int{}
		for at := plan.Period / 2; at < length; at += plan.Period {
			starts[plan.window(at)]++
		}
		require.Positive(t, starts[firstWindow], length)
		require.InDelta(t, starts[firstWindow], starts[lastWindow], 1, length)
	}
}

func TestOutagesOverlapWhatTheyTouch(t *testing.T) {
	t.Parallel()
	at := func(seconds int) time.Time { return time.Unix(int64(1000+seconds), 0) }
	var o outages
	require.False(t, o.overlap("a", at(0), at(100)))
	o.begin("a", at(10))
	require.False(t, o.overlap("a", at(0), at(9)), "before")
	require.True(t, o.overlap("a", at(0), at(10)))
	require.True(t, o.overlap("a", at(70), at(71)), "it lasts")
	o.end("a", at(20))
	o.begin("a", at(50))
	o.end("a", at(60))
	for _, row := range []struct {
		from, until int
		want        bool
	}{
		{0, 9, false},
		{0, 10, true},
		{12, 13, true},
		{20, 21, true},
		{0, 100, true},
		{21, 49, false},
		{21, 50, true},
		{60, 61, true},
		{61, 62, false},
	} {
		require.Equal(t, row.want, o.overlap("a", at(row.from), at(row.until)), "%d to %d", row.from, row.until)
	}
	require.False(t, o.overlap("b", at(12), at(13)), "another server")
	require.Equal(t, 2, o.count("a"))
}

// hour is a tally of an hour whose server "a" is away from minute 20 to 21 and 55 to 56.
func hour(t *testing.T) (*tally, func(minutes int) time.Time) {
	t.Helper()
	plan, err := NewPlan(time.Hour)
	require.NoError(t, err)
	started := time.Unix(1000, 0)
	at := func(minutes int) time.Time { return started.Add(time.Duration(minutes) * time.Minute) }
	away := &outages{}
	for _, minute := range []int{20, 55} {
		away.begin("a", at(minute))
		away.end("a", at(minute+1))
	}
	return newTally(plan, started, away), at
}

func TestOnlyFailuresWhileTheServerWasAwayAreExcused(t *testing.T) {
	t.Parallel()
	tally, at := hour(t)
	fault := errors.New("status 400")
	depends, goesOn, other := kind{name: "depends", server: "a", dependsOn: true}, kind{name: "goes on", server: "a"}, kind{name: "other"}
	for _, k := range []kind{depends, goesOn, other} {
		tally.record(k, at(6), at(6), nil)
		tally.record(k, at(7), at(7), fmt.Errorf("login: %w", errRefused))
		tally.record(k, at(20), at(20), fault)
		tally.record(k, at(30), at(30), fault)
	}
	found := map[string][5]int{}
	result := tally.result()
	for _, c := range result.kinds {
		found[c.kind.name] = [5]int{c.sent(), c.succeeded, c.refused, c.away, c.failed}
	}
	require.Equal(t, map[string][5]int{
		"depends": {4, 1, 1, 1, 1},
		"goes on": {4, 1, 1, 0, 2},
		"other":   {4, 1, 1, 0, 2},
	}, found)
	require.Equal(t, 5, result.failed)
	require.Contains(t, result.messages[0], "depends, after 30m0s: status 400")
}

func TestWhatIsNotInTimeIsExcusedWhileTheMachineIsBusy(t *testing.T) {
	t.Parallel()
	tally, at := hour(t)
	login, alone := kind{name: "login"}, kind{name: "alone", control: true}
	lost, late := errors.New("status 500"), fmt.Errorf("%w: status 503", errNotInTime)
	tally.record(login, at(30), at(30).Add(time.Second), late) // before it is known that the machine is busy
	tally.record(alone, at(30), at(30).Add(busyFrom), nil)
	tally.record(alone, at(40), at(40).Add(busyFrom-1), nil)
	tally.record(login, at(30), at(30).Add(time.Second), lost)
	tally.record(login, at(40), at(40).Add(time.Second), late)
	tally.record(login, at(30).Add(busyFrom+busyAround+1), at(31), late)
	result := tally.result()
	require.Equal(t, 1, result.kinds[1].busy)
	require.Equal(t, 3, result.kinds[1].failed)
	require.Equal(t, 4, result.kinds[1].sent())
	require.Len(t, result.messages, 3)
}

func TestTimesAreThoseOfTheWindowsWithoutOutagesAndFailures(t *testing.T) {
	t.Parallel()
	tally, at := hour(t)
	k := kind{name: "login", server: "a"}
	tally.record(k, at(1), at(1).Add(1), nil)
	tally.record(k, at(6), at(6).Add(3), nil)
	tally.record(k, at(6), at(6).Add(2), errRefused)
	tally.record(k, at(6), at(6).Add(9), errors.New("lost"))
	tally.record(k, at(55), at(55).Add(7), nil)
	tally.record(k, at(58), at(58).Add(5), nil)
	c := tally.result().kinds[0]
	require.Equal(t, []time.Duration{2, 3}, c.first)
	require.Equal(t, []time.Duration{5}, c.last)
}

func TestTheFirstFailuresAreKept(t *testing.T) {
	t.Parallel()
	tally, _ := hour(t)
	for n := range failuresKept + 5 {
		tally.note(fmt.Errorf("fault %d", n))
	}
	result := tally.result()
	require.Equal(t, failuresKept+5, result.failed)
	require.Len(t, result.messages, failuresKept)
	require.Equal(t, "fault 0", result.messages[0])
}

func TestSummaryIsOfTheSamplesOfAWindow(t *testing.T) {
	t.Parallel()
	plan, err := NewPlan(time.Hour)
	require.NoError(t, err)
	samples := []sample{
		{at: time.Minute, memory: 900, goroutines: 900},
		{at: 6 * time.Minute, memory: 10, heap: 7, goroutines: 3, files: 4, threads: 5, vault: 6, used: time.Minute, pressure: 5},
		{at: 7 * time.Minute, memory: 30, heap: 5, goroutines: 9, files: 4, threads: 5, vault: 6},
		{at: 8 * time.Minute, memory: 20, heap: 9, goroutines: 1, files: 4, threads: 5, vault: 6, used: 2 * time.Minute},
		{at: 55 * time.Minute, memory: 40, heap: 2},
	}
	require.Equal(t, summary{
		samples: 3, memory: 20, memoryMax: 30, heap: 5, goroutines: 3, files: 4, threads: 5, vaults: 6,
		goroutinesLeast: 1, filesLeast: 4, used: 50,
	}, summarize(plan, samples, firstWindow))
	require.Equal(t, summary{samples: 1, memory: 40, memoryMax: 40, heap: 2}, summarize(plan, samples, lastWindow))
	require.Equal(t, summary{}, summarize(plan, nil, lastWindow))
}
