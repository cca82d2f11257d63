package acct

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestGateLetsOneTryAndOthersWaitOnlyForTheFirstTrial(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var g gate
		enter := func() (bool, error) { return g.enter(t.Context()) }
		trial, err := enter()
		require.NoError(t, err)
		require.False(t, trial, "all is well")

		g.suspect()
		require.NoError(t, g.refuses())
		trial, err = enter()
		require.NoError(t, err)
		require.True(t, trial)
		var waited atomic.Int64
		away := errors.New("away")
		for range 10 {
			go func() {
				if trial, err := enter(); !trial && errors.Is(err, away) {
					waited.Add(1)
				}
			}()
		}
		synctest.Wait()
		require.Zero(t, waited.Load())
		g.leave(away, time.Second)
		synctest.Wait()
		require.EqualValues(t, 10, waited.Load())
		require.ErrorIs(t, g.refuses(), away)
		_, err = enter()
		require.ErrorIs(t, err, away, "at once")

		time.Sleep(time.Second)
		g.suspect() // changes nothing
		trial, err = enter()
		require.NoError(t, err)
		require.True(t, trial)
		_, err = enter()
		require.ErrorIs(t, err, away, "another one tries")
		g.leave(nil, time.Second)
		trial, err = enter()
		require.NoError(t, err)
		require.False(t, trial)
		require.False(t, g.doubtful())
	})
}

func TestCallThatIsOverWaitsForNoTrial(t *testing.T) {
	t.Parallel()
	var g gate
	g.suspect()
	trial, err := g.enter(t.Context())
	require.NoError(t, err)
	require.True(t, trial)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = g.enter(ctx)
	require.ErrorIs(t, err, context.Canceled)
}
