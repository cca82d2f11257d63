package dictionary

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// acceptVector is the attributes of a usual Access-Accept.
const acceptVector = "0107616c696365 060600000002 190861646d696e73 " +
	"1a190000000901137368656c6c3a707269762d6c766c3d3135 0806c0000210 1b0600000e10 510601313030"

// Not parallel: it counts what all goroutines allocate.
func TestALoginAllocatesLittle(t *testing.T) {
	d := Standard()
	attributes := parseWire(t, acceptVector)
	require.Len(t, d.Decode(attributes, Keys{}), 7)
	require.Zero(t, testing.AllocsPerRun(100, func() { d.Lookup("Calling-Station-Id") }))
	require.Zero(t, testing.AllocsPerRun(100, func() { d.LookupWire(9, 1) }))
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() { d.Decode(attributes, Keys{}) }), 1.0)
	serviceType := lookup(t, "Service-Type")
	require.Zero(t, testing.AllocsPerRun(100, func() { serviceType.PrintValue([]byte{0, 0, 0, 2}) }))
}

func BenchmarkLookup(b *testing.B) {
	d := Standard()
	b.ReportAllocs()
	for b.Loop() {
		d.Lookup("Calling-Station-Id")
	}
}

func BenchmarkDecode(b *testing.B) {
	d, attributes := Standard(), parseWire(b, acceptVector)
	b.ReportAllocs()
	for b.Loop() {
		d.Decode(attributes, Keys{})
	}
}

func BenchmarkPrintValue(b *testing.B) {
	a, value := lookup(b, "Service-Type"), []byte{0, 0, 0, 2}
	b.ReportAllocs()
	for b.Loop() {
		a.PrintValue(value)
	}
}
