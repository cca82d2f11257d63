package directory

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/directorytest"
)

func TestConnectionsAreUsedAgainAndReplacedWhenBroken(t *testing.T) {
	t.Parallel()
	s := scripted(t, knowsAlice)
	client := newClient(t, nil, s.Port())
	for range 5 {
		verdict, err := client.Authenticate(t.Context(), alice)
		require.NoError(t, err)
		require.True(t, verdict.Accepted)
	}
	made, open := s.Connections()
	require.Equal(t, []int{1, 1}, []int{made, open})
	s.CloseConnections()
	verdict, err := client.Authenticate(t.Context(), alice)
	require.NoError(t, err)
	require.True(t, verdict.Accepted)
	require.Equal(t, Alive, client.Stats()[0].State)
}

func TestNoLoginInheritsAConnectionsUser(t *testing.T) {
	t.Parallel()
	s := scripted(t, knowsAlice)
	client := newClient(t, nil, s.Port())
	var logins sync.WaitGroup
	for range 50 {
		logins.Go(func() {
			verdict, err := client.Authenticate(t.Context(), alice)
			if err != nil || !verdict.Accepted {
				t.Error(err)
			}
		})
		logins.Go(func() {
			verdict, err := client.Authenticate(t.Context(), Credentials{Username: "alice", Password: "wrong"})
			if err != nil || verdict.Accepted {
				t.Error("a wrong password was taken")
			}
		})
	}
	logins.Wait()
}

func TestLoginsThatAreUnderWayOutliveClose(t *testing.T) {
	t.Parallel()
	bound, goOn := make(chan struct{}), make(chan struct{})
	s := scripted(t, func(r directorytest.Request) directorytest.Answer {
		if r.Bind {
			close(bound)
			<-goOn
		}
		return knowsAlice(r)
	})
	client := newClient(t, nil, s.Port())
	done := make(chan error, 1)
	go func() {
		verdict, err := client.Authenticate(t.Context(), alice)
		if err == nil && !verdict.Accepted {
			err = errors.New(verdict.Reason)
		}
		done <- err
	}()
	<-bound
	client.Close()
	close(goOn)
	require.NoError(t, <-done)
	closed := func() bool { _, open := s.Connections(); return open == 0 }
	require.Eventually(t, closed, time.Minute, time.Millisecond, "its connection is not kept")
}
