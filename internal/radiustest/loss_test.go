package radiustest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// losses lists the fate of 5,000 transmissions in each direction.
func losses(l Loss) (fates []bool) {
	for user := range 1000 {
		for number := 1; number <= 5; number++ {
			name := fmt.Sprintf("user-%d", user)
			fates = append(fates, l.LosesRequest(name, number), l.LosesAnswer(name, number))
		}
	}
	return fates
}

func count(fates []bool) (lost int) {
	for _, fate := range fates {
		if fate {
			lost++
		}
	}
	return lost
}

func TestLossRepeatsForTheSameSeed(t *testing.T) {
	t.Parallel()
	first := losses(Loss{Rate: 0.3, Seed: 7})
	require.Equal(t, first, losses(Loss{Rate: 0.3, Seed: 7}))
	require.NotEqual(t, first, losses(Loss{Rate: 0.3, Seed: 8}))
}

func TestLossIsNearItsRate(t *testing.T) {
	t.Parallel()
	for _, rate := range []float64{0, 0.01, 0.1, 0.5, 1} {
		fates := losses(Loss{Rate: rate, Seed: 1})
		// Three standard deviations are 0.015 at the most.
		require.InDelta(t, rate, float64(count(fates))/float64(len(fates)), 0.015, "rate %v", rate)
	}
}

func TestLossDirectionsAreIndependent(t *testing.T) {
	t.Parallel()
	l := Loss{Rate: 0.5, Seed: 1}
	same := 0
	for user := range 5000 {
		name := fmt.Sprintf("user-%d", user)
		if l.LosesRequest(name, 1) == l.LosesAnswer(name, 1) {
			same++
		}
	}
	require.InDelta(t, 2500, same, 110)
}
