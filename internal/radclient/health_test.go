package radclient

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patient is a health under test, with a clock and a server that answers probes
// as the test says.
type patient struct {
	*health
	now    time.Time
	probes []time.Duration // when probes were sent
	fate   func() fate     // of each of them
}

// fate is what becomes of a probe, at once.
type fate int

const (
	lost fate = iota
	heard
	refused
)

func always(is fate) func() fate { return func() fate { return is } }

// onALossyNetwork loses a fifth of the probes, and a fifth of the answers.
func onALossyNetwork(random *rand.Rand) func() fate {
	return func() fate {
		request, answer := random.Float64(), random.Float64()
		if request < 0.2 || answer < 0.2 {
			return lost
		}
		return heard
	}
}

func newPatient(check StatusCheck, random func() float64) *patient {
	pace := udpPace
	pace.window, pace.trial = 5*time.Second, trialInterval
	return &patient{health: newHealth(pace, check, random), now: time.Unix(0, 0), fate: always(lost)}
}

// known is a patient that has answered a login and a probe.
func known(t *testing.T) *patient {
	t.Helper()
	p := newPatient(StatusCheckAuto, middle)
	p.fate = always(heard)
	p.sent(p.now)
	p.answered(p.now)
	p.until(time.Second)
	require.Equal(t, supportYes, p.answers)
	require.Equal(t, Alive, p.state)
	p.fate, p.probes = always(lost), nil
	return p
}

// until lets time pass.
func (p *patient) until(at time.Duration) {
	end := time.Unix(0, 0).Add(at)
	for next := p.next(); !next.IsZero() && !next.After(end); next = p.next() {
		p.now = next
		if !p.due(p.now) {
			continue
		}
		p.probes = append(p.probes, p.now.Sub(time.Unix(0, 0)))
		switch p.fate() {
		case heard:
			p.probeAnswered(p.now)
		case refused:
			p.probeRefused(p.now)
		}
	}
	p.now = end
}

func TestSilentServerIsSuspectedAfterOneProbeAndDeadAfterSix(t *testing.T) {
	t.Parallel()
	p := known(t)
	p.sent(p.now) // at 1 s
	p.until(1999 * time.Millisecond)
	require.Empty(t, p.probes)
	p.until(2399 * time.Millisecond)
	require.Equal(t, Alive, p.state)
	p.until(2400 * time.Millisecond)
	require.Equal(t, Zombie, p.state)
	p.until(4399 * time.Millisecond)
	require.Equal(t, Zombie, p.state)
	p.until(4400 * time.Millisecond)
	require.Equal(t, Dead, p.state)
	require.Len(t, p.probes, 6)
}

func TestRefusalsKillSoonerButNotBelowThree(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]*patient{"known to answer probes": known(t), "never heard of": newPatient(StatusCheckAuto, middle)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p.fate = always(refused)
			p.sent(p.now)
			p.refused(p.now)
			start := p.now.Sub(time.Unix(0, 0))
			p.until(start + 199*time.Millisecond)
			require.Equal(t, Zombie, p.state)
			require.Len(t, p.probes, 2)
			p.until(start + 200*time.Millisecond)
			require.Equal(t, Dead, p.state)
			require.Len(t, p.probes, 3)
		})
	}
}

func TestSlowUserIsNotADeadServer(t *testing.T) {
	t.Parallel()
	p := known(t)
	p.fate = always(heard)
	p.sent(p.now)
	p.until(61 * time.Second)
	require.Equal(t, Alive, p.state)
	require.Equal(t, []time.Duration{
		2 * time.Second, 12 * time.Second, 22 * time.Second, 32 * time.Second, 42 * time.Second, 52 * time.Second,
	}, p.probes)
}

func TestServerThatDiesWhileAUserIsSlowIsNoticed(t *testing.T) {
	t.Parallel()
	p := known(t)
	p.fate = always(heard)
	p.sent(p.now)
	p.until(3 * time.Second)
	p.fate = always(lost)
	p.until(15 * time.Second)
	require.Equal(t, Dead, p.state)
}

func TestAnyAnswerEndsTheSuspicion(t *testing.T) {
	t.Parallel()
	p := known(t)
	p.sent(p.now)
	p.sent(p.now)
	p.until(4 * time.Second)
	require.Equal(t, Zombie, p.state)
	p.answered(p.now)
	require.Equal(t, Alive, p.state)
	sent := len(p.probes)
	p.until(13 * time.Second)
	require.Len(t, p.probes, sent, "the round is over, though a login waits")
}

func TestDeadServerLivesAgainAfterThreeAnswers(t *testing.T) {
	t.Parallel()
	p := known(t)
	p.sent(p.now)
	p.until(100 * time.Second)
	require.Equal(t, Dead, p.state)
	last := len(p.probes) - 1
	require.Equal(t, maxDeadInterval+udpPace.interval, p.probes[last]-p.probes[last-1])

	p.fate = always(heard)
	for p.state == Dead {
		p.until(p.next().Sub(time.Unix(0, 0)))
	}
	require.Equal(t, Probing, p.state)
	p.until(p.now.Sub(time.Unix(0, 0)) + 1999*time.Millisecond)
	require.Equal(t, Probing, p.state)
	p.until(p.now.Sub(time.Unix(0, 0)) + time.Millisecond)
	require.Equal(t, Alive, p.state)
	require.Less(t, p.now.Sub(time.Unix(0, 0)), 130*time.Second, "used again within 30 s")
}

func TestServerThatDiesAgainMeanwhileStaysDead(t *testing.T) {
	t.Parallel()
	p := known(t)
	p.sent(p.now)
	p.until(10 * time.Second)
	p.fate = always(heard)
	p.until(p.next().Sub(time.Unix(0, 0)))
	require.Equal(t, Probing, p.state)
	p.fate = always(lost)
	p.until(p.now.Sub(time.Unix(0, 0)) + 2*time.Second)
	require.Equal(t, Dead, p.state)
}

func TestSilenceOfAServerThatMayNotKnowProbesIsNoDeath(t *testing.T) {
	t.Parallel()
	p := newPatient(StatusCheckAuto, middle)
	p.sent(p.now)
	p.until(60 * time.Second)
	require.NotEqual(t, Dead, p.state)
	require.NotEmpty(t, p.probes, "it may know them")
}

func TestProbesAreNotSentWhereTheyAreOff(t *testing.T) {
	t.Parallel()
	p := newPatient(StatusCheckOff, middle)
	p.sent(p.now)
	p.answered(p.now)
	p.sent(p.now)
	p.refused(p.now)
	require.Equal(t, Zombie, p.state, "avoided all the same")
	p.until(time.Hour)
	require.Empty(t, p.probes)
}

func TestSilenceIsDeathWhereProbesAreSaidToBeAnswered(t *testing.T) {
	t.Parallel()
	p := newPatient(StatusCheckOn, middle)
	p.sent(p.now)
	p.until(4 * time.Second)
	require.Equal(t, Dead, p.state)
}

func TestServersWithoutLoginsAreNotProbed(t *testing.T) {
	t.Parallel()
	p := known(t)
	p.until(time.Hour)
	require.Empty(t, p.probes)
}

func TestIdleStreamIsLookedAfter(t *testing.T) {
	t.Parallel()
	p := &patient{health: newHealth(streamPace, StatusCheckOn, middle), now: time.Unix(0, 0), fate: always(heard)}
	p.sent(p.now)
	p.answered(p.now)
	p.until(35 * time.Second)
	require.Equal(t, []time.Duration{10 * time.Second, 20 * time.Second, 30 * time.Second}, p.probes)
	p.fate = always(lost)
	p.until(50 * time.Second)
	require.Equal(t, Dead, p.state)
}

// Of a round of six probes, each answered with the probability that both it and
// its answer arrive, all are lost once in 460: 0.36 to the sixth.
func TestVerdictsOnALossyNetworkAreRight(t *testing.T) {
	t.Parallel()
	const rounds = 20_000
	random := rand.New(rand.NewPCG(1, 2)) // #nosec G404 -- a simulation, repeatable
	wrong := 0
	for range rounds {
		p := known(t)
		p.random = random.Float64
		p.fate = onALossyNetwork(random)
		p.sent(p.now)
		p.until(6 * time.Second)
		if p.state != Alive {
			wrong++
		}
	}
	require.Less(t, wrong, rounds/100)
	require.NotZero(t, wrong, "the network loses nothing")
}

func TestProbesOfManyClientsAreNotSynchronised(t *testing.T) {
	t.Parallel()
	const clients = 1000
	tenths := map[time.Duration]int{}
	for seed := range uint64(clients) {
		p := known(t)
		p.random = rand.New(rand.NewPCG(seed, 0)).Float64 // #nosec G404 -- as above
		p.sent(p.now)
		p.until(60 * time.Second)
		last := p.probes[len(p.probes)-1]
		tenths[last.Truncate(100*time.Millisecond)]++
	}
	for _, count := range tenths {
		require.Less(t, count, clients/10)
	}
}
