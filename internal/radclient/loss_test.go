package radclient

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/radiustest"
)

// crowd logs users in, so many of them at a time, and returns how many were accepted.
func crowd(t *testing.T, client *Client, users, parallel int) int {
	t.Helper()
	turns, accepted := make(chan struct{}, parallel), make(chan bool, users)
	var running sync.WaitGroup
	for i := range users {
		turns <- struct{}{}
		running.Go(func() {
			defer func() { <-turns }()
			verdict, err := client.Authenticate(t.Context(), Credentials{Username: fmt.Sprintf("user-%d", i), Password: "p"})
			accepted <- err == nil && verdict.Outcome == Accept
		})
	}
	running.Wait()
	close(accepted)
	count := 0
	for ok := range accepted {
		if ok {
			count++
		}
	}
	return count
}

func TestNoLoginIsLostWhenATenthOfThePacketsIs(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		server := start(t, radiustest.Options{
			Network: network,
			Address: firstAddress.String(),
			Handler: accept,
			Loss:    radiustest.Loss{Rate: 0.1, Seed: 1},
		})
		client := newPairClient(t, network, func(c *Config) { c.Servers = c.Servers[:1] })
		require.Equal(t, 200, crowd(t, client, 200, 32))
		require.Greater(t, len(server.Requests()), 200, "some packets must have been lost and sent again")
	})
}

func TestHardlyALoginIsLostWhenAFifthOfThePacketsIs(t *testing.T) {
	options := radiustest.NetworkOptions{RequestLoss: 0.2, AnswerLoss: 0.2, Seed: 1}
	inVirtualTime(t, options, func(t *testing.T, network *radiustest.Network) {
		startAt(t, network, firstAddress, accept)
		client := newPairClient(t, network, func(c *Config) { c.Servers = c.Servers[:1] })
		require.GreaterOrEqual(t, crowd(t, client, 1000, 32), 995)
		require.Greater(t, client.Stats()[0].Retransmitted, uint64(500), "a third of the packets must have been sent in vain")
	})
}

func TestNothingIsSentTwiceWhenNothingIsLost(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		startAt(t, network, firstAddress, accept)
		client := newPairClient(t, network, nil)
		require.Equal(t, 1000, crowd(t, client, 1000, 32))
		require.EqualValues(t, 1000, client.Stats()[0].Sent)
	})
}
