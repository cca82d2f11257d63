package radclient

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// requestPatient is a patient that is probed with requests of a test user, which may take
// the window to be answered.
func requestPatient(window time.Duration) *patient {
	return &patient{health: newHealth(requestPace(window), StatusCheckRequest, middle), now: time.Unix(0, 0), fate: always(lost)}
}

// since is the time on the patient's clock.
func (p *patient) since() time.Duration { return p.now.Sub(time.Unix(0, 0)) }

func seconds(times ...float64) []time.Duration {
	var all []time.Duration
	for _, seconds := range times {
		all = append(all, time.Duration(seconds*float64(time.Second)))
	}
	return all
}

func TestSilentServerIsAvoidedAfterOneRequestAndDeadAfterFour(t *testing.T) {
	t.Parallel()
	p := requestPatient(5 * time.Second)
	p.sent(p.now)
	p.until(5999 * time.Millisecond)
	require.Equal(t, Unknown, p.state)
	p.until(6 * time.Second)
	require.Equal(t, Zombie, p.state)
	p.until(20999 * time.Millisecond)
	require.Equal(t, Zombie, p.state)
	p.until(21 * time.Second)
	require.Equal(t, Dead, p.state)
	require.Equal(t, seconds(1, 6, 11, 16), p.probes)
	p.until(90 * time.Second)
	require.Equal(t, seconds(1, 6, 11, 16, 47.5, 79), p.probes, "30 s to 33 s apart from then on")
}

func TestRequestsRestForTheWindowIfThatIsLonger(t *testing.T) {
	t.Parallel()
	for window, want := range map[time.Duration][]time.Duration{
		time.Second:      seconds(1, 6, 11, 16, 47.5, 79),
		20 * time.Second: seconds(1, 21, 41, 61, 92.5),
		time.Minute:      seconds(1, 61),
	} {
		p := requestPatient(window)
		p.sent(p.now)
		p.until(100 * time.Second)
		require.Equal(t, want, p.probes, window)
	}
}

func TestLateAnswerToARequestCounts(t *testing.T) {
	t.Parallel()
	p := requestPatient(time.Second)
	p.sent(p.now)
	p.until(3 * time.Second)
	require.Equal(t, Zombie, p.state)
	p.probeAnswered(p.now)
	require.Equal(t, Alive, p.state)
	require.Equal(t, 5*time.Second, p.pace.patience, "so long it is waited for")
}

func TestSlowUserCostsARequestEachTenSeconds(t *testing.T) {
	t.Parallel()
	p := requestPatient(5 * time.Second)
	p.fate = always(heard)
	p.sent(p.now)
	p.until(60 * time.Second)
	require.Equal(t, Alive, p.state)
	require.Equal(t, seconds(1, 11, 21, 31, 41, 51), p.probes)
}

func TestNoRequestIsSentWhileNoLoginWaits(t *testing.T) {
	t.Parallel()
	p := requestPatient(5 * time.Second)
	p.fate = always(heard)
	p.until(time.Hour)
	p.sent(p.now)
	p.until(p.since() + 900*time.Millisecond)
	p.answered(p.now)
	p.until(p.since() + time.Hour)
	require.Empty(t, p.probes, "the login was answered within the second")

	p.sent(p.now)
	p.until(p.since() + 2*time.Second)
	require.Len(t, p.probes, 1)
	p.answered(p.now)
	p.sent(p.now)
	p.until(p.since() + 3*time.Second)
	require.Len(t, p.probes, 1, "the second rests until 5 s after the first")
	p.unanswered(p.now)
	p.until(p.since() + time.Hour)
	require.Len(t, p.probes, 1, "and is not sent, since the login was given up meanwhile")
}

func TestNextRoundRestsForTheWindowAndIsGivenUpWithTheLogin(t *testing.T) {
	t.Parallel()
	p := requestPatient(20 * time.Second)
	p.fate = always(heard)
	p.sent(p.now)
	p.until(15 * time.Second)
	require.Equal(t, seconds(1), p.probes, "the next is due after 10 s, and rests until 21 s")
	p.unanswered(p.now)
	p.until(time.Hour)
	require.Len(t, p.probes, 1)
}

func TestRefusalMakesNewLoginsAvoidTheServerAtOnceAndTwoRefusedRequestsKill(t *testing.T) {
	t.Parallel()
	p := requestPatient(5 * time.Second)
	p.fate = always(refused)
	p.sent(p.now)
	p.refused(p.now)
	require.Equal(t, Zombie, p.state)
	p.until(4999 * time.Millisecond)
	require.Equal(t, Zombie, p.state)
	p.until(5 * time.Second)
	require.Equal(t, Dead, p.state)
	require.Equal(t, seconds(0, 5), p.probes)
	p.until(40 * time.Second)
	require.Equal(t, seconds(0, 5, 36.5), p.probes)
}

func TestRefusalThatWasNoneIsForgottenWithTheNextAnswer(t *testing.T) {
	t.Parallel()
	p := requestPatient(5 * time.Second)
	p.fate = always(heard)
	p.sent(p.now)
	p.until(2 * time.Second)
	p.refused(p.now)
	require.Equal(t, Zombie, p.state)
	p.until(6 * time.Second)
	require.Equal(t, Alive, p.state)
	require.Equal(t, seconds(1, 6), p.probes)
}

func TestDeadServerLivesAgainAfterOneAnswer(t *testing.T) {
	t.Parallel()
	p := requestPatient(5 * time.Second)
	p.sent(p.now)
	p.until(10 * time.Second)
	p.unanswered(p.now)
	p.until(30 * time.Second)
	require.Equal(t, Dead, p.state, "it was thought silent, though nobody waits any more")
	p.fate = always(heard)
	p.until(47 * time.Second)
	require.Equal(t, Dead, p.state)
	p.until(48 * time.Second)
	require.Equal(t, Alive, p.state)
	p.until(time.Hour)
	require.Len(t, p.probes, 5)
}

// Whatever happens, requests are so far apart, and none is sent without a reason.
func TestRequestsKeepTheirDistanceWhateverHappens(t *testing.T) {
	t.Parallel()
	for seed := range uint64(100) {
		random := rand.New(rand.NewPCG(seed, 0)) // #nosec G404 -- a simulation, repeatable
		window := time.Duration(1+random.IntN(20)) * time.Second
		p := requestPatient(window)
		p.random = random.Float64
		waiting, latest, dead := 0, -time.Hour, false
		for range 400 {
			end := p.since() + time.Duration(random.IntN(3000))*time.Millisecond
			for next := p.next(); !next.IsZero() && !next.After(time.Unix(0, 0).Add(end)); next = p.next() {
				p.now = next
				if !p.due(p.now) {
					continue
				}
				apart := p.since() - latest
				require.GreaterOrEqual(t, apart, max(requestInterval, window))
				if dead && p.state == Dead {
					require.GreaterOrEqual(t, apart, deadRequestInterval)
				}
				require.True(t, waiting > 0 || p.state == Zombie || p.state == Dead,
					"seed %d: no login waits, and the server is %s", seed, p.state)
				latest, dead = p.since(), p.state == Dead
				switch fate(random.IntN(4)) {
				case heard:
					p.probeAnswered(p.now)
				case refused:
					p.probeRefused(p.now)
				}
			}
			p.now = time.Unix(0, 0).Add(end)
			switch event := random.IntN(5); {
			case event < 2:
				p.sent(p.now)
				waiting++
			case waiting == 0:
			case event == 2:
				p.answered(p.now)
				waiting--
			case event == 3:
				p.unanswered(p.now)
				waiting--
			default:
				p.refused(p.now)
			}
		}
	}
}

// Of a round of four requests, each answered with the probability that both it and its
// answer arrive, all are lost once in 60: 0.36 to the fourth.
func TestRequestsOnALossyNetworkSeldomKillAServerThatLives(t *testing.T) {
	t.Parallel()
	const rounds = 6000
	random := rand.New(rand.NewPCG(3, 4)) // #nosec G404 -- a simulation, repeatable
	killed := 0
	for range rounds {
		p := requestPatient(5 * time.Second)
		p.random = random.Float64
		p.fate = onALossyNetwork(random)
		p.sent(p.now)
		for p.state != Alive && p.state != Dead {
			p.until(p.next().Sub(time.Unix(0, 0)))
		}
		if p.state == Dead {
			killed++
		}
	}
	require.InDelta(t, rounds/60, killed, rounds/300)
}

func TestRequestsOfManyClientsAreNotSynchronised(t *testing.T) {
	t.Parallel()
	const clients = 1000
	tenths := map[time.Duration]int{}
	for seed := range uint64(clients) {
		p := requestPatient(5 * time.Second)
		p.random = rand.New(rand.NewPCG(seed, 0)).Float64 // #nosec G404 -- as above
		p.sent(p.now)
		p.until(150 * time.Second)
		tenths[p.probes[len(p.probes)-1].Truncate(100*time.Millisecond)]++
	}
	for _, count := range tenths {
		require.Less(t, count, clients/10)
	}
}
