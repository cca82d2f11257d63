package radclient

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/radiustest"
)

// abandon logs in and gives up after 50 ms.
func abandon(t *testing.T, client *Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := client.Authenticate(ctx, bob)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestAbandonedLoginsDoNotKeepASilentServerOutForLonger(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		startAt(t, network, firstAddress, slowly(200*time.Millisecond))
		startAt(t, network, secondAddress, slowly(200*time.Millisecond))
		client := newPairClient(t, network, nil)
		network.Blackhole(firstAddress, true)
		rareLogins(t, client, 75*time.Second, 30*time.Minute)
		network.Blackhole(firstAddress, false)

		returned := time.Now()
		for server := ""; server != firstAddress.String(); {
			time.Sleep(time.Second)
			abandon(t, client) // it has the trial more often than not
			verdict, err := client.Authenticate(t.Context(), bob)
			require.NoError(t, err)
			require.Less(t, time.Since(returned), 11*time.Minute)
			server = verdict.Server
		}
	})
}

func TestServerThatAnswersIsNotSilentForImpatientClients(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answers time.Duration
		state   State
	}{
		"answers in a second":                {time.Second, Alive},
		"answers later than the window ends": {7 * time.Second, Zombie},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
				startAt(t, network, firstAddress, slowly(test.answers))
				client := newClientAt(t, network, func(c *Config) { c.ResponseWindow = 5 * time.Second })
				for range 8 * 25 { // for 8 s, and a login always waits
					go abandon(t, client)
					time.Sleep(40 * time.Millisecond)
				}
				time.Sleep(time.Second)
				require.Equal(t, test.state, onlyEndpoint(t, client).state())
			})
		})
	}
}

func TestWrongPacketDoesNotChangeAResultThatIsFinal(t *testing.T) {
	t.Parallel()
	room := newWaitingRoom(newIdentifiers(0, 0))
	x := &exchange{}
	require.True(t, room.enter(x, time.Now()))
	room.drop(x, DropUnsigned)
	require.Equal(t, 1, x.drops[DropUnsigned])
	room.leave(x, nil, errSilence)
	room.drop(x, DropUnsigned)
	require.Equal(t, 1, x.drops[DropUnsigned])
}
