package dictionary

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
)

// vectorKeys are those of the vectors with hidden values.
var vectorKeys = Keys{Secret: []byte("testing123"), RequestAuthenticator: [16]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}}

// parseWire reads attributes that are written as hexadecimal digits.
func parseWire(t testing.TB, digits string) radius.Attributes {
	t.Helper()
	octets, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
	require.NoError(t, err)
	attributes, err := radius.ParseAttributes(octets)
	require.NoError(t, err)
	return attributes
}

// wire writes attributes as hexadecimal digits, with a space between them.
func wire(attributes radius.Attributes) string {
	var all []string
	for _, attribute := range attributes {
		octets := append(
			[]byte{byte(attribute.Type), byte(2 + len(attribute.Attribute))}, attribute.Attribute...,
		) // #nosec G115 -- a test would show it
		all = append(all, hex.EncodeToString(octets))
	}
	return strings.Join(all, " ")
}

// item reads "Name = value" and "Name:tag = value".
func item(t testing.TB, d *Dictionary, text string) Item {
	t.Helper()
	name, literal, _ := strings.Cut(text, " = ")
	name, tag, tagged := strings.Cut(name, ":")
	a, found := d.Lookup(name)
	require.True(t, found, name)
	value, err := a.ParseValue(literal)
	require.NoError(t, err)
	made := Item{Attribute: a, Value: value}
	if tagged {
		number, ok := parseNumber(tag, 255)
		require.True(t, ok)
		made.Tag = byte(number) // #nosec G115 -- parseNumber has checked the range
	}
	return made
}

// texts are items as item reads them.
func texts(items []Item) []string {
	var all []string
	for _, item := range items {
		name := item.Attribute.Name
		if item.Tag != 0 {
			name += ":" + hex.EncodeToString([]byte{item.Tag})
		}
		all = append(all, name+" = "+item.Attribute.PrintValue(item.Value))
	}
	return all
}

// The octets are those of the RFCs in the names of the cases.
func TestItemsHaveTheOctetsOfTheVectors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ items, wire string }{
		"RFC 2865: text":                {"User-Name = alice", "0107616c696365"},
		"RFC 2865: integer":             {"NAS-Port-Type = Virtual", "3d0600000005"},
		"RFC 2865: address":             {"NAS-IP-Address = 192.0.2.16", "0406c0000210"},
		"RFC 2869: date":                {"Event-Timestamp = 1700000000", "37066553f100"},
		"RFC 3162: IPv6 address":        {"NAS-IPv6-Address = 2001:db8::1", "5f1220010db8000000000000000000000001"},
		"RFC 3162: IPv6 network":        {"Framed-IPv6-Prefix = 2001:db8:1::/48", "610a003020010db80001"},
		"RFC 2868: integer with tag":    {"Tunnel-Type:1 = VLAN", "40060100000d"},
		"RFC 2868: integer without tag": {"Tunnel-Type = VLAN", "40060000000d"},
		"RFC 2868: text without tag":    {"Tunnel-Private-Group-Id = 100", "5105313030"},
		"RFC 2868: text with tag":       {"Tunnel-Private-Group-Id:1 = 100", "510601313030"},
		"RFC 2865: vendor":              {"Cisco-AVPair = shell:priv-lvl=15", "1a190000000901137368656c6c3a707269762d6c766c3d3135"},
		"RFC 6929: extended":            {"Frag-Status = 1", "f10701 00000001"},
		"RFC 6929: long extended":       {"Attr-245.1 = bob", "f5070100626f62"},
		"RFC 6929: extended vendor":     {"FreeRADIUS-802.1X-EAPoL-Key-Msg = 0xff", "f50a1a0000002c5002ff"},
		"RFC 6930: TLV": {
			"IPv6-6rd-IPv4MaskLen = 8;IPv6-6rd-BR-IPv4-Address = 192.0.2.1", "ad0e 010600000008 0306c0000201",
		},
		"WiMAX: TLV, octet of continuation": {
			"WiMAX-Release = 1.2;WiMAX-Accounting-Capabilities = 1", "1a11 000060b5 010b00 0105312e32 020301",
		},
		"WiMAX: TLV in TLV":                     {"WiMAX-Classifer-Protocol = 6", "1a11 000060b5 1c0b00 0b08 0306 00000006"},
		"USR: number of four octets, no length": {"USR-Event-Id = 7", "1a0e 000001ad 0000bfbe 00000007"},
		"Lucent: number of two octets":          {"Lucent-Max-Shared-Users = 7", "1a0d 000012ee 000207 00000007"},
		"Starent: two octets each":              {"SN-VPN-ID = 7", "1a0e 00001fe4 0001 0008 00000007"},
		"unknown, IETF":                         {"Attr-21 = 0x01", "150301"},
		"unknown, vendor":                       {"Attr-26.9.240 = 0x01", "1a09 00000009 f00301"},
		"two items stay two":                    {"Class = 0x61;Class = 0x62", "190361 190362"},
	} {
		var items []Item
		for text := range strings.SplitSeq(test.items, ";") {
			items = append(items, item(t, Standard(), text))
		}
		attributes, err := Standard().Encode(items, Keys{})
		require.NoError(t, err, name)
		require.Equal(t, strings.ReplaceAll(test.wire, " ", ""), strings.ReplaceAll(wire(attributes), " ", ""), name)
		require.Equal(t, items, Standard().Decode(attributes, Keys{}), name)
	}
}
