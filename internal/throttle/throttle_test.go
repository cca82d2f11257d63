package throttle

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// clock is a clock that stands still.
type clock struct{ now time.Time }

func (c *clock) read() time.Time { return c.now }

func newThrottle() (*Throttle, *clock) {
	c := &clock{now: time.Unix(0, 0)}
	return New(time.Minute, c.read), c
}

func TestOneEventInAMinutePassesWithTheCountOfAll(t *testing.T) {
	t.Parallel()
	throttle, clock := newThrottle()
	pass := func() int {
		count, passes := throttle.Pass("a")
		require.Equal(t, passes, count > 0)
		return count
	}
	require.Equal(t, 1, pass(), "the first is told at once")
	for range 99 {
		require.Zero(t, pass())
	}
	clock.now = clock.now.Add(time.Minute - 1)
	require.Zero(t, pass())
	clock.now = clock.now.Add(1)
	require.Equal(t, 101, pass())
	require.Zero(t, pass())
	clock.now = clock.now.Add(time.Hour)
	require.Equal(t, 2, pass())
}

func TestKeysAreCountedApart(t *testing.T) {
	t.Parallel()
	throttle, _ := newThrottle()
	for _, key := range []string{"a", "b"} {
		_, passes := throttle.Pass(key)
		require.True(t, passes, key)
	}
	_, passes := throttle.Pass("a")
	require.False(t, passes)
}

func TestKeysAreBounded(t *testing.T) {
	t.Parallel()
	throttle, clock := newThrottle()
	passed := 0
	for i := range 10 * maxKeys {
		if _, passes := throttle.Pass(fmt.Sprint(i)); passes {
			passed++
		}
	}
	require.Equal(t, maxKeys, passed, "the others are one")
	require.Len(t, throttle.keys, maxKeys)

	clock.now = clock.now.Add(time.Minute)
	count, passes := throttle.Pass("0")
	require.True(t, passes)
	require.Equal(t, 1, count)
	_, passes = throttle.Pass("new")
	require.True(t, passes)
	require.LessOrEqual(t, len(throttle.keys), 2, "the old ones are forgotten")
}
