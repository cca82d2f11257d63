package daemontest

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPortIsGivenToOneTestAtATime(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	first, err := FreePorts(ctx, 2)
	require.NoError(t, err)
	for _, port := range []int{first, first + 1} {
		require.True(t, unused(netip.AddrPortFrom(loopback, uint16(port))))
		require.False(t, claimPorts(t.Context(), port, 1), "it is taken")
	}
	require.False(t, claimPorts(t.Context(), first-1, 2), "one of the two is taken")
	cancel()
	claimed := func() bool { return claimPorts(t.Context(), first, 1) }
	require.Eventually(t, claimed, time.Minute, time.Millisecond, "the test that had it has ended")
}

func TestPortThatAnotherProgramHasIsNotGiven(t *testing.T) {
	t.Parallel()
	for network, listen := range map[string]func(address string) (close func() error, err error){
		"tcp": func(address string) (func() error, error) {
			listener, err := net.Listen("tcp4", address)
			if err != nil {
				return nil, err
			}
			return listener.Close, nil
		},
		"udp": func(address string) (func() error, error) {
			conn, err := net.ListenPacket("udp4", address)
			if err != nil {
				return nil, err
			}
			return conn.Close, nil
		},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		port, err := FreePort(ctx)
		require.NoError(t, err)
		address := netip.AddrPortFrom(loopback, uint16(port))
		closeIt, err := listen(address.String())
		require.NoError(t, err)
		require.False(t, unused(address), network)
		require.NoError(t, closeIt())
		require.True(t, unused(address), network)
		cancel()
	}
}

func TestAddressesAreDifferent(t *testing.T) {
	t.Parallel()
	addresses := map[netip.Addr]bool{}
	for range 50 {
		address, err := FreeAddress(t.Context())
		require.NoError(t, err)
		require.True(t, address.IsLoopback())
		addresses[address] = true
	}
	require.Len(t, addresses, 50)
}
