package dictionary

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
)

func TestAWrongSizeDropsOnlyThatAttribute(t *testing.T) {
	t.Parallel()
	for name, malformed := range map[string]string{
		"integer of three octets":   "3d05000005",
		"integer of five octets":    "3d070000000005",
		"address of three octets":   "0405c00002",
		"date of eight octets":      "370a0000000000000000",
		"IPv6 address of four":      "5f06c0000201",
		"network without length":    "610300",
		"network shorter than said": "6109003020010db800",
		"network of 129 bits":       "6116008120010db8000000000000000000000001ffff",
		"interface id of four":      "600600000001",
		"empty text":                "0102",
		"tagged integer of three":   "4005010000",
		"vendor's integer of three": "1a0d 00001fe4 0001 0007 010203",
	} {
		attributes := parseWire(t, "0107616c696365"+malformed+"20077661756c74")
		require.Equal(t, []string{"User-Name = alice", "NAS-Identifier = vault"}, texts(Standard().Decode(attributes, Keys{})), name)
	}
}

func TestMalformedContainersAreKeptWhole(t *testing.T) {
	t.Parallel()
	for malformed, want := range map[string]string{
		"1a05 000000":                 "Vendor-Specific = 0x000000",
		"1a06 00000009":               "Vendor-Specific = 0x00000009",
		"1a08 00000009 0104":          "Vendor-Specific = 0x000000090104", // longer than the attribute
		"1a08 00000009 0101":          "Vendor-Specific = 0x000000090101", // shorter than its header
		"1a0c 00000009 0103ff 020400": "Vendor-Specific = 0x000000090103ff020400",
		"1a09 000001ad 0000bf":        "Vendor-Specific = 0x000001ad0000bf", // USR's numbers have four octets
		"1a09 00000000 010361":        "Vendor-Specific = 0x00000000010361", // 0 is not a vendor
		"f103 01":                     "Extended-Attribute-1 = 0x01",        // no value
		"f504 0100":                   "Extended-Attribute-5 = 0x0100",      // no value
		"f508 1a00 00002c50":          "Extended-Vendor-Specific-5 = 0x00002c50",
		"ad05 010400":                 "IPv6-6rd-Configuration = 0x010400",
		"1a0c 000060b5 010600 010431": "WiMAX-Capability = 0x010431",
	} {
		attributes := parseWire(t, malformed)
		items := Standard().Decode(attributes, Keys{})
		require.Equal(t, []string{want}, texts(items), malformed)
		again, err := Standard().Encode(items, Keys{})
		require.NoError(t, err)
		require.Equal(t, attributes, again, malformed)
	}
}

func TestSeveralAttributesOfAVendorInOneAreRead(t *testing.T) {
	t.Parallel()
	items := Standard().Decode(parseWire(t, "1a10 00000009 0104 6162 0206 6e617378"), Keys{})
	require.Equal(t, []string{"Cisco-AVPair = ab", "Cisco-NAS-Port = nasx"}, texts(items))
}

func TestBitsBeyondANetworkAreCleared(t *testing.T) {
	t.Parallel()
	items := Standard().Decode(parseWire(t, "6114 0020 20010db8ffffffffffffffffffffffff 9b08 ffc8 0affffff"), Keys{})
	require.Equal(t, []string{"Framed-IPv6-Prefix = 2001:db8::/32", "PMIP6-Home-IPv4-HoA = 10.0.0.0/8"}, texts(items))
	require.Equal(t, item(t, Standard(), "Framed-IPv6-Prefix = 2001:db8::/32"), items[0], "as ParseValue returns it")
	require.Equal(t, item(t, Standard(), "PMIP6-Home-IPv4-HoA = 10.0.0.0/8"), items[1], "as ParseValue returns it")
}

func TestLongValuesAreJoinedAndSplit(t *testing.T) {
	t.Parallel()
	eap := bytes.Repeat([]byte("0123456789"), 60)
	items := []Item{
		{Attribute: lookup(t, "EAP-Message"), Value: eap},
		{Attribute: lookup(t, "Attr-246.7"), Value: eap},
		{Attribute: lookup(t, "FreeRADIUS-802.1X-EAPoL-Key-Msg"), Value: eap},
		{Attribute: lookup(t, "WiMAX-hDHCP-Server-Parameters"), Value: eap},
	}
	for _, item := range items {
		attributes, err := Standard().Encode([]Item{item}, Keys{})
		require.NoError(t, err, item.Attribute.Name)
		require.Len(t, attributes, 3, item.Attribute.Name)
		require.Len(t, attributes[0].Attribute, maxValueLen, item.Attribute.Name)
		require.Equal(t, []Item{item}, Standard().Decode(attributes, Keys{}), item.Attribute.Name)
	}

	joined := Standard().Decode(parseWire(t, "4f0461620106616c69634f0463644f046566"), Keys{})
	require.Equal(t, []string{"EAP-Message = 0x616263646566", "User-Name = alic"}, texts(joined))
	require.Len(t, Standard().Decode(parseWire(t, "190361190362"), Keys{}), 2, "Class is never joined (RFC 2865 section 5.25)")
}

// RFC 6929 section 2.2.
func TestFragmentsNeedNotBeNeighbours(t *testing.T) {
	t.Parallel()
	attributes := parseWire(t,
		"f50601806162 f60601806162 0107616c696365 f50601806364 f50502 0071 f506 0100 6566 f606 0100 6364 "+
			"1a0b 000060b5 040580 6162 1a0b 000060b5 040500 6364",
	)
	require.Equal(t,
		[]string{
			"User-Name = alice", "Attr-245.2 = 0x71", "Attr-245.1 = 0x616263646566", "Attr-246.1 = 0x61626364",
			"WiMAX-AAA-Session-Id = 0x61626364",
		},
		texts(Standard().Decode(attributes, Keys{})))
}

func TestDecodeLeavesThePacketAsItIs(t *testing.T) {
	t.Parallel()
	const fragments = "1a10 000060b5 040580 6162 040500 6364"
	attributes := parseWire(t, fragments)
	require.Equal(t, []string{"WiMAX-AAA-Session-Id = 0x61626364"}, texts(Standard().Decode(attributes, Keys{})))
	require.Equal(t, parseWire(t, fragments), attributes)
}

func TestFragmentsWithoutEndAreLeftOut(t *testing.T) {
	t.Parallel()
	attributes := parseWire(t, "f50601806162 f50601806364 1a0b 000060b5 040580 6162 0107616c696365")
	require.Equal(t, []string{"User-Name = alice"}, texts(Standard().Decode(attributes, Keys{})))
}

func TestUnknownAttributesKeepTheirOctets(t *testing.T) {
	t.Parallel()
	for wire, want := range map[string]string{
		"150301":                         "Attr-21 = 0x01",
		"1a09 00000009 f00301":           "Attr-26.9.240 = 0x01",
		"1a09 00ffffff 010301":           "Attr-26.16777215.1 = 0x01",
		"f104ff01":                       "Attr-241.255 = 0x01",
		"f505 0200 01":                   "Attr-245.2 = 0x01",
		"f50a 1a00 00000009 07 01":       "Attr-245.26.9.7 = 0x01",
		"1a0d 000060b5 010700 c804 0102": "Attr-26.24757.1.200 = 0x0102",
		"ad05 090301":                    "Attr-173.9 = 0x01",
	} {
		attributes := parseWire(t, wire)
		items := Standard().Decode(attributes, Keys{})
		require.Equal(t, []string{want}, texts(items))
		named := lookup(t, items[0].Attribute.Name)
		require.Equal(t, named, items[0].Attribute, "a profile can name it")
		again, err := Standard().Encode(items, Keys{})
		require.NoError(t, err)
		require.Equal(t, attributes, again)
	}
}

func TestTypesThatAPacketCannotHaveAreIgnored(t *testing.T) {
	t.Parallel()
	require.Empty(t, Standard().Decode(radius.Attributes{{Type: -1, Attribute: []byte("x")}, {Type: 1031, Attribute: []byte("x")}}, Keys{}))
}

func TestItemsOfOneTLVShareIt(t *testing.T) {
	t.Parallel()
	text := "WiMAX-Release = 1.2;WiMAX-Accounting-Capabilities = 1;User-Name = bob;WiMAX-Release = 1.3"
	var items []Item
	for part := range strings.SplitSeq(text, ";") {
		items = append(items, item(t, Standard(), part))
	}
	attributes, err := Standard().Encode(items, Keys{})
	require.NoError(t, err)
	require.Len(t, attributes, 3)
	require.Equal(t, items, Standard().Decode(attributes, Keys{}))
}

func TestItemsThatCannotBeEncodedAreRefused(t *testing.T) {
	t.Parallel()
	long := func(name string, length int) Item {
		return Item{Attribute: lookup(t, name), Value: bytes.Repeat([]byte("a"), length)}
	}
	for want, item := range map[string]Item{
		"Huntgroup-Name: it is an internal attribute, which packets cannot have":                 long("Huntgroup-Name", 3),
		"NAS-Port: its value has 3 octets, which does not fit the type integer":                  long("NAS-Port", 3),
		"MS-CHAP2-Response: its value has 3 octets, which does not fit the type octets[50]":      long("MS-CHAP2-Response", 3),
		"User-Name: its value is empty":                                                          long("User-Name", 0),
		"User-Name: its value has 254 octets on the wire: at most 253 are possible":              long("User-Name", 254),
		"User-Password: its value has 129 octets: at most 128 are possible":                      long("User-Password", 129),
		"Tunnel-Password: its value has 240 octets: at most 239 are possible":                    long("Tunnel-Password", 240),
		"Ascend-Send-Secret: its value has 17 octets: at most 16 are possible":                   long("Ascend-Send-Secret", 17),
		"Cisco-AVPair: its value has 248 octets on the wire: at most 247 are possible":           long("Cisco-AVPair", 248),
		"Attr-241.9: its value has 253 octets on the wire: at most 252 are possible":             long("Attr-241.9", 253),
		"EAP-Message: its value has 3841 octets on the wire: at most 3840 are possible":          long("EAP-Message", 3841),
		"WiMAX-Release: its value has 254 octets on the wire: at most 253 are possible":          long("WiMAX-Release", 254),
		"WiMAX-AAA-Session-Id: its value has 3841 octets on the wire: at most 3840 are possible": long("WiMAX-AAA-Session-Id", 3841),
		"User-Name: it cannot have the tag 1": {
			Attribute: lookup(t, "User-Name"), Tag: 1, Value: []byte("bob"),
		},
		"Tunnel-Type: it cannot have the tag 32": {
			Attribute: lookup(t, "Tunnel-Type"), Tag: 32, Value: []byte{0, 0, 0, 13},
		},
		"Tunnel-Type: its value is too large: at most 16777215 is possible": {Attribute: lookup(t, "Tunnel-Type"), Value: []byte{1, 0, 0, 13}},
	} {
		_, err := Standard().Encode([]Item{item}, vectorKeys)
		require.EqualError(t, err, want)
		var encodeError *EncodeError
		require.ErrorAs(t, err, &encodeError)
		require.Equal(t, item.Attribute.Name, encodeError.Attribute)
	}
}

func TestAttributesOfAnotherDictionaryAreRefused(t *testing.T) {
	t.Parallel()
	items := []Item{item(t, Standard(), "FreeRADIUS-802.1X-Anonce = 0x01")}
	_, err := newDictionary(0).Encode(items, Keys{})
	require.EqualError(t, err, "FreeRADIUS-802.1X-Anonce: it is an attribute of another dictionary")
}

func TestATLVThatIsFullIsRefused(t *testing.T) {
	t.Parallel()
	items := make([]Item, 43)
	for i := range items {
		items[i] = item(t, Standard(), "Telrad-C-VLAN-ID = 1")
	}
	_, err := Standard().Encode(items, Keys{})
	require.EqualError(t, err, "Telrad-C-VLAN-ID: its value has 258 octets on the wire: at most 253 are possible")
	_, err = Standard().Encode(items[:42], Keys{})
	require.NoError(t, err)
}
