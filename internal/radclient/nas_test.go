package radclient

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc3162"

	"vault-plugin-auth-radius/internal/radiustest"
)

func TestRequestNamesTheNASAsConfigured(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		server := startAt(t, network, firstAddress, accept)
		const virtual = rfc2865.NASPortType_Value_Virtual
		tests := map[string]struct {
			nas  NAS
			want map[radius.Type]string // the octets of the value
			not  []radius.Type
		}{
			"nothing": {
				nas: NAS{Port: 10, PortType: virtual},
				want: map[radius.Type]string{
					rfc2865.NASIdentifier_Type: "vault",
					rfc2865.NASPort_Type:       "\x00\x00\x00\x0a",
					rfc2865.NASPortType_Type:   "\x00\x00\x00\x05",
				},
				not: []radius.Type{rfc2865.NASIPAddress_Type, rfc3162.NASIPv6Address_Type},
			},
			"identifier": {
				nas:  NAS{Identifier: "gate"},
				want: map[radius.Type]string{rfc2865.NASIdentifier_Type: "gate"},
			},
			"IPv4 address": {
				nas:  NAS{Address: netip.MustParseAddr("192.0.2.16")},
				want: map[radius.Type]string{rfc2865.NASIPAddress_Type: "\xc0\x00\x02\x10"},
				not:  []radius.Type{rfc2865.NASIdentifier_Type, rfc3162.NASIPv6Address_Type},
			},
			"IPv6 address and identifier": {
				nas: NAS{Identifier: "gate", Address: netip.MustParseAddr("2001:db8::1")},
				want: map[radius.Type]string{
					rfc2865.NASIdentifier_Type:  "gate",
					rfc3162.NASIPv6Address_Type: "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01",
				},
				not: []radius.Type{rfc2865.NASIPAddress_Type},
			},
		}
		for name, test := range tests {
			_, err := newClientAt(t, network, func(c *Config) { c.NAS = test.nas }).Authenticate(t.Context(), bob)
			require.NoError(t, err)
			requests := server.Requests()
			sent := requests[len(requests)-1].Packet
			for attribute, want := range test.want {
				require.Equal(t, want, string(sent.Get(attribute)), "%s: attribute %d", name, attribute)
			}
			for _, attribute := range append(test.not, rfc2865.CallingStationID_Type) {
				require.Nil(t, sent.Get(attribute), "%s: attribute %d", name, attribute)
			}
		}
	})
}

func TestClientAddressIsTheCallingStationID(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		server := startAt(t, network, firstAddress, accept)
		credentials := bob
		credentials.ClientAddress = "2001:db8::7"
		_, err := newClientAt(t, network, nil).Authenticate(t.Context(), credentials)
		require.NoError(t, err)
		require.Equal(t, "2001:db8::7", string(server.Requests()[0].Packet.Get(rfc2865.CallingStationID_Type)))
	})
}

func TestNASPortTypeIsReadAsNameOrNumber(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]rfc2865.NASPortType{
		"Virtual": 5, "virtual": 5, "Wireless-802.11": 19, "0": 0, "4294967295": 4294967295,
	} {
		portType, err := ParseNASPortType(text)
		require.NoError(t, err)
		require.Equal(t, want, portType, text)
	}
	for _, text := range []string{"", "Virtua", "-1", "4294967296", "5 "} {
		_, err := ParseNASPortType(text)
		require.Error(t, err, "%q", text)
	}
}
