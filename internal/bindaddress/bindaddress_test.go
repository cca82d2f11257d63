package bindaddress

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

var remote = netip.MustParseAddr("127.0.0.1")

func TestTextIsAnAddressOrAnInterface(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"192.0.2.1", "2001:db8::1", "fe80::1%eth0", "eth0", "wg-office.1"} {
		require.NoError(t, Check(text), text)
	}
	for _, text := range []string{
		"", "192.0.2.300", "eth 0", "a-name-that-is-too-long", "192.0.2.1:1812", "192.0.2.0/24",
		"label:", "label:a b", "label:../x",
	} {
		require.Error(t, Check(text), "%q", text)
	}
}

func TestLabelStandsForWhatThisProcessKnows(t *testing.T) {
	t.Setenv("RADIUS_BIND_DMZ_EAST", "127.0.0.3")
	t.Setenv("RADIUS_BIND_WRONG", "192.0.2.300")
	for _, text := range []string{"label:dmz-east", "fudo:label:dmz-east", "label:DMZ_EAST"} {
		require.NoError(t, Check(text))
		address, err := Choose(text, remote)
		require.NoError(t, err)
		require.Equal(t, "127.0.0.3", address.String())
	}
	require.ErrorContains(t, Check("label:dmz-west"), "RADIUS_BIND_DMZ_WEST")
	_, err := Choose("label:dmz-west", remote)
	require.ErrorContains(t, err, "RADIUS_BIND_DMZ_WEST")
	require.ErrorContains(t, Check("label:wrong"), "RADIUS_BIND_WRONG=192.0.2.300")
}

func TestInterfaceStandsForItsAddress(t *testing.T) {
	t.Parallel()
	devices, err := net.Interfaces()
	require.NoError(t, err)
	for _, device := range devices {
		if device.Flags&net.FlagLoopback != 0 {
			address, err := Choose(device.Name, remote)
			require.NoError(t, err)
			require.Equal(t, remote, address)
		}
	}
	_, err = Choose("nosuch0", remote)
	require.ErrorContains(t, err, "nosuch0")
}

func TestAddressOfAnotherIPVersionIsRefused(t *testing.T) {
	t.Parallel()
	_, err := Choose("::1", remote)
	require.ErrorContains(t, err, "same IP version")
	address, err := Choose("::ffff:127.0.0.3", remote)
	require.NoError(t, err)
	require.Equal(t, "127.0.0.3", address.String())
	address, err = Choose("", remote)
	require.NoError(t, err)
	require.False(t, address.IsValid(), "the system chooses")
}
