package fairshare

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAddressesShareAsTheirOwnersDo(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"192.0.2.1":                 "192.0.2.1",
		"192.0.2.1:49152":           "192.0.2.1",
		"::ffff:192.0.2.1":          "192.0.2.1",
		"[::ffff:192.0.2.1]:49152":  "192.0.2.1",
		"2001:db8:1:2:3:4:5:6":      "2001:db8:1:2::/64",
		"2001:DB8:1:2::9":           "2001:db8:1:2::/64",
		"[2001:db8:1:2::9]:49152":   "2001:db8:1:2::/64",
		"2001:db8:1:3::9":           "2001:db8:1:3::/64",
		"fe80::1%eth0":              "fe80::/64",
		"[fe80::2%eth1]:49152":      "fe80::/64",
		"":                          "",
		"load-balancer.example.com": "load-balancer.example.com",
		"192.0.2.1:99999":           "192.0.2.1:99999",
	} {
		require.Equal(t, Share{Address: want, Name: "alice"}, NewShare(text, "alice"), text)
	}
}
