package dictionary

import (
	"bytes"
	"crypto/md5" // #nosec G501 -- the vectors have a digest of what is too long to print
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
)

func TestUserPasswordIsHiddenAsTheVectorsSay(t *testing.T) {
	t.Parallel()
	password := lookup(t, "User-Password")
	for plain, want := range map[string]string{
		"":                  "96ee09ca74fd7a1a104607240014828b",
		"hello":             "fe8b65a61bfd7a1a104607240014828b",
		"0123456789abcdef":  "a6df3bf940c84c2d287f66466370e7ed",
		"0123456789abcdefg": "a6df3bf940c84c2d287f66466370e7ed65a814dea05f4f990007505920bd8742",
		"pässwörd€":         "e62dadb9078ab9ac6222e5a6ac14828b",
	} {
		items := []Item{{Attribute: password, Value: []byte(plain)}}
		attributes, err := Standard().Encode(items, vectorKeys)
		require.NoError(t, err)
		require.Equal(t, want, hex.EncodeToString(attributes[0].Attribute), plain)
		require.Equal(t, plain, string(Standard().Decode(attributes, vectorKeys)[0].Value))
	}

	longest := []Item{{Attribute: password, Value: []byte(strings.Repeat("A", 128))}}
	attributes, err := Standard().Encode(longest, vectorKeys)
	require.NoError(t, err)
	digest := md5.Sum(attributes[0].Attribute) // #nosec G401 -- as above
	require.Equal(t, "4e672af1f066536f6b0670f05fb829c1", hex.EncodeToString(digest[:]))
	require.Equal(t, longest, Standard().Decode(attributes, vectorKeys))
}

// RFC 2865 section 7.1.
func TestUserPasswordIsHiddenAsInTheRFC(t *testing.T) {
	t.Parallel()
	keys := Keys{Secret: []byte("xyzzy5461")}
	_, err := hex.Decode(keys.RequestAuthenticator[:], []byte("0f403f9473978057bd83d5cb98f4227a"))
	require.NoError(t, err)
	items := []Item{item(t, Standard(), "User-Password = arctangent")}
	attributes, err := Standard().Encode(items, keys)
	require.NoError(t, err)
	require.Equal(t, "02120dbe708d93d413ce3196e43f782a0aee", wire(attributes))
	require.Equal(t, items, Standard().Decode(attributes, keys))
}

func TestTunnelPasswordIsHiddenAsTheVectorsSay(t *testing.T) {
	t.Parallel()
	sendKey, err := hex.DecodeString("8b7cdc149b993a1ba118cb153f56dccb")
	require.NoError(t, err)
	for wire, want := range map[string]Item{
		"45150180013ad07123647f4948b827b06bb2ba15f3": {Attribute: lookup(t, "Tunnel-Password"), Tag: 1, Value: []byte("tunnelpw")},
		"1a2a000001371024800207c042e2f88005882941eb70e5cc64d8946edcf5f0e7c5d6d949c19bc1fee52c": {
			Attribute: lookup(t, "MS-MPPE-Send-Key"), Value: sendKey,
		},
	} {
		attributes := parseWire(t, wire)
		require.Equal(t, []Item{want}, Standard().Decode(attributes, vectorKeys))

		start := bytes.IndexByte(attributes[0].Attribute, 0x80)
		salt := [saltLen]byte(attributes[0].Attribute[start:])
		hidden, err := want.Attribute.hide(want.Value, salt, vectorKeys)
		require.NoError(t, err)
		require.Equal(t, []byte(attributes[0].Attribute[start:]), hidden)
	}
}

// RFC 2868 section 3.5: the first bit of the salt is set, and no two values of a
// packet have the same.
func TestEveryHiddenValueHasASaltOfItsOwn(t *testing.T) {
	t.Parallel()
	key := lookup(t, "MS-MPPE-Send-Key")
	items := make([]Item, 300)
	for i := range items {
		items[i] = Item{Attribute: key, Value: []byte("key")}
	}
	attributes, err := Standard().Encode(items, vectorKeys)
	require.NoError(t, err)
	salts := map[string]bool{}
	for _, attribute := range attributes {
		salt := attribute.Attribute[6:8]
		require.NotZero(t, salt[0]&0x80)
		salts[string(salt)] = true
	}
	require.Len(t, salts, len(items))

	again, err := Standard().Encode(items[:1], vectorKeys)
	require.NoError(t, err)
	more, err := Standard().Encode(items[:1], vectorKeys)
	require.NoError(t, err)
	require.False(t,
		bytes.Equal(attributes[0].Attribute, again[0].Attribute) && bytes.Equal(again[0].Attribute, more[0].Attribute),
		"salts are random",
	)
}

func TestRADIUS11HidesNothing(t *testing.T) {
	t.Parallel()
	items := []Item{
		item(t, Standard(), "User-Password = hello"),
		item(t, Standard(), "Tunnel-Password:1 = tunnelpw"),
		item(t, Standard(), "Tunnel-Password = tunnelpw"),
		item(t, Standard(), "MS-MPPE-Send-Key = 0x0102"),
	}
	attributes, err := Standard().Encode(items, Keys{Plain: true})
	require.NoError(t, err)
	require.Equal(t, "020768656c6c6f 450b0174756e6e656c7077 450b0074756e6e656c7077 1a0a0000013710040102", wire(attributes))
	require.Equal(t, items, Standard().Decode(attributes, Keys{Plain: true}))
}

func TestHiddenValuesThatCannotBeRevealedAreLeftOut(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		wire string
		keys Keys
	}{
		"User-Password, not whole blocks":   {"02110dbe708d93d413ce3196e43f782a0a", vectorKeys},
		"User-Password, too long":           {"0292" + strings.Repeat("00", 144), vectorKeys},
		"no secret":                         {"0212fe8b65a61bfd7a1a104607240014828b", Keys{}},
		"Tunnel-Password, no block":         {"45060180013a", vectorKeys},
		"Tunnel-Password, not whole blocks": {"45140180013ad07123647f4948b827b06bb2ba15", vectorKeys},
		"Tunnel-Password, length beyond it all": {
			"45150180013bd07123647f4948b827b06bb2ba15f3",
			Keys{Secret: []byte("other"), RequestAuthenticator: vectorKeys.RequestAuthenticator},
		},
		"Tunnel-Password, no secret": {"45150180013ad07123647f4948b827b06bb2ba15f3", Keys{}},
	} {
		require.Empty(t, Standard().Decode(parseWire(t, test.wire), test.keys), name)
	}
}

// A tag of more than 31 means nothing where the value is hidden: it still has
// its octet (RFC 2868 section 3.5).
func TestATagThatMeansNothingIsNotPartOfAHiddenValue(t *testing.T) {
	t.Parallel()
	items := Standard().Decode(parseWire(t, "4515ff80013ad07123647f4948b827b06bb2ba15f3"), vectorKeys)
	require.Equal(t, []Item{{Attribute: lookup(t, "Tunnel-Password"), Value: []byte("tunnelpw")}}, items)
}

// Octets of a fixed size may end with zeros, which text cannot.
func TestZerosOfAKeyAreKept(t *testing.T) {
	t.Parallel()
	key := Item{Attribute: lookup(t, "MS-CHAP-MPPE-Keys"), Value: make([]byte, 24)}
	key.Value[3] = 1
	attributes, err := Standard().Encode([]Item{key}, vectorKeys)
	require.NoError(t, err)
	require.Len(t, attributes[0].Attribute, 4+2+32)
	require.Equal(t, []Item{key}, Standard().Decode(attributes, vectorKeys))
}

func TestHidingNeedsASecret(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"User-Password = hello", "Tunnel-Password = hello", "Ascend-Send-Secret = hello"} {
		_, err := Standard().Encode([]Item{item(t, Standard(), text)}, Keys{})
		require.ErrorIs(t, err, errNoSecret)
	}
}

// Text with a tag has an octet for it if it could be mistaken for one.
func TestTextIsNotMistakenForATag(t *testing.T) {
	t.Parallel()
	group := lookup(t, "Tunnel-Private-Group-Id")
	items := []Item{{Attribute: group, Value: []byte("\x01x")}}
	attributes, err := Standard().Encode(items, Keys{})
	require.NoError(t, err)
	require.Equal(t, "5105000178", wire(attributes))
	require.Equal(t, items, Standard().Decode(attributes, Keys{}))

	require.Equal(t,
		[]Item{{Attribute: group, Value: []byte{1}}},
		Standard().Decode(radius.Attributes{{Type: 81, Attribute: []byte{1}}}, Keys{}),
		"one octet is a value, not a tag",
	)
}
