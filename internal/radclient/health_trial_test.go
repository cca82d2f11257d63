package radclient

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestServerWithoutStatusServerIsAvoidedAfterTheWindow(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]*patient{
		"not known":     newPatient(StatusCheckAuto, middle),
		"not asked":     newPatient(StatusCheckOff, middle),
		"found out":     found(t),
		"on no account": retired(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := p.now.Sub(time.Unix(0, 0))
			p.sent(p.now)
			p.until(start + 4999*time.Millisecond)
			require.NotEqual(t, Zombie, p.state)
			p.until(start + 5*time.Second)
			if name == "on no account" {
				require.Equal(t, Unknown, p.state)
				return
			}
			require.Equal(t, Zombie, p.state, "never dead: silence may be a person")
			p.until(start + 10*time.Second)
			p.unanswered(p.now)

			p.until(start + 61*time.Second)
			require.Equal(t, Zombie, p.state)
			require.False(t, p.takeTrial(p.now, true))
			p.until(start + 65*time.Second)
			require.Equal(t, Probing, p.state)
			require.False(t, p.takeTrial(p.now, false), "none that would stay with it")
			require.True(t, p.takeTrial(p.now, true), "one login tries it")
			require.False(t, p.takeTrial(p.now, true), "and no other")
			p.sent(p.now)
			p.until(start + 70*time.Second)
			require.Equal(t, Zombie, p.state, "in vain")
			p.answered(p.now)
			require.Equal(t, Alive, p.state, "or not")
		})
	}
}

func TestTimeBetweenTrialsDoublesUpToTenMinutes(t *testing.T) {
	t.Parallel()
	p := newPatient(StatusCheckOff, middle)
	p.sent(p.now)
	p.until(10 * time.Second)
	p.unanswered(p.now)
	begun := 5 * time.Second // found silent
	for _, wait := range []time.Duration{
		time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 10 * time.Minute, 10 * time.Minute,
	} {
		latest := begun + wait
		p.until(begun + wait*19/20)
		require.False(t, p.takeTrial(p.now, true))
		p.until(latest)
		require.True(t, p.takeTrial(p.now, true))
		begun = latest
		p.sent(p.now)
		p.until(begun + 10*time.Second)
		p.unanswered(p.now)
		p.trialEnded(p.now)
	}
	p.answered(p.now)
	p.sent(p.now)
	p.until(begun + 15*time.Second + time.Second)
	require.Equal(t, Zombie, p.state)
	p.unanswered(p.now)
	p.until(begun + 90*time.Second)
	require.True(t, p.takeTrial(p.now, true), "a sign of life makes it a minute again")
}

func TestTrialThatTheClientGivesUpIsNotTheLast(t *testing.T) {
	t.Parallel()
	p := newPatient(StatusCheckOff, middle)
	p.sent(p.now)
	p.until(10 * time.Second)
	p.unanswered(p.now)
	p.until(70 * time.Second)
	require.True(t, p.takeTrial(p.now, true))
	p.sent(p.now)
	p.until(71 * time.Second)
	p.unanswered(p.now)
	p.trialEnded(p.now)
	require.Equal(t, Zombie, p.state)
	p.until(70*time.Second + 2*time.Minute)
	require.True(t, p.takeTrial(p.now, true))
}

func TestImpatientClientsFindADeadServerSilentTogether(t *testing.T) {
	t.Parallel()
	p := newPatient(StatusCheckOff, middle)
	for range 2 {
		require.Equal(t, Unknown, p.state)
		p.sent(p.now)
		p.until(p.now.Sub(time.Unix(0, 0)) + 3*time.Second)
		p.unanswered(p.now)
		p.until(p.now.Sub(time.Unix(0, 0)) + time.Minute)
	}
	require.NotEqual(t, Unknown, p.state)

	living := newPatient(StatusCheckOff, middle)
	for range 100 {
		living.sent(living.now)
		living.until(living.now.Sub(time.Unix(0, 0)) + 50*time.Millisecond)
		living.unanswered(living.now)
	}
	require.Equal(t, Unknown, living.state, "a moment says nothing of the server")
}

// found is a patient that has answered a login, but no probe.
func found(t *testing.T) *patient {
	t.Helper()
	p := newPatient(StatusCheckAuto, middle)
	p.sent(p.now)
	p.answered(p.now)
	p.until(30 * time.Second)
	require.Equal(t, supportNo, p.answers)
	require.Len(t, p.probes, learningProbes)
	return p
}

func retired() *patient {
	p := newPatient(StatusCheckAuto, middle)
	p.retire()
	return p
}

func TestServerThatStopsRefusingIsTriedAtOnce(t *testing.T) {
	t.Parallel()
	p := found(t)
	p.fate = always(refused)
	p.sent(p.now)
	p.refused(p.now)
	p.until(40 * time.Second)
	require.Equal(t, Dead, p.state)
	p.fate = always(lost) // something listens, and knows no Status-Server
	p.until(52 * time.Second)
	require.True(t, p.takeTrial(p.now, false))
}
