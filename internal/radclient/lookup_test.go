package radclient

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/radiustest"
)

func TestNameIsLookedUpAgain(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		startAt(t, network, firstAddress, accept)
		startAt(t, network, secondAddress, accept)
		lookups, stands := 0, firstAddress.Addr()
		client := newPairClient(t, network, func(c *Config) {
			c.Servers = c.Servers[:1]
			c.Servers[0].Host = "radius.example.com"
			c.Lookup = func(_ context.Context, host string) ([]netip.Addr, error) {
				require.Equal(t, "radius.example.com", host)
				lookups++
				if !stands.IsValid() {
					return nil, errors.New("no name server answers")
				}
				return []netip.Addr{stands}, nil
			}
		})
		answeredBy := func() string {
			verdict, err := client.Authenticate(t.Context(), bob)
			require.NoError(t, err)
			return verdict.Server
		}
		require.Equal(t, firstAddress.String(), answeredBy())
		stands = secondAddress.Addr()
		require.Equal(t, firstAddress.String(), answeredBy())
		require.Equal(t, 1, lookups, "not at every login")
		time.Sleep(lookupLife)
		require.Equal(t, secondAddress.String(), answeredBy())
		stands = netip.Addr{}
		time.Sleep(lookupLife)
		require.Equal(t, secondAddress.String(), answeredBy(), "the old address may do")
		require.Equal(t, 3, lookups)

		stands = firstAddress.Addr()
		network.Blackhole(secondAddress, true)
		_, err := client.Authenticate(t.Context(), bob)
		require.Error(t, err)
		require.Equal(t, firstAddress.String(), answeredBy(), "after silence")
	})
}

func TestNameThatCannotBeLookedUpCostsTheOthersNothingOnceKnown(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		startAt(t, network, secondAddress, accept)
		client := newPairClient(t, network, func(c *Config) {
			c.Servers[0].Host = "radius.example.com"
			c.Lookup = func(ctx context.Context, _ string) ([]netip.Addr, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}
		})
		for i, login := range traffic(t, client, 1, 20*time.Second) {
			require.NoError(t, login.err)
			if i > 3 {
				require.Equal(t, time.Millisecond, login.took)
			}
		}
	})
}

func TestAddressThatANameHasTwiceIsOne(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		startAt(t, network, firstAddress, accept)
		client := newPairClient(t, network, func(c *Config) {
			c.Servers = c.Servers[:1]
			c.Servers[0].Host = "radius.example.com"
			c.Lookup = func(context.Context, string) ([]netip.Addr, error) {
				return []netip.Addr{firstAddress.Addr(), netip.AddrFrom16(firstAddress.Addr().As16())}, nil
			}
		})
		_, err := client.Authenticate(t.Context(), bob)
		require.NoError(t, err)
		require.Len(t, client.Stats()[0].Addresses, 1)
	})
}
