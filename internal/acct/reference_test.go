package acct

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"
)

// epoch is when everything starts in these tests.
var epoch = time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)

var testNAS = netip.MustParseAddr("172.16.64.91")

func whole[N int | int64](n N) *int64 { return new(int64(n)) }

// traffic is what one NAS after another would send about n sessions, at best: each
// has a Start, some Interim-Updates and mostly a Stop, with times and counters that
// go together.
func traffic(random *rand.Rand, n int) [][]Packet {
	sessions := make([][]Packet, n)
	for i := range sessions {
		began := epoch.Add(time.Duration(random.IntN(86400)) * time.Second)
		seconds := int64(0)
		base := Attributes{
			SessionID: fmt.Sprintf("%08x", i), UniqueID: fmt.Sprintf("%032x", i),
			Username: fmt.Sprintf("user%d@example.org", random.IntN(n/4+1)), Realm: "example.org",
			NASAddress:  netip.AddrFrom4([4]byte{10, 0, 0, byte(random.IntN(20))}),
			NASPortType: "Wireless-802.11", Authentication: "RADIUS",
			CalledStationID:  fmt.Sprintf("00-27-22-F3-FA-F1:%d", random.IntN(5)),
			CallingStationID: fmt.Sprintf("5c:7d:c1:72:a7:%02x", random.IntN(256)),
			FramedIPv6Prefix: netip.MustParsePrefix("2001:db8:1::/64"),
		}
		packets := []Packet{{StatusType: Start, Time: began, Attributes: base}}
		packets[0].ConnectionInfoStart = "CONNECT 54 Mbps"
		input, output := int64(0), int64(0)
		later := func(status StatusType) Packet {
			seconds += 60 + int64(random.IntN(600))
			input += random.Int64N(1 << 33)
			output += int64(random.IntN(1 << 20))
			p := Packet{StatusType: status, Time: began.Add(time.Duration(seconds) * time.Second), Attributes: base}
			p.SessionTime, p.OutputOctets = whole(seconds), whole(output)
			p.InputOctets, p.InputGigawords = whole(input&0xffffffff), whole(input>>32)
			p.FramedIPAddress = netip.AddrFrom4([4]byte{10, 1, byte(i), byte(len(packets))})
			return p
		}
		for range random.IntN(3) {
			packets = append(packets, later(InterimUpdate))
		}
		if random.IntN(8) > 0 {
			stop := later(Stop)
			stop.TerminateCause, stop.ConnectionInfoStop = "User-Request", "bye"
			packets = append(packets, stop)
		}
		sessions[i] = packets
	}
	return sessions
}

// spoil loses, repeats and reorders packets as a bad network does. Nothing may be
// left of a session.
func spoil(random *rand.Rand, packets []Packet) []Packet {
	var arriving []Packet
	for _, p := range packets {
		if random.IntN(10) == 0 {
			continue
		}
		arriving = append(arriving, p)
		for random.IntN(5) == 0 {
			arriving = append(arriving, p)
		}
	}
	for i := range arriving {
		if j := i + random.IntN(3); j < len(arriving) {
			arriving[i], arriving[j] = arriving[j], arriving[i]
		}
	}
	return arriving
}

// reference works out the record of a session from the packets that arrived, in
// the straight-forward way: it has all of them before it and puts them in order.
func reference(arrived []Packet) Record {
	inOrder := slices.Clone(arrived)
	slices.SortStableFunc(inOrder, func(a, b Packet) int { return a.Time.Compare(b.Time) })
	first, last := inOrder[0], inOrder[len(inOrder)-1]

	r := Record{Attributes: last.Attributes}
	r.StartTime, r.UpdateTime = TimeOf(first.Time), TimeOf(last.Time)
	r.SessionTime, r.InputOctets, r.OutputOctets = whole(0), whole(0), whole(0)
	r.ConnectionInfoStart, r.ConnectionInfoStop, r.TerminateCause = "", "", ""
	for _, p := range inOrder {
		switch p.StatusType {
		case Start:
			r.ConnectionInfoStart = p.ConnectionInfoStart
		case Stop:
			r.StopTime, r.TerminateCause, r.ConnectionInfoStop = TimeOf(p.Time), p.TerminateCause, p.ConnectionInfoStop
		}
		if p.StatusType != Start {
			r.SessionTime = p.SessionTime
			r.InputOctets = whole(*p.InputGigawords<<32 + *p.InputOctets)
			r.OutputOctets = p.OutputOctets
		}
	}

	// Two things depend on what arrived first.
	if p := arrived[0]; p.StatusType != Start {
		r.StartTime = TimeOf(p.Time.Add(-time.Duration(*p.SessionTime) * time.Second))
	}
	latest := arrived[0]
	for _, p := range arrived[1:] {
		if latest.StatusType != Stop && p.StatusType != Start && p.Time.After(latest.Time) {
			if p.StatusType == InterimUpdate {
				r.Interval = whole(int64(p.Time.Sub(latest.Time).Seconds()))
			}
			latest = p
		}
	}
	return r
}
