package acct

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWrapOf32BitsIsCounted(t *testing.T) {
	t.Parallel()
	const most = 1<<32 - 1
	packets := []Packet{
		packet(Start, "1", 0),
		packet(InterimUpdate, "1", 600, counters(600, 4_000_000_000, 10)),
		packet(InterimUpdate, "1", 1200, counters(1200, 100, 20)),
		packet(InterimUpdate, "1", 1800, counters(1800, 3_000_000_000, 30)),
		packet(Stop, "1", 2400, counters(2400, 5, most)),
	}
	want := []int64{0, 4_000_000_000, 1<<32 + 100, 1<<32 + 3_000_000_000, 2<<32 + 5}
	var r *Record
	for i, p := range packets {
		r = new(Merge(r, p))
		require.Equal(t, want[i], *r.InputOctets, "packet %d", i)
		for _, again := range packets[:i+1] {
			require.Equal(t, want[i], *new(Merge(r, again)).InputOctets, "a copy")
			again.Time, again.Arrived = at(5000), at(5000) // it does not tell its time
			require.Equal(t, want[i], *new(Merge(r, again)).InputOctets, "a copy without a time")
		}
	}
	require.Equal(t, whole(int64(most)), r.OutputOctets)

	late := mergeAll(packets[0], packets[2], packets[1])
	require.Equal(t, whole(int64(4_000_000_000)), late.InputOctets, "what is late has not wrapped")
	require.Equal(t,
		whole(int64(300)),
		mergeAll(
			packets[0], packet(InterimUpdate, "1", 60, counters(60, 300, 0)),
			packet(InterimUpdate, "1", 120, counters(120, 200, 0)),
		).InputOctets,
		"nor has what has fallen a little",
	)
}

func TestGigawordsThatAreToldAreNotCountedTwice(t *testing.T) {
	t.Parallel()
	words := func(high int64) func(*Packet) { return func(p *Packet) { p.InputGigawords = &high } }
	r := mergeAll(
		packet(Start, "1", 0),
		packet(InterimUpdate, "1", 600, counters(600, 4_000_000_000, 0), words(0)),
		packet(InterimUpdate, "1", 1200, counters(1200, 100, 0), words(1)),
		packet(Stop, "1", 1800, counters(1800, 50, 0), words(1)),
	)
	require.Equal(t, whole(int64(1<<32+100)), r.InputOctets)
	r = mergeAll(packet(InterimUpdate, "1", 600, counters(600, 5<<32+4_000_000_000, 0)), packet(Stop, "1", 1200, counters(1200, 6<<32+1, 0)))
	require.Equal(t, whole(int64(6<<32+1)), r.InputOctets, "64 bits")
}

func TestNASPortStandsForItsID(t *testing.T) {
	t.Parallel()
	both := packet(Start, "1", 0, func(p *Packet) { p.NASPort = "7" })
	require.Equal(t, "7", Merge(nil, both).NASPortID)
	both.NASPortID = "wlan0"
	require.Equal(t, "wlan0", Merge(nil, both).NASPortID)
	alone := Packet{Attributes: Attributes{SessionID: "s1"}, NASPort: "7"}
	require.Equal(t, uniqueID(alone), alone.normal().normal().UniqueID, "as FreeRADIUS computes it")
}

func TestConnectInfoIsKeptWithTheStartOrTheEnd(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"connect_info", "Connect-Info"} {
		for status, want := range map[string][2]string{"Start": {"54 Mbps", ""}, "Interim-Update": {"54 Mbps", ""}, "Stop": {"", "54 Mbps"}} {
			values := start()
			values["status_type"], values[name] = status, "54 Mbps"
			p, problems := ParsePacket(values, arrival)
			require.Empty(t, problems)
			r := Merge(nil, p)
			require.Equal(t, want, [2]string{r.ConnectionInfoStart, r.ConnectionInfoStop}, "%s %s", name, status)
		}
	}
	values := start()
	values["connect_info"], values["connection_info_start"] = "attribute", "field"
	p, _ := ParsePacket(values, arrival)
	require.Equal(t, "field", p.ConnectionInfoStart)
}

func TestNoOctetOfAClassIsCut(t *testing.T) {
	t.Parallel()
	most := "0x" + strings.Repeat("aB", 253)
	for class, want := range map[string]string{
		most:                             most,
		most + "cd":                      most,
		most + "c":                       most,
		strings.Repeat("x", 300):         strings.Repeat("x", 253),
		"0x" + strings.Repeat("zz", 300): "0x" + strings.Repeat("zz", 300)[:251],
	} {
		require.Equal(t, want, Merge(nil, packet(Start, "1", 0, func(p *Packet) { p.Class = class })).Class)
		require.Equal(t, want, PostAuth{Class: class}.normal().Class)
	}
	require.Equal(t, "0xaB", fit(most, 5), "a column that takes five")
	require.Equal(t, "0xaB", fit(most, 4))
	require.Equal(t, "caf", fit("café", 3))
}
