package dictionary

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// forEveryAttribute calls a function with attributes of all types, vendors and
// flags: those that the wire can have.
func forEveryAttribute(t *testing.T, check func(*Attribute, *rand.Rand)) {
	t.Helper()
	random := rand.New(rand.NewPCG(7, 7)) // #nosec G404 -- samples
	types := map[Type]int{}
	for p, a := range Standard().places {
		if !a.Internal && a.place == p {
			types[a.Type]++
			check(a, random)
		}
	}
	for t2 := String; t2 <= TLV; t2++ {
		require.Positive(t, types[t2], t2.String())
	}
}

func TestPrintedValuesAreReadBack(t *testing.T) {
	t.Parallel()
	forEveryAttribute(t, func(a *Attribute, random *rand.Rand) {
		for range 5 {
			value := sampleValue(a, random)
			again, err := a.ParseValue(a.PrintValue(value))
			require.NoError(t, err, a.Name)
			require.Equal(t, value, again, a.Name)
		}
	})
}

func TestEncodedItemsAreDecoded(t *testing.T) {
	t.Parallel()
	forEveryAttribute(t, func(a *Attribute, random *rand.Rand) {
		if a.Type.container() {
			return
		}
		if holder, inside := a.place.container(); inside && !Standard().places[holder].Type.container() {
			return // of a TLV that another vendor's dictionary has as something else
		}
		items := []Item{{Attribute: a, Value: sampleValue(a, random)}}
		if a.Tagged && random.IntN(2) == 0 {
			items[0].Tag = uint8(random.IntN(maxTag + 1)) // #nosec G115 -- at most 31
		}
		for _, keys := range []Keys{vectorKeys, {Plain: true}} {
			attributes, err := Standard().Encode(items, keys)
			require.NoError(t, err, a.Name)
			require.Equal(t, items, Standard().Decode(attributes, keys), a.Name)
		}
	})
}

// The longest value that ParseValue takes has room in a packet.
func TestTheLongestTextIsEncoded(t *testing.T) {
	t.Parallel()
	forEveryAttribute(t, func(a *Attribute, _ *rand.Rand) {
		if holder, inside := a.place.container(); a.Type != String || inside && !Standard().places[holder].Type.container() {
			return
		}
		items := []Item{{Attribute: a, Tag: 0, Value: make([]byte, a.longest())}}
		for i := range items[0].Value {
			items[0].Value[i] = 'a'
		}
		if a.Tagged {
			items[0].Tag = 1
		}
		attributes, err := Standard().Encode(items, vectorKeys)
		require.NoError(t, err, a.Name)
		require.Equal(t, items, Standard().Decode(attributes, vectorKeys), a.Name)
	})
}
