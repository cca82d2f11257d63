package soak

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// times are as many times as are held to the limit, of which the p99 is as given.
func times(p99 time.Duration) []time.Duration {
	all := make([]time.Duration, enoughTimes)
	for i := range all {
		all[i] = time.Millisecond
		if i >= enoughTimes*98/100 {
			all[i] = p99
		}
	}
	return all
}

func TestLimits(t *testing.T) {
	t.Parallel()
	long, err := NewPlan(time.Hour)
	require.NoError(t, err)
	short, err := NewPlan(time.Minute)
	require.NoError(t, err)
	base := summary{samples: 600, memory: 100 << 20, goroutines: 100, goroutinesLeast: 100, files: 20, filesLeast: 20}
	changed := func(change func(s *summary)) summary {
		s := base
		change(&s)
		return s
	}
	login := func(before, after time.Duration) *counts {
		return &counts{kind: kind{name: "login"}, first: times(before), last: times(after)}
	}
	alone := func(before, after time.Duration) *counts {
		return &counts{kind: kind{name: "alone", control: true}, first: times(before), last: times(after)}
	}
	few := login(10*time.Millisecond, 90*time.Millisecond)
	few.last = few.last[1:]
	for name, row := range map[string]struct {
		plan  Plan
		last  summary
		kinds []*counts
		want  []string // the beginnings
	}{
		"the same":                {long, base, nil, nil},
		"memory at the limit":     {long, changed(func(s *summary) { s.memory = 105 << 20 }), nil, nil},
		"memory beyond":           {long, changed(func(s *summary) { s.memory = 106 << 20 }), nil, []string{"resident memory"}},
		"memory in a short run":   {short, changed(func(s *summary) { s.memory = 206 << 20 }), nil, nil},
		"a moment of rest less":   {long, changed(func(s *summary) { s.goroutinesLeast, s.filesLeast = 900, 900 }), nil, nil},
		"requests under way":      {long, changed(func(s *summary) { s.memoryMax, s.goroutines, s.files = 900<<20, 900, 900 }), nil, nil},
		"goroutines at the limit": {long, changed(func(s *summary) { s.goroutines, s.goroutinesLeast = 105, 105 }), nil, nil},
		"goroutines beyond": {
			long, changed(func(s *summary) { s.goroutines, s.goroutinesLeast = 106, 106 }), nil, []string{"the number of goroutines"},
		},
		"a few goroutines in a short run": {short, changed(func(s *summary) { s.goroutines, s.goroutinesLeast = 115, 115 }), nil, nil},
		"goroutines in a short run": {
			short, changed(func(s *summary) { s.goroutines, s.goroutinesLeast = 116, 116 }), nil, []string{"the number of goroutines"},
		},
		"files beyond":         {long, changed(func(s *summary) { s.files, s.filesLeast = 22, 22 }), nil, []string{"the number of open files"}},
		"files in a short run": {short, changed(func(s *summary) { s.files, s.filesLeast = 27, 27 }), nil, []string{"the number of open files"}},
		"no samples":           {long, summary{}, nil, []string{"there are no samples"}},

		"p99 at the limit": {long, base, []*counts{login(10*time.Millisecond, 12*time.Millisecond)}, nil},
		"p99 beyond":       {long, base, []*counts{login(10*time.Millisecond, 13*time.Millisecond)}, []string{`the p99 of "login"`}},
		"p99 of too few":   {long, base, []*counts{few}, nil},
		"p99 in a short run": {
			short, base, []*counts{login(10*time.Millisecond, 13*time.Millisecond)}, nil,
		},
		"the machine is busier": {
			long, base, []*counts{alone(10, 20), login(10*time.Millisecond, 23*time.Millisecond)}, nil,
		},
		"more than the machine is busier": {
			long, base, []*counts{alone(10, 20), login(10*time.Millisecond, 25*time.Millisecond)}, []string{`the p99 of "login"`},
		},
		"a quieter machine gives no credit, and no limit": {
			long, base, []*counts{alone(20, 10), login(10*time.Millisecond, 12*time.Millisecond)}, nil,
		},
	} {
		found := beyond(row.plan, base, row.last, row.kinds)
		require.Len(t, found, len(row.want), "%s: %v", name, found)
		for i, want := range row.want {
			require.Contains(t, found[i], want, name)
		}
	}
}

func TestLostRequestsAreAProblemOfEveryRun(t *testing.T) {
	t.Parallel()
	plan, err := NewPlan(time.Minute)
	require.NoError(t, err)
	r := report{plan: plan, samples: []sample{{at: plan.WarmUp, goroutines: 1}, {at: plan.Length - 1, goroutines: 1}}}
	require.Empty(t, r.problems())
	r.failed, r.messages = 7, []string{"login, after 3s: status 500"}
	require.Equal(t, []string{"7 failures that no absence of a server explains, such as:", "login, after 3s: status 500"}, r.problems())
}

func TestForgedAnswersHaveToBeDropped(t *testing.T) {
	t.Parallel()
	plan, err := NewPlan(time.Minute)
	require.NoError(t, err)
	r := report{plan: plan, samples: []sample{{at: plan.WarmUp}, {at: plan.Length - 1}}, forged: 100}
	require.Contains(t, r.problems()[0], "no forged answer was counted")
	r.dropped = 80
	require.Empty(t, r.problems())
}
