package attempts

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/decision"
)

var start = time.Date(2030, 1, 2, 3, 4, 5, 678_000_000, time.UTC)

// refused is a decision that the n-th second brought.
func refused(name string, n int) decision.Decision {
	return decision.Decision{
		Time: start.Add(time.Duration(n) * time.Second), Use: decision.Login, Username: name,
		Address: "192.0.2.7", Source: "(config)", SourceType: "radius", Server: "192.0.2.1:1812",
		Outcome: decision.Refused, Class: decision.Rejected, Reason: "rejected by the server",
	}
}

func registered(name string, n int) decision.Decision {
	d := refused(name, n)
	d.Registered = true
	return d
}

func namesOf(page Page) []string {
	names := []string{}
	for _, attempt := range page.Attempts {
		names = append(names, attempt.Username)
	}
	return names
}

func all(l *Log) Page { return l.List(Query{Limit: Most, Whole: true}) }

// requireBounded demands that what the log counts is right, and within its bounds.
func requireBounded(t *testing.T, l *Log) {
	t.Helper()
	octets, live := 0, map[*entry]bool{}
	for _, kind := range []*queue{&l.registered, &l.others} {
		own, count := 0, 0
		for e := kind.oldest; e != nil; e = e.next {
			own, count, live[e] = own+e.octets, count+1, true
			texts := len(e.Username) + len(e.Reason) + len(e.Address) + len(e.Station) + len(e.Source) + len(e.SourceType) +
				len(e.Server) + len(e.RequestID)
			require.GreaterOrEqual(t, e.octets, int(unsafe.Sizeof(*e))+texts)
			require.LessOrEqual(t, e.octets, maxEntryOctets)
		}
		require.Equal(t, own, kind.octets)
		require.Equal(t, count, kind.count)
		octets += own
	}
	require.LessOrEqual(t, len(live), l.limit)
	require.LessOrEqual(t, octets+ownOctets, maxOctets)
	require.LessOrEqual(t, len(l.names.accepted), maxAccepted)
	for _, indexed := range l.index {
		require.True(t, live[indexed], "the index keeps nothing that was dropped")
	}
}

func TestAttemptsAreListedTheNewestFirst(t *testing.T) {
	t.Parallel()
	l := New(3)
	for n := range 5 {
		l.Add(registered(fmt.Sprint("user", n), n))
	}
	page := all(l)
	require.Equal(t, []string{"user4", "user3", "user2"}, namesOf(page))
	require.Equal(t, 3, page.Kept)
	require.Equal(t, start.Add(4*time.Second), page.Attempts[0].Time)
	require.Equal(t, page.Attempts[0].Time, page.Attempts[0].First)
	require.Equal(t, 1, page.Attempts[0].Count)
}

func TestPagesFollowOneAnother(t *testing.T) {
	t.Parallel()
	l := New(Most)
	for n := range 7 {
		l.Add(registered(fmt.Sprint("user", n), n))
	}
	first := l.List(Query{Limit: 3})
	l.Add(registered("user7", 7)) // is not in later pages, and moves nothing
	second := l.List(Query{Limit: 3, After: first.Next})
	third := l.List(Query{Limit: 3, After: second.Next})
	require.Equal(t, []string{"user6", "user5", "user4"}, namesOf(first))
	require.Equal(t, []string{"user3", "user2", "user1"}, namesOf(second))
	require.Equal(t, []string{"user0"}, namesOf(third))
	require.Zero(t, third.Next)
	require.Zero(t, l.List(Query{Limit: 8}).Next, "nothing follows a last page that is full")
}

func TestQueriesChooseByNameOutcomeAndSource(t *testing.T) {
	t.Parallel()
	l := New(Most)
	l.Add(refused("passw0rd", 0))
	l.Add(registered("alice", 1))
	other := registered("alice", 2)
	other.Outcome, other.Class, other.Reason, other.Source = decision.Accepted, decision.None, "", "branch"
	l.Add(other)
	require.Len(t, l.List(Query{Limit: 9, Names: []string{"alice"}}).Attempts, 2)
	require.Len(t, l.List(Query{Limit: 9, Outcome: decision.Accepted}).Attempts, 1)
	require.Len(t, l.List(Query{Limit: 9, Source: "branch"}).Attempts, 1)
	require.Empty(t, l.List(Query{Limit: 9, Source: "branch", Outcome: decision.Refused}).Attempts)
	found := l.List(Query{Limit: 9, Names: []string{"passw0rd"}}).Attempts
	require.Len(t, found, 1, "whoever knows the name finds it")
	require.Equal(t, found, l.List(Query{Limit: 9, Names: []string{found[0].Username}}).Attempts, "as it is shown")
}

func TestRepeatsOfAMinuteAreOneEntry(t *testing.T) {
	t.Parallel()
	l := New(Most)
	l.Add(refused("alice", 0))
	l.Add(refused("bob", 1))
	latest := refused("alice", 59)
	latest.Address, latest.RequestID = "192.0.2.8", "latest"
	l.Add(latest)
	l.Add(refused("alice", 30)) // decided before, and added after
	page := all(l)
	require.Equal(t, []string{"bob", "alice"}, namesOf(page), "an entry keeps its place")
	require.Equal(t, Attempt{
		Decision: latest, ID: 1, First: start, Count: 3,
	}, page.Attempts[1])
	l.Add(refused("alice", 60))
	require.Equal(t, []string{"alice", "bob", "alice"}, namesOf(all(l)))
	l.Add(refused("alice", -3600)) // the clock was put back
	require.Len(t, all(l).Attempts, 4)
	requireBounded(t, l)
}

func TestWhatDiffersIsNotOneEntry(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(d *decision.Decision){
		"name":       func(d *decision.Decision) { d.Username = "Alice" },
		"registered": func(d *decision.Decision) { d.Registered = true },
		"source":     func(d *decision.Decision) { d.Source = "branch" },
		"outcome":    func(d *decision.Decision) { d.Outcome = decision.Challenged },
		"reason":     func(d *decision.Decision) { d.Reason = "the password has expired" },
		"use":        func(d *decision.Decision) { d.Use = decision.Renewal },
	} {
		l := New(Most)
		d := refused("alice", 0)
		l.Add(d)
		change(&d)
		l.Add(d)
		require.Len(t, all(l).Attempts, 2, name)
	}
}

func TestUnansweredAttemptsAreOneEntryWhateverTheSeconds(t *testing.T) {
	t.Parallel()
	l := New(Most)
	for n := range 50 {
		d := refused("alice", n)
		d.Outcome, d.Class = decision.Unanswered, decision.NoAnswer
		d.Reason = fmt.Sprintf("no answer from RADIUS server after 3 sends, 10.%ds", n)
		l.Add(d)
	}
	page := all(l)
	require.Len(t, page.Attempts, 1)
	require.Equal(t, 50, page.Attempts[0].Count)
	require.Contains(t, page.Attempts[0].Reason, "10.49s", "the reason is the latest")
	d := refused("alice", 50)
	d.Outcome, d.Class = decision.Unanswered, decision.Flood
	l.Add(d)
	require.Len(t, all(l).Attempts, 2)
}

func TestMadeUpNamesDoNotPushOutRegisteredOnes(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 400)
	for text, flood := range map[string]int{"": 100_000, long: 5_000} {
		l := New(Most)
		for n := range Most / 2 {
			d := registered(fmt.Sprintf("user%04d%s", n, text), n)
			d.Reason, d.Address, d.Station, d.Source, d.Server, d.RequestID = d.Reason+text, text, text, text, text, text
			l.Add(d)
		}
		for n := range flood {
			d := refused(fmt.Sprintf("made-up-%d%s", n, text), n)
			d.Reason += text
			l.Add(d)
		}
		requireBounded(t, l)
		require.Equal(t, Most/2, l.registered.count)
		require.Positive(t, l.others.count)
		newest := l.List(Query{Limit: 1, Whole: true}).Attempts[0]
		require.True(t, strings.HasPrefix(newest.Username, fmt.Sprint("made-up-", flood-1)))
	}
}

func TestEitherKindMayHaveTheRoomThatTheOtherDoesNotNeed(t *testing.T) {
	t.Parallel()
	for _, add := range []func(string, int) decision.Decision{refused, registered} {
		l := New(10)
		for n := range 20 {
			l.Add(add(fmt.Sprint("user", n), n))
		}
		require.Len(t, all(l).Attempts, 10)
	}
	l := New(10)
	for n := range 20 {
		l.Add(refused(fmt.Sprint("made-up", n), n))
	}
	for n := range 20 {
		l.Add(registered(fmt.Sprint("user", n), n))
	}
	require.Equal(t, 5, l.registered.count, "others keep their half, too")
	require.Equal(t, 5, l.others.count)
}

func TestResizeDropsTheOldest(t *testing.T) {
	t.Parallel()
	l := New(-1)
	l.Add(registered("alice", 0))
	require.Empty(t, all(l).Attempts)
	l.Resize(Most + 1)
	require.Equal(t, Most, l.limit)
	for n := range 20 {
		l.Add(registered(fmt.Sprint("user", n), n))
	}
	accepted := refused("guest", 20)
	accepted.Outcome = decision.Accepted
	l.Add(accepted)
	l.Resize(2)
	require.Equal(t, []string{"guest", "user19"}, namesOf(all(l)))
	requireBounded(t, l)
	l.Resize(0)
	require.Zero(t, all(l).Kept)
	require.Empty(t, l.index)
	require.Empty(t, l.names.accepted)
	l.Add(registered("alice", 0))
	require.Zero(t, all(l).Kept)
	l.Resize(5)
	l.Add(registered("alice", 21))
	require.Equal(t, []string{"alice"}, namesOf(all(l)))
	require.Greater(t, all(l).Attempts[0].ID, uint64(21), "ids are never given twice")
}

func TestTheLongestEntriesFitIntoAMebibyte(t *testing.T) {
	huge := strings.Repeat("é", 1<<12)
	before := heap()
	l := New(Most)
	for n := range 4 * Most {
		d := decision.Decision{
			Time: start, Use: decision.FreeRADIUS, Username: fmt.Sprint(n, huge), Registered: n%2 == 0,
			Address: huge, Station: huge, Source: huge, SourceType: huge, Server: huge,
			Outcome: decision.Accepted, Class: decision.Class(huge), Reason: huge, RequestID: huge,
		}
		l.Add(d)
	}
	requireBounded(t, l)
	require.Len(t, l.names.accepted, 2000)
	used := heap() - before
	require.Less(t, used, int64(maxOctets)*11/10, "of the real heap")
	require.Greater(t, used, int64(maxOctets)/2, "the accounting is not far off")
	require.Empty(t, all(l).Attempts[0].Class)
	t.Logf("%d entries, %d octets of heap", all(l).Kept, used)
	runtime.KeepAlive(huge)
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

func TestTextsAreCutAtCharacters(t *testing.T) {
	t.Parallel()
	l := New(Most)
	d := registered(strings.Repeat("é", 200), 0)
	d.Reason, d.Station = strings.Repeat("日", 200), "\xff"+strings.Repeat("日", 200)
	l.Add(d)
	found := all(l).Attempts[0]
	require.Equal(t, strings.Repeat("é", 126), found.Username)
	require.Equal(t, strings.Repeat("日", 105)+"…", found.Reason)
	require.Equal(t, "\ufffd"+strings.Repeat("日", 20), found.Station)
	d.Source = strings.Repeat("\x80", 500) // no character begins there
	l.Add(d)
	require.Len(t, l.List(Query{Limit: 9, Source: d.Source}).Attempts, 1)
}

// Whatever comes, in whatever order, the bounds hold.
func TestBoundsHoldForAnythingThatComes(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	l := New(Most)
	for n := range 20_000 {
		if random.IntN(500) == 0 {
			l.Resize(random.IntN(Most + 1))
		}
		text := strings.Repeat(string(rune(random.IntN(0x3000))), random.IntN(400))
		l.Add(decision.Decision{
			Time: start.Add(time.Duration(n-random.IntN(200)) * time.Second), Registered: random.IntN(2) == 0,
			Username: fmt.Sprint(random.IntN(2000), text), Reason: text, Address: text, Server: text, Source: "s",
			Outcome: decision.Outcomes[random.IntN(len(decision.Outcomes))],
			Use:     decision.Uses[random.IntN(len(decision.Uses))],
		})
		if n%200 == 0 {
			requireBounded(t, l)
		}
	}
	requireBounded(t, l)
}

func TestReadersAndResizesDoNotDisturbWriters(t *testing.T) {
	t.Parallel()
	l := New(Most)
	var running sync.WaitGroup
	for writer := range 4 {
		running.Go(func() {
			for n := range 2000 {
				d := refused(fmt.Sprint("name", writer, n%700), n)
				d.Registered = n%3 == 0
				if n%5 == 0 {
					d.Outcome = decision.Accepted
				}
				l.Add(d)
			}
		})
		running.Go(func() {
			for n := range 50 {
				l.Resize((n * 137) % (Most + 1))
				page := l.List(Query{Limit: 100})
				require.LessOrEqual(t, len(page.Attempts), 100)
			}
		})
	}
	running.Wait()
	requireBounded(t, l)
}

func BenchmarkAdd(b *testing.B) {
	l := New(Most)
	decisions := make([]decision.Decision, 5000)
	for n := range decisions {
		decisions[n] = refused(fmt.Sprint("name", n), n)
	}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		l.Add(decisions[n%len(decisions)])
	}
}
