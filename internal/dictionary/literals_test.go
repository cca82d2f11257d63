package dictionary

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLiteralsBecomeOctets(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ attribute, text, octets, printed string }{
		{"User-Name", "alice", "616c696365", "alice"},
		{"User-Name", " é ", "20c3a920", " é "},
		{"User-Name", "0x61", "30783631", "0x61"},
		{"User-Name", "", "", ""},
		{"NAS-Port", "5", "00000005", "5"},
		{"NAS-Port", "0x10", "00000010", "16"},
		{"NAS-Port", "0X1f", "0000001f", "31"},
		{"NAS-Port", "007", "00000007", "7"},
		{"NAS-Port", "4294967295", "ffffffff", "4294967295"},
		{"NAS-Port-Type", "Virtual", "00000005", "Virtual"},
		{"NAS-Port-Type", "vIRTUAL", "00000005", "Virtual"},
		{"NAS-Port-Type", "5", "00000005", "Virtual"},
		{"NAS-Port-Type", "4242", "00001092", "4242"},
		{"Tunnel-Medium-Type", "IP", "00000001", "IPv4"}, // aliases are equal by number
		{"Tunnel-Medium-Type", "IPv4", "00000001", "IPv4"},
		{"Service-Type", "Login", "00000001", "Login-User"}, // an old name
		{"Tunnel-Type", "16777215", "00ffffff", "16777215"},
		{"WiMAX-Accounting-Capabilities", "255", "ff", "255"},
		{"PKM-SAID", "65535", "ffff", "65535"},
		{"MIP6-Feature-Vector", "18446744073709551615", "ffffffffffffffff", "18446744073709551615"},
		{"WiMAX-GMT-Timezone-offset", "-1", "ffffffff", "-1"},
		{"WiMAX-GMT-Timezone-offset", "-2147483648", "80000000", "-2147483648"},
		{"WiMAX-GMT-Timezone-offset", "2147483647", "7fffffff", "2147483647"},
		{"Class", "0x616263", "616263", "0x616263"},
		{"Class", "0X61AB", "61ab", "0x61ab"},
		{"Class", "abc", "616263", "0x616263"},
		{"Class", "0x", "", "0x"},
		{"3GPP-MS-Time-Zone", "0x4001", "4001", "0x4001"}, // octets[2]
		{"NAS-IP-Address", "192.0.2.16", "c0000210", "192.0.2.16"},
		{"NAS-IP-Address", "10.0.0.1/32", "0a000001", "10.0.0.1"},
		{"NAS-IPv6-Address", "2001:db8::1", "20010db8000000000000000000000001", "2001:db8::1"},
		{"NAS-IPv6-Address", "2001:db8::1/128", "20010db8000000000000000000000001", "2001:db8::1"},
		{"WiMAX-DHCPv4-Server", "192.0.2.1", "c0000201", "192.0.2.1"},
		{"WiMAX-DHCPv4-Server", "2001:db8::1", "20010db8000000000000000000000001", "2001:db8::1"},
		{"PMIP6-Home-IPv4-HoA", "10.0.0.0/8", "00080a000000", "10.0.0.0/8"},
		{"PMIP6-Home-IPv4-HoA", "10.1.2.3/8", "00080a000000", "10.0.0.0/8"},
		{"PMIP6-Home-IPv4-HoA", "10.1.2.3", "00200a010203", "10.1.2.3/32"},
		{"Framed-IPv6-Prefix", "2001:db8:1::/48", "003020010db80001", "2001:db8:1::/48"},
		{"Framed-IPv6-Prefix", "2001:db8:1::5/48", "003020010db80001", "2001:db8:1::/48"},
		{"Framed-IPv6-Prefix", "::/0", "0000", "::/0"},
		{"Framed-IPv6-Prefix", "2001:db8::1", "008020010db8000000000000000000000001", "2001:db8::1/128"},
		{"Framed-Interface-Id", "0:0:0:1", "0000000000000001", "0:0:0:1"},
		{"Framed-Interface-Id", "FE80:1:2:abcd", "fe8000010002abcd", "fe80:1:2:abcd"},
		{"DHCP-Client-Hardware-Address", "00:00:5E:00:53:01", "00005e005301", "00:00:5e:00:53:01"},
		{"Event-Timestamp", "1622541600", "60b60520", "Jun  1 2021 10:00:00 UTC"},
		{"Event-Timestamp", "Jun  1 2021 10:00:00 UTC", "60b60520", "Jun  1 2021 10:00:00 UTC"},
		{"Event-Timestamp", "1 Jun 2021 10:00:00", "60b60520", "Jun  1 2021 10:00:00 UTC"},
		{"Event-Timestamp", "2021-06-01T12:00:00+02:00", "60b60520", "Jun  1 2021 10:00:00 UTC"},
		{"Event-Timestamp", "1 June 2021 10:00", "60b60520", "Jun  1 2021 10:00:00 UTC"},
		{"Event-Timestamp", "2021-06-01 10:00:00", "60b60520", "Jun  1 2021 10:00:00 UTC"},
		{"Event-Timestamp", "0", "00000000", "Jan  1 1970 00:00:00 UTC"},
		{"Event-Timestamp", "4294967295", "ffffffff", "Feb  7 2106 06:28:15 UTC"},
		{"Ascend-Data-Filter", "0x0102", "0102", "0x0102"},
		{"WiMAX-Capability", "0x010331", "010331", "0x010331"}, // a container
		{"Attr-26.9.240", "0x01", "01", "0x01"},
	} {
		a := lookup(t, test.attribute)
		value, err := a.ParseValue(test.text)
		require.NoError(t, err, "%s %q", test.attribute, test.text)
		require.Equal(t, test.octets, hex.EncodeToString(value), "%s %q", test.attribute, test.text)
		require.Equal(t, test.printed, a.PrintValue(value), "%s %q", test.attribute, test.text)
	}
}

func TestOtherLiteralsAreRefused(t *testing.T) {
	t.Parallel()
	for attribute, texts := range map[string][]string{
		"User-Name":              {strings.Repeat("a", 254)},
		"User-Password":          {strings.Repeat("a", 129)},
		"Cisco-AVPair":           {strings.Repeat("a", 248)},
		"Tunnel-Client-Endpoint": {strings.Repeat("a", 253)},
		"Tunnel-Password":        {strings.Repeat("a", 240)},
		"NAS-Port": {
			"", "-1", "4294967296", "5 ", " 5", "+5", "1e3", "5.0", "0x", "0xg", "0x100000000", "1_000", "０",
			"port",
		},
		"NAS-Port-Type":                 {"", "Virtua", "Virtual ", "-1"},
		"Tunnel-Type":                   {"16777216", "0x1000000"}, // the tag has the first octet
		"WiMAX-Accounting-Capabilities": {"256", "-1", ""},
		"PKM-SAID":                      {"65536"},
		"MIP6-Feature-Vector":           {"18446744073709551616", "-1"},
		"WiMAX-GMT-Timezone-offset":     {"2147483648", "-2147483649", "--1", "-", "- 1", "-0x1"},
		"Class":                         {"0x1", "0x6g", "0x" + strings.Repeat("61", 254), strings.Repeat("a", 254)},
		"3GPP-MS-Time-Zone":             {"0x40", "0x400101", "a"},
		"NAS-IP-Address": {
			"", "10.0.0.0/8", "10.0.0.1/33", "10.0.0.1/032", "10.0.0", "localhost", "1", "::1", "10.0.0.1 ",
			"010.0.0.1",
		},
		"NAS-IPv6-Address":             {"", "2001:db8::/32", "192.0.2.1", "fe80::1%eth0", "example.com"},
		"WiMAX-DHCPv4-Server":          {"", "10.0.0.0/8", "2001:db8::/32", "host"},
		"PMIP6-Home-IPv4-HoA":          {"", "10.0.0.0/33", "2001:db8::/32", "::1", "10.0.0.0/", "host"},
		"Framed-IPv6-Prefix":           {"", "10.0.0.0/8", "2001:db8::/129", "fe80::1%eth0", "host"},
		"Framed-Interface-Id":          {"", "0:0:0", "0:0:0:0:0", "10000:0:0:0", "::1", "g:0:0:0", "0:0:0:"},
		"DHCP-Client-Hardware-Address": {"", "00:00:5e:00:53", "00:00:5e:00:53:01:02:03", "x"},
		"Event-Timestamp": {
			"", "-1", "4294967296", "Jun 31 2021", "1 Jun 2021 10:00:00 CET", "yesterday", "1969-12-31T23:59:59Z",
			"2106-02-07T06:28:16Z",
		},
		"Ascend-Data-Filter": {"ip in forward"},
		"WiMAX-Capability":   {"abc"},
	} {
		a := lookup(t, attribute)
		for _, text := range texts {
			_, err := a.ParseValue(text)
			var valueError *ValueError
			require.True(t, errors.As(err, &valueError), "%s %q: %v", attribute, text, err)
			require.Equal(t, attribute, valueError.Attribute)
		}
	}
}

func TestARefusalSaysWhatIsAccepted(t *testing.T) {
	t.Parallel()
	for attribute, want := range map[string]string{
		"NAS-Port":                  "NAS-Port takes a number from 0 to 4294967295, decimal or 0x hexadecimal",
		"Prompt":                    "Prompt takes a number from 0 to 4294967295, decimal or 0x hexadecimal, or one of the names No-Echo, Echo",
		"WiMAX-GMT-Timezone-offset": "WiMAX-GMT-Timezone-offset takes a number from -2147483648 to 2147483647, or 0x hexadecimal",
		"NAS-IP-Address":            "NAS-IP-Address takes an IPv4 address, as 192.0.2.1",
		"Framed-IPv6-Prefix":        "Framed-IPv6-Prefix takes an IPv6 network, as 2001:db8::/32",
		"3GPP-MS-Time-Zone":         "3GPP-MS-Time-Zone takes 2 octets, as 0x and 4 hexadecimal digits",
		"User-Password":             "User-Password takes text of at most 128 octets",
		"Ascend-Data-Filter":        "Ascend-Data-Filter takes at most 247 octets, as 0x and two hexadecimal digits for each",
	} {
		_, err := lookup(t, attribute).ParseValue("0xno" + strings.Repeat("secret", 50))
		require.EqualError(t, err, want)
	}
	_, err := lookup(t, "NAS-Port-Type").ParseValue("none")
	require.ErrorContains(t, err, "or a name such as Async, Sync, ")
	for name := range Standard().names {
		require.NotEmpty(t, lookup(t, name).accepts())
	}
}

func TestValuesOfAWrongSizeArePrintedAsOctets(t *testing.T) {
	t.Parallel()
	for _, attribute := range []string{
		"NAS-Port", "NAS-IP-Address", "NAS-IPv6-Address", "WiMAX-DHCPv4-Server", "PMIP6-Home-IPv4-HoA",
		"Framed-IPv6-Prefix", "Framed-Interface-Id", "DHCP-Client-Hardware-Address", "Event-Timestamp",
		"WiMAX-GMT-Timezone-offset",
	} {
		a := lookup(t, attribute)
		require.Equal(t, "0x01", a.PrintValue([]byte{1}), attribute)
		require.Equal(t, "0x", a.PrintValue(nil), attribute)
		_, ok := a.Number64([]byte{1})
		require.False(t, ok, attribute)
	}
}

func TestNumbersAreForComparisons(t *testing.T) {
	t.Parallel()
	for attribute, want := range map[string]uint64{"NAS-Port": 0xfffffffe, "Event-Timestamp": 0xfffffffe, "Tunnel-Type": 0xfffffffe} {
		number, ok := lookup(t, attribute).Number64([]byte{0xff, 0xff, 0xff, 0xfe})
		require.True(t, ok, attribute)
		require.Equal(t, want, number, attribute)
		_, ok = lookup(t, attribute).SignedNumber([]byte{0xff, 0xff, 0xff, 0xfe})
		require.False(t, ok, attribute)
	}
	number, ok := lookup(t, "WiMAX-Accounting-Capabilities").Number64([]byte{7})
	require.True(t, ok)
	require.Equal(t, uint64(7), number)

	offset := lookup(t, "WiMAX-GMT-Timezone-offset")
	_, ok = offset.Number64([]byte{0xff, 0xff, 0xff, 0xfe})
	require.False(t, ok, "it would compare as a large number")
	signed, ok := offset.SignedNumber([]byte{0xff, 0xff, 0xff, 0xfe})
	require.True(t, ok)
	require.Equal(t, int64(-2), signed)

	for _, attribute := range []string{"User-Name", "NAS-IP-Address", "Class"} {
		_, ok = lookup(t, attribute).Number64([]byte{1, 2, 3, 4})
		require.False(t, ok, attribute)
	}
}
