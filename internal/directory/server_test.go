package directory

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/directorytest"
)

func TestDeadServerCostsNothingOnceKnown(t *testing.T) {
	t.Parallel()
	gone := scripted(t, knowsAlice)
	gone.Close()
	s := scripted(t, knowsAlice)
	var changes []Change
	client := newClient(t, func(c *Config) { c.Changed = func(change Change) { changes = append(changes, change) } }, gone.Port(), s.Port())
	for range 3 {
		verdict, err := client.Authenticate(t.Context(), alice)
		require.NoError(t, err)
		require.True(t, verdict.Accepted)
	}
	stats := client.Stats()
	require.Equal(t, Dead, stats[0].State)
	require.EqualValues(t, 1, stats[0].Unavailable, "it was asked once")
	require.EqualValues(t, 3, stats[1].Accepted)
	require.Len(t, changes, 1)
	require.ErrorContains(t, changes[0].Err, "nothing listens")
}

func TestDirectoryThatComesBackIsUsedAtOnceIfThereIsNoOther(t *testing.T) {
	t.Parallel()
	s := scripted(t, knowsAlice)
	client := newClient(t, nil, s.Port())
	_, err := client.Authenticate(t.Context(), alice)
	require.NoError(t, err)
	s.Close()
	_, err = client.Authenticate(t.Context(), alice)
	var unavailable *UnavailableError
	require.ErrorAs(t, err, &unavailable)
	require.Equal(t, Dead, client.Stats()[0].State)
	again, err := directorytest.StartScripted(fmt.Sprintf("127.0.0.1:%d", s.Port()), knowsAlice)
	require.NoError(t, err)
	t.Cleanup(again.Close)
	verdict, err := client.Authenticate(t.Context(), alice)
	require.NoError(t, err)
	require.True(t, verdict.Accepted)
	require.Equal(t, Alive, client.Stats()[0].State)
}

// silent is a connection to a server that takes everything and says nothing.
func silent(context.Context, string) (net.Conn, error) {
	here, there := net.Pipe()
	go func() {
		defer func() { _ = there.Close() }()
		octets := make([]byte, 1024)
		for {
			if _, err := there.Read(octets); err != nil {
				return
			}
		}
	}()
	return here, nil
}

func TestSilentDirectoryIsGivenUpInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := newClient(t, func(c *Config) { c.Dial = silent }, 389)
		began := time.Now()
		_, err := client.Authenticate(t.Context(), alice)
		var unavailable *UnavailableError
		require.ErrorAs(t, err, &unavailable)
		require.ErrorContains(t, err, "did not answer in time")
		require.Equal(t, 10*time.Second, time.Since(began))
	})
}

func TestDeadServerIsTriedAgainInTheBackground(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var answers atomic.Bool
		changes := make(chan State, 10)
		client := newClient(t, func(c *Config) {
			c.Dial = func(ctx context.Context, address string) (net.Conn, error) {
				if !answers.Load() {
					return nil, errors.New("connection refused")
				}
				here, there := net.Pipe()
				go answerRoot(there)
				return here, nil
			}
			c.Changed = func(change Change) { changes <- change.To }
		}, 389)
		_, err := client.Authenticate(t.Context(), alice)
		require.Error(t, err)
		time.Sleep(12 * time.Second)
		require.Equal(t, Dead, client.Stats()[0].State)
		answers.Store(true)
		time.Sleep(probeInterval)
		synctest.Wait()
		require.Equal(t, Alive, client.Stats()[0].State)
		require.Equal(t, []State{Dead, Alive}, []State{<-changes, <-changes})
		require.Empty(t, changes)
	})
}
