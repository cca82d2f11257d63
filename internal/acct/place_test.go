package acct

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// timed returns a packet as heard does, whose NAS sends its time: it arrives a little later.
func timed(status StatusType, session string, seconds int, change ...func(*Packet)) Packet {
	arrives := func(p *Packet) { p.Arrived = p.Time.Add(300 * time.Millisecond) }
	return packet(status, session, seconds, slices.Concat([]func(*Packet){arrives}, change)...)
}

// times returns start and end of all sessions, the latest first; -1 stands for no end.
func times(t *testing.T, store Store) (all [][2]int) {
	t.Helper()
	found, _, err := store.Sessions(t.Context(), Filter{}, Page{Size: 100})
	require.NoError(t, err)
	for _, r := range found {
		end := -1
		if !r.Open() {
			end = int(r.StopTime.Sub(epoch).Seconds())
		}
		all = append(all, [2]int{int(r.StartTime.Sub(epoch).Seconds()), end})
	}
	return all
}

// usedAgain are three sessions of a NAS that was started again twice.
func usedAgain() []Packet {
	return []Packet{
		timed(Start, "1", 0),
		timed(InterimUpdate, "1", 600, counters(600, 1000, 2000)),
		timed(Stop, "1", 1200, counters(1200, 3000, 4000), cause("User-Request")),
		timed(Start, "1", 5000),
		timed(InterimUpdate, "1", 5600, counters(600, 100, 200)),
		timed(Stop, "1", 5900, counters(900, 300, 400), cause("NAS-Reboot")),
		timed(Start, "1", 9000),
		timed(InterimUpdate, "1", 9100, counters(100, 10, 20)),
	}
}

func testUniqueIDUsedAgain(t *testing.T, store Store) {
	packets := usedAgain()
	for i, p := range packets {
		created, err := store.Record(t.Context(), p)
		require.NoError(t, err)
		require.Equal(t, p.StatusType == Start, created, i)
		for _, copied := range packets[:i+1] {
			copied.Arrived = p.Arrived.Add(time.Second)
			created, err := store.Record(t.Context(), copied)
			require.NoError(t, err)
			require.False(t, created, "a copy of an earlier one")
		}
	}
	want := [][2]int{{9000, -1}, {5000, 5900}, {0, 1200}}
	require.Equal(t, want, times(t, store))
	latest := get(t, store, "1")
	require.Equal(t, TimeOf(at(9000)), latest.StartTime, "the latest has the id")
	require.Equal(t, whole(10), latest.InputOctets)
	found, _, err := store.Sessions(t.Context(), Filter{Username: "bob"}, Page{})
	require.NoError(t, err)
	require.Equal(t, []*int64{whole(10), whole(300), whole(3000)}, []*int64{found[0].InputOctets, found[1].InputOctets, found[2].InputOctets})
	require.Equal(t, "User-Request", found[2].TerminateCause)
	for _, r := range found {
		require.LessOrEqual(t, len(r.UniqueID), maxUniqueIDLen)
		require.Equal(t, "s-1", r.SessionID)
	}
	require.Equal(t, Report{DeletedSessions: 1}, maintain(t, store, at(5000), Retention{Sessions: time.Hour}))
	require.Equal(t, want[:2], times(t, store))
}

func testUniqueIDUsedAgainInAnyOrder(t *testing.T, store Store) {
	const seed = 3
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, seed))
	packets := slices.Concat(usedAgain(), usedAgain()[2:6])
	for i := range packets {
		packets[i].Arrived = packets[i].Time.Add(time.Duration(random.IntN(80_000)) * time.Second) // none is in time
	}
	random.Shuffle(len(packets), func(i, j int) { packets[i], packets[j] = packets[j], packets[i] })
	slices.SortStableFunc(packets, func(a, b Packet) int { return a.Arrived.Compare(b.Arrived) })
	record(t, store, packets...)
	require.Equal(t, [][2]int{{9000, -1}, {5000, 5900}, {0, 1200}}, times(t, store))
}

func testStartAfterAGuess(t *testing.T, store Store) {
	tests := map[string]struct {
		next Packet
		want [][2]int
	}{
		"Start":                     {timed(Start, "1", 200), [][2]int{{200, -1}, {0, 100}}},
		"Start in the same second":  {timed(Start, "1", 100, func(p *Packet) { p.Arrived = at(101) }), [][2]int{{100, -1}, {0, 100}}},
		"Start without a time":      {packet(Start, "1", 200), [][2]int{{200, -1}, {0, 100}}},
		"copy of the old Start":     {timed(Start, "1", 0, func(p *Packet) { p.Arrived = at(200) }), [][2]int{{0, 100}}},
		"Interim-Update of the new": {timed(InterimUpdate, "1", 2000, counters(1500, 1, 2)), [][2]int{{500, -1}, {0, 100}}},
		"Stop of the new":           {timed(Stop, "1", 2000, counters(1500, 1, 2)), [][2]int{{500, 2000}, {0, 100}}},
		"Stop of the old":           {timed(Stop, "1", 90, counters(90, 1, 2), func(p *Packet) { p.Arrived = at(200) }), [][2]int{{0, 90}}},
	}
	i := 0
	for name, test := range tests {
		i++
		of := func(p *Packet) { p.UniqueID, p.Username = string(rune('a'+i)), name }
		first, on := timed(Start, "1", 0, of), timed(AccountingOn, "0", 100)
		of(&test.next)
		record(t, store, first)
		require.NoError(t, store.CloseNAS(t.Context(), on.Restart()))
		record(t, store, test.next)
		settle(t, store)
		found, _, err := store.Sessions(t.Context(), Filter{Username: name}, Page{})
		require.NoError(t, err)
		require.Len(t, found, len(test.want), name)
		for n, r := range found {
			require.Equal(t, TimeOf(at(test.want[n][0])), r.StartTime, name)
			require.Equal(t, test.want[n][1] < 0, r.Open(), name)
			if !r.Open() {
				require.Equal(t, TimeOf(at(test.want[n][1])), r.StopTime, name)
			}
		}
	}
}

func testStartWhileOpen(t *testing.T, store Store) {
	record(t, store, timed(Start, "1", 0), timed(InterimUpdate, "1", 600, counters(600, 1, 2)))
	record(t, store, timed(Start, "1", 0, func(p *Packet) { p.Arrived = at(800) }), packet(Start, "1", 900), timed(Start, "1", 1200))
	require.Equal(t, [][2]int{{0, -1}}, times(t, store), "copies, or soon")
	record(t, store, timed(Start, "1", 1300))
	require.Equal(t, [][2]int{{1300, -1}, {0, 600}}, times(t, store), "its Stop got lost")
	record(t, store, timed(Stop, "1", 700, counters(700, 3, 4), func(p *Packet) { p.Arrived = at(1400) }))
	require.Equal(t, [][2]int{{1300, -1}, {0, 700}}, times(t, store), "or was late")
	record(t, store, timed(Stop, "1", 1500, counters(200, 1, 1)))
	require.Equal(t, [][2]int{{1300, 1500}, {0, 700}}, times(t, store))

	second := timed(Start, "2", 2060)
	record(t, store, timed(Start, "2", 2000), second, timed(Stop, "2", 2300, counters(300, 1, 1)))
	second.Arrived = at(2310)
	record(t, store, second)
	require.Equal(t, [][2]int{{2000, 2300}, {1300, 1500}, {0, 700}}, times(t, store), "a copy of a second Start")
}

func testEarlierSessionLivesOn(t *testing.T, store Store) {
	record(t, store, timed(Start, "1", 0), timed(InterimUpdate, "1", 600, counters(600, 1, 2)), timed(Start, "1", 5000))
	require.Equal(t, [][2]int{{5000, -1}, {0, 600}}, times(t, store))
	record(t, store, timed(InterimUpdate, "1", 6000, counters(6000, 3, 4)))
	require.Equal(t, [][2]int{{5000, -1}, {0, -1}}, times(t, store), "the Start was no beginning")
}

func testLostClock(t *testing.T, store Store) {
	off := clocks["of 2008"]
	record(t, store, timed(Start, "1", 0), timed(Stop, "1", 1200, counters(1200, 3, 4)))
	record(t, store, heard(Start, "1", 5000, off), heard(InterimUpdate, "1", 5600, off, counters(600, 1, 2)))
	found, _, err := store.Sessions(t.Context(), Filter{}, Page{})
	require.NoError(t, err)
	require.Len(t, found, 2)
	require.Equal(t, TimeOf(at(5000).Add(off)), get(t, store, "1").StartTime)
	require.True(t, isOpen(t, store, "1"))
	record(t, store, heard(InterimUpdate, "1", 6200, 0, counters(1200, 5, 6))) // it has learnt the time
	require.Equal(t, whole(5), get(t, store, "1").InputOctets)
	record(t, store, timed(Stop, "1", 1200, counters(1200, 3, 4), func(p *Packet) { p.Arrived = at(7000) })) // late
	require.True(t, isOpen(t, store, "1"))
}

// testLateStopOfAnUnknownSession has the session last about as long as its Stop is late:
// the arrival less the session time is near the Start of the next one.
func testLateStopOfAnUnknownSession(t *testing.T, store Store) {
	late := timed(Stop, "1", 1200, counters(1200, 1, 2), func(p *Packet) { p.Arrived = at(6000) })
	record(t, store, timed(Start, "1", 5000), late, late)
	require.Equal(t, [][2]int{{5000, -1}, {0, 1200}}, times(t, store))
	record(t, store, timed(InterimUpdate, "1", 6100, counters(1100, 3, 4)), late)
	require.Equal(t, [][2]int{{5000, -1}, {0, 1200}}, times(t, store))
}

// testCopiesOfTheSessionBefore has packets without a time come again, soon after the next
// session has begun.
func testCopiesOfTheSessionBefore(t *testing.T, store Store) {
	stop := func(seconds int) Packet {
		return packet(Stop, "1", seconds, counters(60, 10, 20), cause("User-Request"))
	}
	record(t, store, packet(Start, "1", 0), stop(60), packet(Start, "1", 61), packet(InterimUpdate, "1", 361, counters(300, 5, 6)), stop(363))
	require.Equal(t, [][2]int{{61, -1}, {0, 60}}, times(t, store))
	require.Equal(t, whole(5), get(t, store, "1").InputOctets)
	record(t, store, packet(Stop, "1", 400, counters(339, 7, 8)), stop(401))
	require.Equal(t, [][2]int{{61, 400}, {0, 60}}, times(t, store))
	require.Equal(t, whole(7), get(t, store, "1").InputOctets)

	update := func(seconds int) Packet { return packet(InterimUpdate, "2", seconds, counters(600, 100, 200)) }
	record(t, store, packet(Start, "2", 0), update(600), packet(Start, "2", 1500), update(1502))
	require.Equal(t, whole(0), get(t, store, "2").InputOctets)
	require.Equal(t, whole(0), get(t, store, "2").SessionTime)
}

// testStartAfterItsPacket has an API client tell a start that is later than the packet.
func testStartAfterItsPacket(t *testing.T, store Store) {
	p := timed(Stop, "1", 100, func(p *Packet) { p.StartTime = at(110) })
	record(t, store, p)
	p.Arrived = at(110)
	record(t, store, p)
	require.Equal(t, [][2]int{{100, 100}}, times(t, store))
}

// testLatestIsDeleted has retention delete the session that has the unique id before one
// that has lost it, whose Stop was very late.
func testLatestIsDeleted(t *testing.T, store Store) {
	record(t, store, timed(Start, "1", 0), timed(InterimUpdate, "1", 600, counters(600, 1, 2)))
	record(t, store, timed(Start, "1", 5000), timed(Stop, "1", 5900, counters(900, 3, 4)))
	record(t, store, timed(Stop, "1", 700, counters(700, 5, 6), func(p *Packet) { p.Arrived = at(20_000) }))
	require.Equal(t, Report{DeletedSessions: 1}, maintain(t, store, at(20_001), Retention{Sessions: time.Hour}))
	require.Equal(t, [][2]int{{0, 700}}, times(t, store))
	record(t, store, timed(Start, "1", 21_000))
	require.Equal(t, [][2]int{{21_000, -1}, {0, 700}}, times(t, store))
	record(t, store, timed(Start, "1", 30_000), timed(InterimUpdate, "1", 30_600, counters(600, 7, 8)))
	record(t, store, timed(InterimUpdate, "1", 300, counters(300, 1, 1), func(p *Packet) { p.Arrived = at(30_700) }))
	require.Equal(t, [][2]int{{30_000, -1}, {21_000, 21_000}, {0, 700}}, times(t, store))
}
