package gate

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// isClosed reports whether a channel is closed.
func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestGateIsEmptyWhenAllWhoWereLetInHaveLeft(t *testing.T) {
	g := New()
	require.True(t, g.Enter())
	require.True(t, g.Enter())
	g.Leave()
	empty := g.Shut()
	require.False(t, isClosed(empty))
	require.False(t, g.Enter(), "nothing enters when it is shut")
	require.False(t, isClosed(g.Shut()), "shut once more")
	g.Leave()
	require.True(t, isClosed(empty))
	require.True(t, isClosed(g.Shut()))
	require.False(t, g.Enter(), "nor when it is empty")
}

func TestGateWithNothingInsideIsEmptyAtOnce(t *testing.T) {
	g := New()
	require.True(t, g.Enter())
	g.Leave()
	require.True(t, isClosed(g.Shut()))
	require.True(t, isClosed(g.Shut()))
}
