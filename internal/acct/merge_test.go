package acct

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func cause(text string) func(*Packet) {
	return func(p *Packet) { p.TerminateCause = text }
}

// mergeAll merges packets as they come.
func mergeAll(packets ...Packet) Record {
	var r *Record
	for _, p := range packets {
		r = new(Merge(r, p))
	}
	return *r
}

func TestFirstPacketMakesTheRecord(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		packet          Packet
		start, stop     int // seconds; -1 for none
		session, octets *int64
	}{
		"Start":                       {packet(Start, "1", 100), 100, -1, whole(0), whole(0)},
		"Interim-Update":              {packet(InterimUpdate, "1", 100, counters(60, 5, 5)), 40, -1, whole(60), whole(5)},
		"Interim-Update without more": {packet(InterimUpdate, "1", 100), 100, -1, nil, nil},
		"Stop":                        {packet(Stop, "1", 100, counters(60, 5, 5)), 40, 100, whole(60), whole(5)},
		"Stop without a session time": {packet(Stop, "1", 100), 100, 100, nil, nil},
		"Stop that knows the start": {
			packet(Stop, "1", 100, counters(60, 5, 5), func(p *Packet) { p.StartTime = at(30) }), 30, 100,
			whole(60), whole(5),
		},
		"Start that is said to be later than it is": {
			packet(Start, "1", 100, func(p *Packet) { p.StartTime = at(130) }), 100, -1, whole(0), whole(0),
		},
	}
	for name, test := range tests {
		r := Merge(nil, test.packet)
		require.Equal(t, TimeOf(at(test.start)), r.StartTime, name)
		require.Equal(t, TimeOf(at(100)), r.UpdateTime, name)
		require.Equal(t, test.stop < 0, r.Open(), name)
		if test.stop >= 0 {
			require.Equal(t, TimeOf(at(test.stop)), r.StopTime, name)
		}
		require.Equal(t, test.session, r.SessionTime, name)
		require.Equal(t, test.octets, r.InputOctets, name)
		require.Nil(t, r.Interval, name)
	}
}

func TestCountersNeverFall(t *testing.T) {
	t.Parallel()
	r := mergeAll(
		packet(Start, "1", 0),
		packet(InterimUpdate, "1", 120, counters(120, 200, 20)),
		packet(InterimUpdate, "1", 60, counters(60, 100, 30)),
		packet(Stop, "1", 130, counters(110, 150, 15)),
		packet(InterimUpdate, "1", 140, counters(0, 0, 40)),
	)
	require.Equal(t, []*int64{whole(120), whole(200), whole(40)}, []*int64{r.SessionTime, r.InputOctets, r.OutputOctets})
}

func TestKnownValuesAreNotForgotten(t *testing.T) {
	t.Parallel()
	full := packet(Start, "1", 0, counters(1, 2, 3), func(p *Packet) {
		p.Realm, p.CalledStationID, p.Class, p.GroupName = "example.org", "point", "0x61", "staff"
		p.FramedIPAddress = netip.MustParseAddr("10.0.0.7")
		p.FramedIPv6Prefix = netip.MustParsePrefix("2001:db8::/64")
	})
	before := mergeAll(full)
	after := mergeAll(full, packet(InterimUpdate, "1", 60))
	require.Equal(t, before.Attributes, after.Attributes)
}

func TestTheLatestPacketIsBelieved(t *testing.T) {
	t.Parallel()
	address := func(text string) func(*Packet) {
		return func(p *Packet) { p.FramedIPAddress = netip.MustParseAddr(text) }
	}
	packets := []Packet{
		packet(Start, "1", 0),
		packet(InterimUpdate, "1", 60, address("10.0.0.1")),
		packet(InterimUpdate, "1", 120, address("10.0.0.2")),
		packet(Stop, "1", 180, address("10.0.0.3")),
	}
	require.Equal(t, "10.0.0.2", mergeAll(packets[0], packets[2], packets[1]).FramedIPAddress.String())
	require.Equal(t, "10.0.0.3", mergeAll(packets[3], packets[2], packets[1]).FramedIPAddress.String())
}

func TestFirstClassAndGroupAreKept(t *testing.T) {
	t.Parallel()
	r := mergeAll(
		packet(Start, "1", 0),
		packet(InterimUpdate, "1", 60, func(p *Packet) { p.Class, p.GroupName = "first", "staff" }),
		packet(InterimUpdate, "1", 120, func(p *Packet) { p.Class, p.GroupName = "second", "guests" }),
	)
	require.Equal(t, "first", r.Class)
	require.Equal(t, "staff", r.GroupName)
}

func TestIntervalIsBetweenTheLatestPackets(t *testing.T) {
	t.Parallel()
	packets := []Packet{
		packet(Start, "1", 0),
		packet(InterimUpdate, "1", 60),
		packet(InterimUpdate, "1", 160),
		packet(InterimUpdate, "1", 100), // late: never negative
		packet(InterimUpdate, "1", 160),
		packet(Stop, "1", 200),
		packet(InterimUpdate, "1", 300),
	}
	for n, want := range map[int]*int64{1: nil, 2: whole(60), 3: whole(100), 4: whole(100), 5: whole(100), 6: whole(100), 7: whole(100)} {
		require.Equal(t, want, mergeAll(packets[:n]...).Interval, "after %d packets", n)
	}
}

func TestLateStartOnlyFillsIn(t *testing.T) {
	t.Parallel()
	current := mergeAll(packet(InterimUpdate, "1", 100, counters(60, 5, 6), func(p *Packet) { p.Realm = "known" }))
	late := packet(Start, "1", 40, func(p *Packet) { p.Realm, p.ServiceType, p.ConnectionInfoStart = "other", "Framed-User", "CONNECT" })

	want := current
	want.StartTime = TimeOf(at(40))
	want.ServiceType, want.ConnectionInfoStart = "Framed-User", "CONNECT"
	require.Equal(t, shown(want), shown(Merge(&current, late)))

	late.Time = at(500) // it has no Event-Timestamp
	want.StartTime = current.StartTime
	require.Equal(t, shown(want), shown(Merge(&current, late)))
}

func TestLateStartTellsHowLongAClosedSessionWas(t *testing.T) {
	t.Parallel()
	r := mergeAll(packet(Stop, "1", 400), packet(Start, "1", 100))
	require.False(t, r.Open())
	require.Equal(t, whole(300), r.SessionTime)
	r = mergeAll(packet(Start, "1", 100), packet(InterimUpdate, "1", 200, counters(99, 1, 1)), packet(Stop, "1", 400))
	require.Equal(t, whole(300), r.SessionTime, "a Stop without a session time")
	r = mergeAll(packet(Start, "1", 100), packet(Stop, "1", 400, counters(250, 1, 1)))
	require.Equal(t, whole(250), r.SessionTime, "the NAS knows better")
}

func TestTheBetterEndIsKept(t *testing.T) {
	t.Parallel()
	stop := func(seconds int, why string) Packet { return packet(Stop, "1", seconds, cause(why)) }
	tests := map[string]struct {
		closed *Packet // as Close does it; nil: not
		stops  []Packet
		stop   int
		cause  string
	}{
		"first Stop":                      {nil, []Packet{stop(100, "User-Request"), stop(200, "Idle-Timeout")}, 100, "User-Request"},
		"earlier Stop":                    {nil, []Packet{stop(200, "Idle-Timeout"), stop(100, "User-Request")}, 100, "User-Request"},
		"cause that comes later":          {nil, []Packet{stop(100, ""), stop(100, "User-Request")}, 100, "User-Request"},
		"later Stop after a guess":        {new(stop(100, "Lost-Carrier")), []Packet{stop(200, "User-Request")}, 200, "User-Request"},
		"later Stop of the guessed cause": {new(stop(100, "Lost-Carrier")), []Packet{stop(200, "Lost-Carrier")}, 200, "Lost-Carrier"},
		"earlier Stop after a guess":      {new(stop(100, "NAS-Reboot")), []Packet{stop(90, "Lost-Carrier")}, 90, "Lost-Carrier"},
		"guess of a NAS after its word":   {nil, []Packet{stop(100, "User-Request"), stop(90, "Lost-Carrier")}, 100, "User-Request"},
	}
	for name, test := range tests {
		r := mergeAll(packet(Start, "1", 0))
		if test.closed != nil {
			r = r.closed(TimeOf(test.closed.Time), test.closed.heard(), test.closed.TerminateCause, guessSilence)
		}
		for _, p := range test.stops {
			r = Merge(&r, p)
		}
		require.Equal(t, TimeOf(at(test.stop)), r.StopTime, name)
		require.Equal(t, test.cause, r.TerminateCause, name)
		require.Equal(t, r, Merge(&r, test.stops[len(test.stops)-1]), name)
	}
}

func TestCauseThatIsToldEarlyIsKept(t *testing.T) {
	t.Parallel()
	for _, status := range []StatusType{Start, InterimUpdate} {
		r := mergeAll(packet(status, "1", 60, cause("User-Request"), func(p *Packet) { p.ConnectionInfoStop = "bye" }))
		require.Equal(t, "User-Request", r.TerminateCause)
		require.Equal(t, "bye", r.ConnectionInfoStop)
		require.True(t, r.Open())
		require.Equal(t,
			"Idle-Timeout",
			mergeAll(
				packet(status, "1", 60, cause("User-Request")), packet(Stop, "1", 90, cause("Idle-Timeout")),
			).TerminateCause,
		)
	}
}

func TestClosedSessionStaysClosed(t *testing.T) {
	t.Parallel()
	closed := mergeAll(packet(Start, "1", 0), packet(Stop, "1", 100, counters(100, 1, 2), cause("User-Request")))
	after := Merge(&closed, packet(InterimUpdate, "1", 160, counters(90, 1, 1), func(p *Packet) { p.Username = "eve" }))
	require.Equal(t, closed, after)
	require.Equal(t, closed, closeRestarted(closed, restart(50)))
}

func TestCloseCountsTheTime(t *testing.T) {
	t.Parallel()
	open := mergeAll(packet(Start, "1", 0), packet(InterimUpdate, "1", 60, counters(61, 1, 2)))
	r := closeRestarted(open, restart(100))
	require.Equal(t, TimeOf(at(100)), r.StopTime)
	require.Equal(t, TimeOf(at(60)), r.UpdateTime, "of the latest packet")
	require.Equal(t, whole(100), r.SessionTime)
	require.Equal(t, whole(61), closeSilent(open, guessSilence).SessionTime, "counters never fall")
	require.True(t, open.Open(), "the argument is left alone")
}

// TestOrderAndRepetitionDoNotMatter merges the packets of sessions that have not lost
// their Start in any order, some again and again. Only Interval depends on it.
func TestOrderAndRepetitionDoNotMatter(t *testing.T) {
	t.Parallel()
	const seed = 11
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, seed))
	for _, packets := range traffic(random, 2000) {
		want := reference(packets)
		shuffled := append(slices.Clone(packets), packets[random.IntN(len(packets))], packets[random.IntN(len(packets))])
		random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		r := mergeAll(shuffled...)
		r.Interval, want.Interval = nil, nil
		requireRecord(t, want, r)
	}
}

// FuzzMerge holds Merge to its promises, whatever the packets say.
func FuzzMerge(f *testing.F) {
	for seed := range uint64(300) {
		f.Add("text", seed)
	}
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		random := rand.New(rand.NewPCG(seed, 0))
		var r *Record
		for range 8 {
			p := packet([]StatusType{Start, InterimUpdate, Stop}[random.IntN(3)], "1", random.IntN(100))
			if random.IntN(2) == 0 {
				p = packet(p.StatusType, "1", random.IntN(100), counters(random.Int64(), random.Int64N(100), random.Int64()))
			}
			p.Realm, p.TerminateCause = text, []string{"", "User-Request", "Lost-Carrier"}[random.IntN(3)]
			merged := Merge(r, p)
			require.Equal(t, merged, Merge(&merged, p), "again")
			require.False(t, merged.StartTime.After(merged.UpdateTime.Time))
			require.False(t, !merged.Open() && merged.StopTime.Before(merged.StartTime.Time))
			if r != nil {
				require.False(t, merged.StartTime.After(r.StartTime.Time))
				require.False(t, merged.UpdateTime.Before(r.UpdateTime.Time))
				require.False(t, !r.Open() && merged.Open())
				for i, counter := range r.counters() {
					require.True(t, *counter == nil || **merged.counters()[i] >= **counter)
				}
			}
			r = &merged
		}
	})
}
