package dictionary

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// customText has something of everything that a custom dictionary can have.
const customText = `# Example's attributes, with	tabs, spaces and Windows line ends
VENDOR		Example			32473
BEGIN-VENDOR	Example
ATTRIBUTE	Example-Role		1	string		# a comment
attribute	Example-Level		0x2	integer` + "\r" + `
VALUE		Example-Level		Low	1
VALUE		example-level		High	0x2
VALUE		Example-Level		Highest	2
ATTRIBUTE	Example-Key		3	octets[4]	encrypt=2
ATTRIBUTE	Example-Box		4	tlv
ATTRIBUTE	Example-Box-Name	4.1	string
BEGIN-TLV	Example-Box
ATTRIBUTE	Example-Box-Size	2	short
END-TLV		Example-Box
END-VENDOR	Example

VENDOR	Wide	32474	format=2,2
BEGIN-VENDOR	Wide
ATTRIBUTE	Wide-Group	1000	integer	has_tag
END-VENDOR	Wide

BEGIN-VENDOR	Example	format=Extended-Vendor-Specific-1
ATTRIBUTE	Example-Extended	1	ipaddr
END-VENDOR	Example

ATTRIBUTE	Example-Internal	3000	string
ATTRIBUTE	Example-Long		103	octets	concat
ATTRIBUTE	Our-AVPair		21	uint64	array
VALUE	Service-Type	Example-Service	4000`

func TestACustomDictionaryAddsAttributes(t *testing.T) {
	t.Parallel()
	d, err := Standard().Extend(customText)
	require.NoError(t, err)
	for text, want := range map[string]string{
		"Example-Role = admin":           "1a0d 00007ed9 010761646d696e",
		"Example-Level = Low":            "1a0c 00007ed9 020600000001",
		"Example-Level = High":           "1a0c 00007ed9 020600000002",
		"Example-Box-Name = a":           "1a0b 00007ed9 0405 010361",
		"Example-Box-Size = 258":         "1a0c 00007ed9 0406 02040102",
		"Wide-Group:3 = 7":               "1a0e 00007eda 03e8 0008 03000007",
		"Example-Extended = 192.0.2.1":   "f10c 1a 00007ed9 01 c0000201",
		"Service-Type = Example-Service": "060600000fa0",
		"Example-Long = 0x01":            "670301",
		"Our-AVPair = 1":                 "150a0000000000000001",
	} {
		items := []Item{item(t, d, text)}
		attributes, err := d.Encode(items, Keys{})
		require.NoError(t, err, text)
		require.Equal(t, strings.ReplaceAll(want, " ", ""), wire(attributes), text)
		require.Equal(t, items, d.Decode(attributes, Keys{}), text)
	}
	level, _ := d.Lookup("EXAMPLE-LEVEL")
	require.Equal(t, "Highest", level.PrintValue([]byte{0, 0, 0, 2}), "the last name of a number")
	internal, _ := d.Lookup("Example-Internal")
	require.True(t, internal.Internal)
	key, _ := d.Lookup("Example-Key")
	require.Equal(t, 2, key.Encrypt)
	_, err = key.ParseValue("0x010203")
	require.Error(t, err, "it has four octets")
}

func TestTheDictionaryThatIsExtendedStaysAsItIs(t *testing.T) {
	t.Parallel()
	before := lookup(t, "Service-Type").Values()
	_, err := Standard().Extend(customText)
	require.NoError(t, err)
	require.Equal(t, before, lookup(t, "Service-Type").Values())
	_, found := Standard().Lookup("Example-Role")
	require.False(t, found)
	_, found = Standard().LookupWire(32473, 1)
	require.False(t, found)
	require.Equal(t, usualFormat, Standard().format(32474))
}

func TestOldNamesGetNewValuesToo(t *testing.T) {
	t.Parallel()
	d, err := Standard().Extend("VALUE Service-Type Example-Service 4000\n" +
		"ATTRIBUTE Example-Service-Type 6 integer\nVALUE Example-Service-Type Another 4001")
	require.NoError(t, err)
	for _, name := range []string{"Service-Type", "User-Service-Type", "Example-Service-Type"} {
		require.Equal(t, "Example-Service", item(t, d, name+" = 4000").Attribute.PrintValue([]byte{0, 0, 0x0f, 0xa0}), name)
		require.Equal(t, []byte{0, 0, 0x0f, 0xa1}, item(t, d, name+" = Another").Value, name)
	}
	d, err = Standard().Extend("VALUE NAS-Port-Type Example 4000\nATTRIBUTE Example-Service-Type 6 integer\n" +
		"VALUE Service-Type Example-Service 4000")
	require.NoError(t, err)
	require.Equal(t, []byte{0, 0, 0x0f, 0xa0}, item(t, d, "Example-Service-Type = Example-Service").Value)
	require.Equal(t,
		[]string{"Example-Service-Type = Framed-User"}, texts(d.Decode(parseWire(t, "060600000002"), Keys{})),
		"the last name of a number",
	)
}

func TestDictionariesAreExtendedOneByOne(t *testing.T) {
	t.Parallel()
	first, err := Standard().Extend(customText)
	require.NoError(t, err)
	second, err := first.Extend("BEGIN-VENDOR Example\nATTRIBUTE Example-More 9 string\nEND-VENDOR Example\nVALUE Example-Level Middle 5")
	require.NoError(t, err)
	require.Equal(t, "Example-More", item(t, second, "Example-More = x").Attribute.Name)
	require.Equal(t, []byte{0, 0, 0, 5}, item(t, second, "Example-Level = Middle").Value)
	level, _ := first.Lookup("Example-Level")
	require.NotContains(t, level.Values(), Value{"Middle", 5})
}

func TestEqualDefinitionsAreNoMistake(t *testing.T) {
	t.Parallel()
	d, err := Standard().Extend(customText)
	require.NoError(t, err)
	_, err = d.Extend(customText)
	require.NoError(t, err)
	_, err = Standard().Extend("VENDOR Cisco 9\nBEGIN-VENDOR Cisco\nATTRIBUTE Cisco-AVPair 1 string\n" +
		"END-VENDOR Cisco\nATTRIBUTE Extended-Attribute-1 241 extended\nVALUE NAS-Port-Type Virtual 5")
	require.NoError(t, err)
	for _, empty := range []string{"", "\n\n", "# nothing", "  \t\r\n"} {
		_, err := Standard().Extend(empty)
		require.NoError(t, err, "%q", empty)
	}
}

func TestMistakesAreReportedWithTheirLine(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 129)
	for text, want := range map[string]string{
		"\n\n$INCLUDE dictionary.cisco": "line 3: $INCLUDE is not possible here: put the text of that file in its place",
		"# c\nATTRIBUT Foo 1 string": `line 2: "ATTRIBUT" is not a statement: use ATTRIBUTE, VALUE, VENDOR, ` +
			`BEGIN-VENDOR, END-VENDOR, BEGIN-TLV or END-TLV`,
		"ATTRIBUTE Foo 21":                         "line 1: write ATTRIBUTE name number type [flags]",
		"ATTRIBUTE Foo 21 string array concat":     "line 1: write ATTRIBUTE name number type [flags]",
		"ATTRIBUTE Foo 21 string array concat a b": "line 1: write ATTRIBUTE name number type [flags]",
		"ATTRIBUTE Foo x string":                   `line 1: "x" is not the number of an attribute: use 1, 0x1 or 1.2`,
		"ATTRIBUTE Foo -1 string":                  `line 1: "-1" is not the number of an attribute: use 1, 0x1 or 1.2`,
		"ATTRIBUTE Foo 4294967296 string":          `line 1: "4294967296" is not the number of an attribute: use 1, 0x1 or 1.2`,
		"ATTRIBUTE Foo 1.1.1.1.1.1 string":         `line 1: "1.1.1.1.1.1" is not the number of an attribute: use 1, 0x1 or 1.2`,
		"ATTRIBUTE Foo 1.1 string":                 "line 1: 1 cannot hold attributes: define it first, of type tlv",
		"ATTRIBUTE Foo 26.9.1 string":              "line 1: 26.9 cannot hold attributes: define it first, of type tlv",
		"ATTRIBUTE Foo 26.9 string":                "line 1: 26 cannot hold attributes: define it first, of type tlv",
		"ATTRIBUTE Foo 173.256 string":             "line 1: number 256 is too large: at most 255",
		"ATTRIBUTE Foo 21 text": `line 1: "text" is not a type: use string, octets, octets[8], integer, byte, ` +
			`short, integer64, signed, ipaddr, ipv4prefix, ipv6addr, ipv6prefix, combo-ip, ifid, ether, date, ` +
			`abinary or tlv`,
		"ATTRIBUTE Foo 21 octets[0]":             `line 1: "octets[0]" is not a type: a size is 1 to 253 octets, as in octets[8]`,
		"ATTRIBUTE Foo 21 octets[8":              `line 1: "octets[8" is not a type: a size is 1 to 253 octets, as in octets[8]`,
		"ATTRIBUTE Foo 21 octets[200] encrypt=1": `line 1: "octets[200]" is too long: there is room for 128 octets`,
		"ATTRIBUTE Foo 21 vsa":                   "line 1: Foo cannot be of type vsa: use tlv for an attribute that holds others",
		"ATTRIBUTE Foo 21 string has_tags": `line 1: "has_tags" is not a flag: use has_tag, encrypt=1, ` +
			`encrypt=2, encrypt=3, concat, array, virtual or secret`,
		"ATTRIBUTE Foo 21 ipaddr has_tag":            "line 1: has_tag is for the types string, octets and integer",
		"ATTRIBUTE Foo 21 integer encrypt=1":         "line 1: encrypt=1 and encrypt=3 are for the types string and octets, without has_tag",
		"ATTRIBUTE Foo 21 integer has_tag,encrypt=2": "line 1: encrypt=2 with has_tag is for the types string and octets",
		"ATTRIBUTE Foo 21 tlv encrypt=2":             "line 1: encrypt is not for attributes that hold others",
		"ATTRIBUTE Foo 21 integer concat":            "line 1: concat is for the types octets and string, without other flags",
		"ATTRIBUTE Foo 173.9 octets concat":          "line 1: concat is for attributes that are neither a vendor's nor inside others",
		"ATTRIBUTE Foo,Bar 21 string":                `line 1: "Foo,Bar" is not a name: only letters, digits and -_./ can be in it`,
		"ATTRIBUTE Foé 21 string":                    `line 1: "Foé" is not a name: only letters, digits and -_./ can be in it`,
		"ATTRIBUTE Attr-7 21 string":                 `line 1: "Attr-7" is not possible: names of attributes without a name begin so`,
		"ATTRIBUTE " + long + " 21 string":           `line 1: "` + long[:64] + `…" is too long for a name: at most 128 octets`,
		"ATTRIBUTE user-name 2 string":               "line 1: User-Name is defined already, as number 1 of type string",
		"ATTRIBUTE User-Name 1 octets":               "line 1: User-Name is defined already, as number 1 of type string",
		"ATTRIBUTE Tunnel-Password 69 string encrypt=2": "line 1: Tunnel-Password is defined already, " +
			"as number 69 of type string has_tag,encrypt=2",
		"ATTRIBUTE Foo 1 integer":            "line 1: number 1 is User-Name already, of type string",
		"ATTRIBUTE Foo 94 octets":            "line 1: number 94 is Originating-Line-Info already, of type octets[2]",
		"VALUE NAS-Port-Type Foo":            "line 1: write VALUE attribute name number",
		"VALUE Foo Bar 1":                    `line 1: no ATTRIBUTE "Foo" is defined above`,
		"VALUE User-Name Bar 1":              "line 1: User-Name is of type string, which has no named values",
		"VALUE NAS-Port-Type Bar x":          `line 1: "x" is not a value of NAS-Port-Type: use 0 to 4294967295`,
		"VALUE Tunnel-Type Bar 16777216":     `line 1: "16777216" is not a value of Tunnel-Type: use 0 to 16777215`,
		"VALUE PKM-SAID Bar 65536":           `line 1: "65536" is not a value of PKM-SAID: use 0 to 65535`,
		"VALUE NAS-Port-Type Bär 1":          `line 1: "Bär" is not the name of a value: use printable ASCII`,
		"VALUE NAS-Port-Type " + long + " 1": `line 1: "` + long[:64] + `…" is too long for a name: at most 128 octets`,
		"VALUE NAS-Port-Type virtual 6":      `line 1: "virtual" of NAS-Port-Type is 5 already`,
		"VENDOR Foo":                         "line 1: write VENDOR name number [format=type,length]",
		"VENDOR Foo 0":                       `line 1: "0" is not the number of a vendor: use 1 to 16777215`,
		"VENDOR Foo 16777216":                `line 1: "16777216" is not the number of a vendor: use 1 to 16777215`,
		"VENDOR Foo 70000 format=3,1": `line 1: "format=3,1" is not a format: use format=type,length with 1, 2 ` +
			`or 4 octets of type and 0, 1 or 2 of length`,
		"VENDOR Foo 70000 1,1": `line 1: "1,1" is not a format: use format=type,length with 1, 2 or 4 octets of type and 0, 1 or 2 of length`,
		"VENDOR Foo 70000 format=1,0,c": `line 1: "format=1,0,c" is not a format: use format=type,length with ` +
			`1, 2 or 4 octets of type and 0, 1 or 2 of length`,
		"VENDOR Cisco 10":                            "line 1: vendor Cisco has the number 9 already",
		"VENDOR Foo 429":                             "line 1: vendor 429 is USR already, and has another format",
		"BEGIN-VENDOR Foo":                           `line 1: no VENDOR "Foo" is defined`,
		"BEGIN-VENDOR Cisco format=Foo":              `line 1: "format=Foo" is not a format: use format=Extended-Vendor-Specific-1 to 6`,
		"BEGIN-VENDOR Cisco\nBEGIN-VENDOR USR":       "line 2: END-VENDOR Cisco is missing",
		"BEGIN-VENDOR Cisco\nVENDOR Foo 70000":       "line 2: VENDOR is not possible before END-VENDOR Cisco",
		"BEGIN-VENDOR Cisco\nEND-VENDOR USR":         `line 2: there is no BEGIN-VENDOR "USR" to end`,
		"END-VENDOR USR":                             `line 1: there is no BEGIN-VENDOR "USR" to end`,
		"BEGIN-VENDOR Cisco\n":                       "line 2: END-VENDOR Cisco is missing",
		"BEGIN-VENDOR Cisco\nATTRIBUTE A 256 string": "line 2: number 256 is too large: at most 255",
		"BEGIN-VENDOR WiMAX\nBEGIN-TLV WiMAX-Capability\nEND-VENDOR WiMAX": "line 3: END-TLV is missing",
		"BEGIN-TLV IPv6-6rd-Configuration":                                 "line 1: END-TLV is missing",
		"BEGIN-TLV IPv6-6rd-Configuration\nBEGIN-VENDOR Cisco":             "line 2: END-TLV is missing",
		"BEGIN-TLV User-Name":                                              `line 1: "User-Name" is not an attribute of type tlv`,
		"END-TLV IPv6-6rd-Configuration":                                   `line 1: there is no BEGIN-TLV "IPv6-6rd-Configuration" to end`,
		strings.Repeat("BEGIN-TLV IPv6-6rd-Configuration\n", 6):            "line 6: attributes are nested too deep",
		"\x00": `line 1: "\x00" is not a statement: use ATTRIBUTE, VALUE, VENDOR, BEGIN-VENDOR, END-VENDOR, BEGIN-TLV or END-TLV`,
	} {
		_, err := Standard().Extend(text)
		require.EqualError(t, err, want, "%q", text)
		var syntaxError *SyntaxError
		require.ErrorAs(t, err, &syntaxError)
	}
}

func TestACustomDictionaryHasALimit(t *testing.T) {
	t.Parallel()
	_, err := Standard().Extend(strings.Repeat("\n", MaxTextLen))
	require.NoError(t, err)
	_, err = Standard().Extend(strings.Repeat("\n", MaxTextLen+1))
	require.EqualError(t, err, "line 1: the text has 524289 octets: at most 524288 are possible")
}

// As many values as fit are read in no time: names are found in a map.
func BenchmarkExtend(b *testing.B) {
	var text strings.Builder
	for i := 0; text.Len() < MaxTextLen-100; i++ {
		fmt.Fprintf(&text, "VALUE NAS-Port v%d %d\n", i, i)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Standard().Extend(text.String()); err != nil {
			b.Fatal(err)
		}
	}
}
