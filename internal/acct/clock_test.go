package acct

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// clocks are how far those of NASes are off.
var clocks = map[string]time.Duration{
	"right":          0,
	"of 2008":        time.Date(2008, 1, 1, 0, 0, 0, 0, time.UTC).Sub(epoch),
	"39 days behind": -39 * 24 * time.Hour,
	"2 h behind":     -2 * time.Hour,
	"8 h ahead":      8 * time.Hour,
}

// heard makes a packet of a NAS with a clock that is off; it arrives at once.
func heard(status StatusType, session string, seconds int, off time.Duration, change ...func(*Packet)) Packet {
	p := packet(status, session, seconds)
	p.Arrived, p.Time = at(seconds), at(seconds).Add(off)
	for _, c := range change {
		c(&p)
	}
	return p
}

func isOpen(t *testing.T, store Store, session string) bool {
	t.Helper()
	r := get(t, store, session)
	return r.Open()
}

func testRetentionByArrival(t *testing.T, store Store) {
	for name, off := range clocks {
		record(t, store, heard(Start, name, 0, off), heard(Stop, name, 60, off, counters(60, 1, 2)))
	}
	keep := Retention{Sessions: 30 * 24 * time.Hour}
	month := int(keep.Sessions.Seconds())
	require.Equal(t, Report{}, maintain(t, store, at(month+60), keep))
	require.Equal(t, TimeOf(at(0).Add(clocks["of 2008"])), get(t, store, "of 2008").StartTime, "as the NAS says")
	require.Equal(t, Report{DeletedSessions: len(clocks)}, maintain(t, store, at(month+61), keep))
}

func testStaleByArrival(t *testing.T, store Store) {
	keep := Retention{Stale: 10 * time.Minute}
	for name, off := range clocks {
		record(t, store, heard(Start, name, 0, off), heard(InterimUpdate, name, 600, off, counters(600, 1, 2)))
	}
	require.Equal(t, Report{}, maintain(t, store, at(1200), keep), "they live")
	require.Equal(t, Report{Closed: len(clocks)}, maintain(t, store, at(1201), keep), "they are silent")
	for name, off := range clocks {
		r := get(t, store, name)
		require.Equal(t, TimeOf(at(600).Add(off)), r.StopTime, name)
		require.Equal(t, "Lost-Carrier", r.TerminateCause, name)
		require.Equal(t, whole(600), r.SessionTime, name)
	}
}

func testRestartByArrival(t *testing.T, store Store) {
	i := 0
	for _, before := range clocks {
		for _, after := range clocks {
			i++
			nas := netip.AddrFrom4([4]byte{10, 9, 0, byte(i)})
			of := func(p *Packet) { p.NASAddress = nas }
			session, later := fmt.Sprint(i), fmt.Sprint("later ", i)
			record(t, store, heard(Start, session, 0, before, of), heard(InterimUpdate, session, 60, before, of, counters(60, 1, 2)))
			require.NoError(t, store.CloseNAS(t.Context(), heard(AccountingOn, "0", 100, after, of).Restart()))
			record(t, store, heard(Start, later, 101, after, of))
			for range 2 {
				require.False(t, isOpen(t, store, session), "%s, then %s", before, after)
				require.True(t, isOpen(t, store, later), "it began after the restart was heard")
				require.LessOrEqual(t, *get(t, store, session).SessionTime, int64(86460), "no years")
				settle(t, store)
			}
		}
	}
}

// testEndByARestart has a NAS restarted ten seconds after the Start of a session, or 10.7:
// its clock counts whole seconds.
func testEndByARestart(t *testing.T, store Store) {
	tests := map[string]struct {
		before time.Duration // how far the clock is off at the Start
		on     func(*Packet)
		want   time.Duration // after the Start
	}{
		"its clock goes on":         {0, func(*Packet) {}, 10 * time.Second},
		"and is wrong":              {-2 * time.Hour, func(p *Packet) { p.Time = p.Time.Add(-2 * time.Hour) }, 10 * time.Second},
		"and loses some seconds":    {0, func(p *Packet) { p.Time = at(7) }, 7 * time.Second},
		"and is set":                {-2 * time.Hour, func(*Packet) {}, 10700 * time.Millisecond},
		"and is set back":           {2 * time.Hour, func(*Packet) {}, 10700 * time.Millisecond},
		"Accounting-On has no time": {-8 * time.Hour, func(p *Packet) { p.Time = p.Arrived }, 10700 * time.Millisecond},
		"nor has the Start":         {100 * time.Millisecond, func(p *Packet) { p.Time = p.Arrived }, 10700 * time.Millisecond},
	}
	i := 0
	for name, test := range tests {
		i++
		nas := func(p *Packet) { p.NASAddress = netip.AddrFrom4([4]byte{10, 8, 0, byte(i)}) }
		start := heard(Start, name, 0, test.before, nas)
		start.Arrived = at(0).Add(100 * time.Millisecond)
		on := heard(AccountingOn, "0", 10, 0, nas)
		on.Arrived = at(10).Add(800 * time.Millisecond)
		test.on(&on)
		record(t, store, start)
		require.NoError(t, store.CloseNAS(t.Context(), on.Restart()))
		r := get(t, store, name)
		require.Equal(t, test.want, r.StopTime.Sub(r.StartTime.Time), name)
		require.Equal(t, whole(int64(test.want/time.Second)), r.SessionTime, name)
	}
}

func testDelayOfARestart(t *testing.T, store Store) {
	record(t, store, packet(Start, "before", 0), packet(Start, "after", 50))
	on := packet(AccountingOn, "0", 0)
	on.Arrived, on.Delay, on.Time = at(60), 20*time.Second, at(40)
	require.NoError(t, store.CloseNAS(t.Context(), on.Restart()))
	require.False(t, isOpen(t, store, "before"))
	require.True(t, isOpen(t, store, "after"), "the NAS had tried to send it for longer")
}

func testNarrowRestart(t *testing.T, store Store) {
	names := func(identifier, called string) func(*Packet) {
		return func(p *Packet) { p.NASIdentifier, p.CalledStationID = identifier, called }
	}
	tests := map[string]struct {
		on   func(*Packet)
		open []string
	}{
		"NAS-Identifier":              {names("ap-1", ""), []string{"ap-2", "ap-3"}},
		"NAS-Identifier goes first":   {names("ap-1", "00:27:22:f3:fa:f2"), []string{"ap-2", "ap-3", "nameless 1"}},
		"MAC address":                 {names("", "00:27:22:f3:fa:f1"), []string{"ap-2", "ap-3", "nameless 2"}},
		"MAC address and network":     {names("", "002722f3faf1:other"), []string{"ap-2", "ap-3", "nameless 2"}},
		"Cisco's MAC address":         {names("", "0027.22F3.FAF1"), []string{"ap-2", "ap-3", "nameless 2"}},
		"name of a station":           {names("", "HALL"), []string{"ap-1", "ap-2", "nameless 1", "nameless 2"}},
		"an address that begins like": {names("", "00-27-22-F3-FA"), []string{"ap-1", "ap-2", "ap-3", "nameless 1", "nameless 2"}},
		"unknown NAS-Identifier":      {names("ap-9", ""), []string{"ap-1", "ap-2", "ap-3"}},
		"the address alone":           {names("", ""), []string{}},
		"text that is not a pattern":  {names("", "(.*"), []string{"ap-1", "ap-2", "ap-3", "nameless 1", "nameless 2"}},
	}
	i := 0
	for name, test := range tests {
		i++
		of := func(p *Packet) { p.NASAddress, p.Username = netip.AddrFrom4([4]byte{127, 0, 0, byte(i)}), name }
		start := func(session, identifier, called string) Packet {
			return packet(Start, fmt.Sprint(session, "@", i), 0, of, names(identifier, called))
		}
		record(
			t, store,
			start("ap-1", "ap-1", "00-27-22-F3-FA-F1:guests"),
			start("ap-2", "ap-2", "00-27-22-F3-FA-F2:guests"),
			start("ap-3", "ap-3", "hall:guests"),
			start("nameless 1", "", "00-27-22-F3-FA-F1:guests"), start("nameless 2", "", "00-27-22-F3-FA-F2:guests"),
			start("no station", "", ""),
		)
		require.NoError(t, store.CloseNAS(t.Context(), restart(100, of, test.on)))
		for range 2 {
			open := []string{}
			for _, id := range ids(t, store, Filter{Username: name, IsOpen: new(true)}, Page{}) {
				open = append(open, id[:len(id)-len(fmt.Sprint("@", i))])
			}
			require.ElementsMatch(t, test.open, open, name)
			settle(t, store)
		}
	}
}

func TestStationsOfARestart(t *testing.T) {
	t.Parallel()
	for of, stations := range map[string]map[string]bool{
		"00:27:22:F3:FA:F1": {
			"00-27-22-f3-fa-f1": true, "002722F3FAF1:guests": true, "00:27:22:f3:fa:f1:a:b": true,
			"00:27:22:f3:fa:f2": false, "0027.22f3.faf12": false,
		},
		"00:27:22:F3": {"00:27:22:f3": true, "00:27:22:F3:FA:F1": false, "00:11:22:33:44:55": false},
		"2001:db8::1": {"2001:DB8::1": true, "2001:db8::1:guests": false, "2001:db8::2": false, "2001:db8::11": false},
		"Hall:guests": {"hall": true, "HALL:staff": true, "hallway": false},
		"5551234":     {"5551234": true, "55512345": false},
	} {
		pattern := Restart{CalledStationID: of}.stationPattern()
		for station, want := range stations {
			require.Equal(t, want, pattern.MatchString(station), "%s: %s", of, station)
		}
	}
	require.Nil(t, Restart{}.stationPattern())
}

func testReopening(t *testing.T, store Store) {
	silence := func() { maintain(t, store, at(10_000), Retention{Stale: time.Hour}) }
	guesses := map[string]func(){
		"silence": silence,
		"restart": func() { require.NoError(t, store.CloseNAS(t.Context(), restart(1000))) },
	}
	for name, guess := range guesses {
		for clock, off := range clocks {
			session := name + clock
			if len(session) > maxUniqueIDLen {
				session = session[:maxUniqueIDLen]
			}
			record(t, store, heard(Start, session, 0, off), heard(InterimUpdate, session, 600, off, counters(600, 10, 20)))
			guess()
			require.False(t, isOpen(t, store, session), session)
			closed := get(t, store, session)
			record(t, store, heard(InterimUpdate, session, 600, off, counters(600, 10, 20), func(p *Packet) { p.Arrived = at(20_000) }))
			require.Equal(t, closed, get(t, store, session), "a copy")

			record(t, store, heard(InterimUpdate, session, 20_100, off, counters(20_050, 30, 40)))
			r := get(t, store, session)
			require.True(t, r.Open(), session)
			require.Empty(t, r.TerminateCause)
			require.Equal(t, whole(20_050), r.SessionTime, "no guess is left")
			require.Equal(t, whole(19_500), r.Interval)
			require.Contains(t, ids(t, store, Filter{IsOpen: new(true)}, Page{Size: 100}), session)

			record(t, store, heard(Stop, session, 21_000, off, counters(20_950, 50, 60), cause("Lost-Carrier")))
			stopped := get(t, store, session)
			require.Equal(t, TimeOf(at(21_000).Add(off)), stopped.StopTime)
			record(t, store, heard(InterimUpdate, session, 21_500, off, func(p *Packet) { p.SessionTime = whole(21_450) }))
			require.False(t, isOpen(t, store, session), "not after a Stop")
			settle(t, store)
		}
	}
}

func testGuessGivesWay(t *testing.T, store Store) {
	for i, why := range []string{"NAS-Reboot", "Lost-Carrier", "User-Request", ""} {
		session := fmt.Sprint(i)
		record(t, store, packet(Start, session, 0), packet(InterimUpdate, session, 60, counters(60, 1, 2)))
		maintain(t, store, at(10_000), Retention{Stale: time.Hour})
		require.Equal(t, TimeOf(at(60)), get(t, store, session).StopTime)
		record(t, store, packet(Stop, session, 9000, counters(8990, 5, 6), cause(why)))
		r := get(t, store, session)
		require.Equal(t, TimeOf(at(9000)), r.StopTime, why)
		require.Equal(t, why, r.TerminateCause)
		require.Equal(t, whole(8990), r.SessionTime)
		record(t, store, packet(Stop, session, 9500, counters(8990, 5, 6), cause(why)))
		require.Equal(t, TimeOf(at(9000)), get(t, store, session).StopTime, "the first one counts")
	}
}

func TestDelayMovesThePacketsTime(t *testing.T) {
	t.Parallel()
	delayed := func(change map[string]string) Packet {
		values := start()
		values["acct_delay_time"] = "3600"
		for name, value := range change {
			values[name] = value
		}
		p, problems := ParsePacket(values, arrival)
		require.Empty(t, problems)
		return p
	}
	hourAgo := TimeOf(arrival.Add(-time.Hour))
	require.Equal(t, hourAgo, Merge(nil, delayed(nil)).StartTime)
	require.Equal(t, hourAgo, Merge(nil, delayed(map[string]string{"acct_delay_time": "", "Acct-Delay-Time": "3600"})).StartTime)
	require.Equal(t, hourAgo, Merge(nil, delayed(nil)).HeardStart)
	update := Merge(nil, delayed(map[string]string{"event_timestamp": "1704164645"}))
	require.Equal(t, TimeOf(epoch), update.StartTime, "the NAS says when it was")
	require.Equal(t, hourAgo, update.HeardStart)
	for _, absurd := range []string{"86401", "4294967295"} {
		require.Equal(t, TimeOf(arrival), Merge(nil, delayed(map[string]string{"acct_delay_time": absurd})).StartTime)
	}
	for _, bad := range []string{"-1", "4294967296", "soon", "1.5"} {
		values := start()
		values["acct_delay_time"] = bad
		_, problems := ParsePacket(values, arrival)
		require.Contains(t, problems, "acct_delay_time", bad)
	}
}

func TestFirstPacketTellsWhenTheSessionBegan(t *testing.T) {
	t.Parallel()
	for _, status := range []StatusType{InterimUpdate, Stop} {
		r := Merge(nil, packet(status, "1", 3700, counters(3600, 1, 2)))
		require.Equal(t, TimeOf(at(100)), r.StartTime, status)
		require.Equal(t, TimeOf(at(100)), r.HeardStart, status)
	}
	r := Merge(nil, packet(InterimUpdate, "1", 100, func(p *Packet) { p.StartTime = at(20); p.SessionTime = whole(60) }))
	require.Equal(t, TimeOf(at(20)), r.StartTime, "the packet says so")
}

func TestClientTellsTheEndWithAnyStatus(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"Start", "Interim-Update"} {
		values := start()
		values["status_type"], values["terminate_cause"] = status, "User-Request"
		values["start_time"], values["stop_time"] = "2024-01-02T03:00:00Z", "2024-01-02T03:10:00Z"
		p, problems := ParsePacket(values, arrival)
		require.Empty(t, problems)
		alone := Merge(nil, p)
		for _, r := range []Record{alone, Merge(&alone, p), mergeAll(packet(Start, "1", -600), p), mergeAll(packet(Start, "1", -600), p, p)} {
			require.False(t, r.Open(), status)
			require.Equal(t, time.Date(2024, 1, 2, 3, 10, 0, 0, time.UTC), r.StopTime.Time, status)
			require.Equal(t, "User-Request", r.TerminateCause, status)
			require.False(t, r.inferred())
		}
		require.Equal(t, time.Date(2024, 1, 2, 3, 0, 0, 0, time.UTC), alone.StartTime.Time, status)
		require.Equal(t, whole(600), alone.SessionTime, status)
	}
	for _, status := range []string{"Start", "Interim-Update", "Stop"} {
		values := start()
		values["status_type"], values["start_time"], values["stop_time"] = status, "2024-01-02T03:10:00Z", "2024-01-02T03:00:00Z"
		_, problems := ParsePacket(values, arrival)
		require.Contains(t, problems["stop_time"], "is before start_time", status)
	}
}

func TestStopThatTellsItsStartIsWholeAtOnce(t *testing.T) {
	t.Parallel()
	values := start()
	values["status_type"], values["start_time"], values["stop_time"] = "Stop", "2024-01-02T03:00:00Z", "2024-01-02T03:10:00Z"
	p, problems := ParsePacket(values, arrival)
	require.Empty(t, problems)
	alone := Merge(nil, p)
	require.Equal(t, whole(600), alone.SessionTime)
	require.Equal(t, alone, Merge(&alone, p))
	require.Nil(t, Merge(nil, packet(Stop, "1", 0)).SessionTime, "nothing is known of it")
}

func TestRecordsWithoutTimesOfThisServer(t *testing.T) {
	t.Parallel()
	old := func(r Record) Record {
		r.Reception = Reception{}
		return r
	}
	open := old(mergeAll(packet(Start, "1", 0), packet(InterimUpdate, "1", 60, counters(60, 1, 2))))
	require.Equal(t, TimeOf(at(60)), open.heardUpdate(), "the latest packet's time stands for it")
	closed := old(closeSilent(open, guessSilence))
	require.True(t, closed.inferred(), "by its cause")
	require.Equal(t, TimeOf(at(90)), new(Merge(&closed, packet(Stop, "1", 90, cause("User-Request")))).StopTime)
	require.Equal(t, TimeOf(at(60)), new(Merge(&closed, packet(Stop, "1", 90, cause("Lost-Carrier")))).StopTime)
	require.True(t, new(Merge(&closed, packet(InterimUpdate, "1", 120, counters(120, 3, 4)))).Open())
	stopped := old(Merge(&open, packet(Stop, "1", 90, cause("User-Request"))))
	require.False(t, stopped.inferred())
	require.False(t, new(Merge(&stopped, packet(InterimUpdate, "1", 120, counters(120, 3, 4)))).Open())
}
