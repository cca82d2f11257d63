package acct

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/longtest"
)

// life is what happens to one unique id on one NAS: session after session, as the NAS
// is started again, with a clock that may be another one then.
type life struct {
	arrivals []event
	want     []Record // of its sessions
}

// event is a packet, of a session or about the NAS, when it arrives.
type event struct {
	at time.Time
	Packet
}

// staleAfter is how long a session may be silent here, and horizon when all is over.
const staleAfter = time.Hour

var horizon = epoch.Add(4 * 24 * time.Hour)

// chance reports true once in n times.
func chance(random *rand.Rand, n int) bool { return random.IntN(n) == 0 }

// between returns a time between two numbers of seconds.
func between(random *rand.Rand, from, to int) time.Duration {
	return time.Duration(from+random.IntN(to-from)) * time.Second
}

// lifeEnding is how a session ends.
type lifeEnding int

const (
	stops lifeEnding = iota
	stopsVeryLate
	dies          // and the NAS sends Accounting-On
	diesUnnoticed // and it does not
)

// session is one as it is in truth.
type session struct {
	arrived []event   // of its packets, each once, in the order in which they were made
	heard   time.Time // when the last of them or their copies arrived
	restart *event    // the Accounting-On that ended it

	off, nextOff time.Duration // how far off the clock was, and at the restart
	unnoticed    bool          // whether no packet ended it
}

// liveOn makes the life of the n-th unique id.
func liveOn(random *rand.Rand, n int) life {
	offs := []time.Duration{0, clocks["of 2008"], clocks["39 days behind"], clocks["8 h ahead"], clocks["2 h behind"]}
	var l life
	var truth []*session
	base := Attributes{
		SessionID: "1", UniqueID: fmt.Sprintf("%032x", n), Username: fmt.Sprint("user", n),
		NASAddress: netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}), NASPortType: "Virtual",
	}
	off := offs[random.IntN(len(offs))]
	now := epoch.Add(between(random, 0, 86400))
	for range 1 + random.IntN(4) {
		s := &session{off: off}
		truth = append(truth, s)
		end := lifeEnding(random.IntN(4))
		began, lost := now, 0
		input := int64(0)
		emit := func(status StatusType, lateness time.Duration) {
			input += int64(random.IntN(1 << 30))
			p := Packet{StatusType: status, Time: now.Add(off), Arrived: now.Add(time.Second / 3).Add(lateness), Attributes: base}
			p.InputGigawords, p.InputOctets, p.OutputOctets = whole(input>>32), whole(input&0xffffffff), whole(input/7)
			p.SessionTime = whole(int64(now.Sub(began).Seconds()))
			p.FramedIPAddress = netip.AddrFrom4([4]byte{10, 1, byte(input), byte(len(s.arrived))})
			switch status {
			case Start:
				p.InputGigawords, p.InputOctets, p.OutputOctets, p.SessionTime = nil, nil, nil, nil
				p.ConnectionInfoStart = "54 Mbps"
				input = 0
			case Stop:
				p.TerminateCause, p.ConnectionInfoStop = []string{"User-Request", "Lost-Carrier", "NAS-Reboot"}[random.IntN(3)], "bye"
			}
			for copies := 0; copies < 3 && (copies == 0 || chance(random, 4)); copies++ {
				l.arrivals = append(l.arrivals, event{p.Arrived, p})
				if copies == 0 {
					s.arrived = append(s.arrived, l.arrivals[len(l.arrivals)-1])
				}
				if p.Arrived.After(s.heard) {
					s.heard = p.Arrived
				}
				p.Arrived = p.Arrived.Add(between(random, 1, 300))
				if lateness < repeatedFor && p.Arrived.Sub(now) > repeatedFor {
					break
				}
			}
		}
		late := func() time.Duration {
			if chance(random, 4) {
				return between(random, 1, 400)
			}
			return 0
		}
		restart := func(off time.Duration) event {
			p := Packet{
				StatusType: AccountingOn, Time: now.Add(off), Arrived: now.Add(time.Second / 3),
				Attributes: Attributes{NASAddress: base.NASAddress},
			}
			l.arrivals = append(l.arrivals, event{p.Arrived, p})
			return l.arrivals[len(l.arrivals)-1]
		}

		if loses := len(truth) > 1 && off == truth[len(truth)-2].off && chance(random, 8); loses {
			lost++
			now = now.Add(20 * time.Minute) // or nothing shows that it is another session
			began = now
		} else {
			emit(Start, late())
		}
		for range random.IntN(5) + 2*lost {
			now = now.Add(between(random, 240, 360))
			if !chance(random, 8) {
				emit(InterimUpdate, late())
			}
		}
		unnoticed := len(truth) > 1 && truth[len(truth)-2].unnoticed
		if !unnoticed && chance(random, 3) { // a NAS behind the same address
			now = now.Add(between(random, 1, 300))
			restart(offs[random.IntN(len(offs))])
			now = now.Add(between(random, 401, 700)) // what was late has arrived
			emit(InterimUpdate, 0)
		}
		now = now.Add(between(random, 240, 360))
		emit(InterimUpdate, 0)
		next := off
		switch end {
		case stops:
			now = now.Add(between(random, 1, 300))
			emit(Stop, 0)
			now = now.Add(between(random, 301, 7200))
			if chance(random, 2) {
				next = offs[random.IntN(len(offs))]
			}
		case stopsVeryLate:
			now = now.Add(between(random, 1, 300))
			emit(Stop, between(random, 1, 86400))
			now = now.Add(between(random, 660, 7200))
		case dies:
			now = now.Add(between(random, 1000, 2000))
			next = offs[random.IntN(len(offs))]
			on := restart(next)
			s.restart, s.nextOff = &on, next
			now = now.Add(between(random, 1, 7200))
		case diesUnnoticed:
			s.unnoticed = true
			now = now.Add(between(random, 1200, 7200))
		}
		off = next
	}
	for _, s := range truth {
		l.want = append(l.want, s.record())
	}
	slices.SortStableFunc(l.arrivals, func(a, b event) int { return a.at.Compare(b.at) })
	return l
}

// coincides reports whether two sessions began at the same time by clocks that differ:
// no packet distinguishes them then.
func (l life) coincides() bool {
	for i, r := range l.want {
		for _, other := range l.want[:i] {
			if r.StartTime.Sub(other.StartTime.Time).Abs() < time.Minute {
				return true
			}
		}
	}
	return false
}

// record works out the record of a session from all that is true of it.
func (s *session) record() Record {
	var arrived []Packet
	for _, a := range slices.SortedStableFunc(slices.Values(s.arrived), func(a, b event) int { return a.at.Compare(b.at) }) {
		if a.StatusType == Start {
			a.InputGigawords, a.InputOctets, a.OutputOctets, a.SessionTime = whole(0), whole(0), whole(0), whole(0)
		}
		arrived = append(arrived, a.Packet)
	}
	r := reference(arrived)
	r.Interval = nil // it depends on what arrived when
	last := s.arrived[len(s.arrived)-1]
	switch {
	case last.StatusType == Stop:
	case s.restart != nil:
		r.TerminateCause = "NAS-Reboot"
		r.StopTime = TimeOf(s.restart.Time)
		if changed := s.nextOff - s.off; changed.Abs() > time.Minute { // it says nothing about this session
			r.StopTime = TimeOf(last.Time.Add(s.restart.at.Sub(s.heard)))
		}
		r.SessionTime = whole(int64(r.StopTime.Sub(r.StartTime.Time).Seconds()))
	default:
		r.TerminateCause, r.StopTime = "Lost-Carrier", r.UpdateTime
	}
	return r
}

// testLives has a store hear of many lives as they arrive, and compares with the truth.
func testLives(t *testing.T, store Store, lives int) {
	const seed = 17
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, seed))
	var all []life
	var arrivals []event
	sessions, again := 0, 0
	for n := range lives {
		l := liveOn(random, n)
		for l.coincides() {
			l = liveOn(random, n)
		}
		all, arrivals = append(all, l), append(arrivals, l.arrivals...)
		sessions, again = sessions+len(l.want), again+len(l.want)-1
	}
	slices.SortStableFunc(arrivals, func(a, b event) int { return a.at.Compare(b.at) })
	t.Logf("%d sessions, %d of them with a unique id that was used before, %d packets", sessions, again, len(arrivals))
	keep := Retention{Stale: staleAfter, Sessions: 5 * 24 * time.Hour}
	tick := epoch
	for _, a := range arrivals {
		for ; tick.Before(a.at); tick = tick.Add(20 * time.Minute) {
			for maintain(t, store, tick, keep).More {
				continue
			}
		}
		if a.StatusType == AccountingOn {
			require.NoError(t, store.CloseNAS(t.Context(), a.Restart()))
			continue
		}
		_, err := store.Record(t.Context(), a.Packet)
		require.NoError(t, err)
	}
	for maintain(t, store, horizon, keep).More {
		continue
	}
	byStart := func(a, b Record) int {
		return cmp.Or(a.StartTime.Compare(b.StartTime.Time), a.StopTime.Compare(b.StopTime.Time))
	}
	for n, l := range all {
		found, more, err := store.Sessions(t.Context(), Filter{Username: fmt.Sprint("user", n)}, Page{Size: 100})
		require.NoError(t, err)
		require.False(t, more)
		latest := get(t, store, fmt.Sprintf("%032x", n))
		require.Equal(t, l.want[len(l.want)-1].StartTime, latest.StartTime, "life %d: the latest session has the unique id\n%s", n, l)
		slices.SortFunc(found, byStart)
		slices.SortFunc(l.want, byStart)
		if len(l.want) != len(found) {
			require.Len(t, found, len(l.want), "life %d\n%s", n, l)
		}
		for i := range found {
			found[i].Interval, found[i].UniqueID = nil, l.want[i].UniqueID
			r, want := shown(found[i]), l.want[i]
			require.Equal(t, fmt.Sprint(shownTimes(want)), fmt.Sprint(shownTimes(r)), "life %d\n%s", n, l)
			requireRecord(t, want, r)
		}
	}
}

// shownTimes are what a difference is mostly about.
func shownTimes(r Record) []any {
	return []any{r.StartTime, r.UpdateTime, r.StopTime, *r.SessionTime, *r.InputOctets, r.TerminateCause}
}

// String lists what arrives.
func (l life) String() (text string) {
	for _, a := range l.arrivals {
		text += fmt.Sprintf("%s %s at %s", a.at.Format(time.DateTime), a.StatusType, a.Time.Format(time.DateTime))
		if a.SessionTime != nil {
			text += fmt.Sprintf(", after %d s", *a.SessionTime)
		}
		text += "\n"
	}
	return text
}

func TestVaultStoreAgreesWithTheTruthOfWrongClocks(t *testing.T) {
	t.Parallel()
	testLives(t, NewVaultStore(newMemory()), longtest.Choose(120, 10_000))
}
