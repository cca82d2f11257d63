package acct

import (
	"cmp"
	"errors"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// earliest is before any RADIUS session. To a NAS that has just booted and does not know
// the time, it is 1970.
var earliest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// field is a field of a packet: its REST name, the RADIUS attribute, and its setter.
type field struct {
	name      string
	attribute string
	set       func(p *Packet, value string) error
}

var fields = []field{
	{"status_type", "Acct-Status-Type", func(p *Packet, value string) error { p.StatusType = parseStatusType(value); return nil }},
	{"session_id", "Acct-Session-Id", text(func(p *Packet) *string { return &p.SessionID })},
	{"unique_id", "Acct-Unique-Session-Id", text(func(p *Packet) *string { return &p.UniqueID })},
	{"username", "User-Name", text(func(p *Packet) *string { return &p.Username })},
	{"groupname", "", text(func(p *Packet) *string { return &p.GroupName })},
	{"realm", "Realm", text(func(p *Packet) *string { return &p.Realm })},
	{"nas_ip_address", "NAS-IP-Address", address(func(p *Packet) *netip.Addr { return &p.NASAddress })},
	{"nas_ipv6_address", "NAS-IPv6-Address", address(func(p *Packet) *netip.Addr { return &p.NASIPv6Address })},
	{"nas_identifier", "NAS-Identifier", text(func(p *Packet) *string { return &p.NASIdentifier })},
	{"nas_port", "NAS-Port", text(func(p *Packet) *string { return &p.NASPort })},
	{"nas_port_id", "NAS-Port-Id", text(func(p *Packet) *string { return &p.NASPortID })},
	{"nas_port_type", "NAS-Port-Type", text(func(p *Packet) *string { return &p.NASPortType })},
	{"session_time", "Acct-Session-Time", number(func(p *Packet) **int64 { return &p.SessionTime })},
	{"input_octets", "Acct-Input-Octets", number(func(p *Packet) **int64 { return &p.InputOctets })},
	{"output_octets", "Acct-Output-Octets", number(func(p *Packet) **int64 { return &p.OutputOctets })},
	{"input_gigawords", "Acct-Input-Gigawords", number(func(p *Packet) **int64 { return &p.InputGigawords })},
	{"output_gigawords", "Acct-Output-Gigawords", number(func(p *Packet) **int64 { return &p.OutputGigawords })},
	{"acct_delay_time", "Acct-Delay-Time", seconds(func(p *Packet) *time.Duration { return &p.Delay })},
	{"authentication", "Acct-Authentic", text(func(p *Packet) *string { return &p.Authentication })},
	{"connection_info_start", "", text(func(p *Packet) *string { return &p.ConnectionInfoStart })},
	{"connection_info_stop", "", text(func(p *Packet) *string { return &p.ConnectionInfoStop })},
	{"called_station_id", "Called-Station-Id", text(func(p *Packet) *string { return &p.CalledStationID })},
	{"calling_station_id", "Calling-Station-Id", text(func(p *Packet) *string { return &p.CallingStationID })},
	{"terminate_cause", "Acct-Terminate-Cause", text(func(p *Packet) *string { return &p.TerminateCause })},
	{"service_type", "Service-Type", text(func(p *Packet) *string { return &p.ServiceType })},
	{"framed_protocol", "Framed-Protocol", text(func(p *Packet) *string { return &p.FramedProtocol })},
	{"framed_ip_address", "Framed-IP-Address", address(func(p *Packet) *netip.Addr { return &p.FramedIPAddress })},
	{"framed_ipv6_address", "Framed-IPv6-Address", address(func(p *Packet) *netip.Addr { return &p.FramedIPv6Address })},
	{"framed_ipv6_prefix", "Framed-IPv6-Prefix", prefix(func(p *Packet) *netip.Prefix { return &p.FramedIPv6Prefix })},
	{"framed_interface_id", "Framed-Interface-Id", text(func(p *Packet) *string { return &p.FramedInterfaceID })},
	{"delegated_ipv6_prefix", "Delegated-IPv6-Prefix", prefix(func(p *Packet) *netip.Prefix { return &p.DelegatedIPv6Prefix })},
	{"class", "Class", text(func(p *Packet) *string { return &p.Class })},
}

// ParsePacket returns the packet of fields by their REST names or the names of
// RADIUS attributes. Values are as FreeRADIUS writes them; an empty one means that
// it has none. Unknown fields are left alone.
//
// Times are in event_timestamp (Event-Timestamp), else in start_time of a Start,
// update_time of an Interim-Update and stop_time of a Stop, as [ParseTime] reads them.
// An Event-Timestamp that it refuses is not believed, nor one of a clock that is
// obviously wrong: then the packet was made when it arrived, less its Acct-Delay-Time.
func ParsePacket(values map[string]string, arrived time.Time) (Packet, Problems) {
	p := Packet{Arrived: arrived}
	problems := Problems{}
	for _, f := range fields {
		value := values[f.name]
		if value == "" {
			value = values[f.attribute]
		}
		if value == "" {
			continue
		}
		if err := f.set(&p, value); err != nil {
			problems[f.name] = err.Error()
		}
	}
	p.setConnectInfo(cmp.Or(values["connect_info"], values["Connect-Info"]))
	p.parseTimes(values, arrived, problems)
	for name, problem := range p.Check() {
		if _, ok := problems[name]; !ok {
			problems[name] = problem
		}
	}
	return p, problems
}

// setConnectInfo keeps a Connect-Info with the start or the end of the session, unless
// the packet says which it is. That of an Interim-Update belongs to the start.
func (p *Packet) setConnectInfo(info string) {
	kept := &p.ConnectionInfoStart
	if p.StatusType == Stop {
		kept = &p.ConnectionInfoStop
	}
	if *kept == "" {
		*kept = info
	}
}

// ownTime is the REST name of the time that a packet is about.
var ownTime = map[StatusType]string{Start: "start_time", InterimUpdate: "update_time", Stop: "stop_time"}

// parseTimes sets the times of a packet, and adds problems with them.
func (p *Packet) parseTimes(values map[string]string, arrived time.Time, problems Problems) {
	times := map[string]time.Time{}
	for _, name := range []string{"start_time", "update_time", "stop_time"} {
		if values[name] == "" {
			continue
		}
		at, ok := parseTime(values[name])
		if !ok {
			problems[name] = "is not a time: use RFC 3339, such as 2024-01-02T03:04:05Z"
			continue
		}
		times[name] = at
	}
	p.Time = p.heard().Time
	p.StartTime = times["start_time"]
	stop, hasStop := times["stop_time"]
	switch {
	case p.StatusType != Stop:
		p.StopTime = stop
	case hasStop && stop.Before(p.StartTime):
		problems["stop_time"] = stopBeforeStart
	}
	if at, ok := times[ownTime[p.StatusType]]; ok {
		p.Time = at
	}
	event := values["event_timestamp"]
	if event == "" {
		event = values["Event-Timestamp"]
	}
	if at, ok := parseTime(event); ok && at.After(earliest) && at.Before(arrived.Add(maxDelay)) {
		p.Time = at
	}
}

// text returns a setter for a text.
func text(of func(*Packet) *string) func(*Packet, string) error {
	return func(p *Packet, value string) error {
		*of(p) = value
		return nil
	}
}

// number returns a setter for a counter. One that is too large becomes the largest there is: a NAS
// that counts wrongly must not keep its sessions from being recorded.
func number(of func(*Packet) **int64) func(*Packet, string) error {
	return func(p *Packet, value string) error {
		n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
		if errors.Is(err, strconv.ErrRange) && n == math.MaxInt64 {
			err = nil
		}
		if err != nil {
			return errors.New("is not a whole number")
		}
		*of(p) = &n
		return nil
	}
}

// seconds returns a setter for a number of seconds.
func seconds(of func(*Packet) *time.Duration) func(*Packet, string) error {
	return func(p *Packet, value string) error {
		n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 32)
		if err != nil {
			return errors.New("is not a number of seconds: use 0 to 4294967295")
		}
		*of(p) = time.Duration(n) * time.Second // #nosec G115 -- 32 bits
		return nil
	}
}

// address returns a setter for an address.
func address(of func(*Packet) *netip.Addr) func(*Packet, string) error {
	return func(p *Packet, value string) error {
		parsed, err := parseAddress(value)
		if err != nil {
			return errors.New("is not an IP address")
		}
		*of(p) = parsed
		return nil
	}
}

// prefix returns a setter for a prefix.
func prefix(of func(*Packet) *netip.Prefix) func(*Packet, string) error {
	return func(p *Packet, value string) error {
		parsed, err := parsePrefix(value)
		if err != nil {
			return errors.New("is not a prefix: use an address and its length, such as 2001:db8::/56")
		}
		*of(p) = parsed
		return nil
	}
}

// parseAddress returns an address, which may have a full mask: PostgreSQL writes it.
func parseAddress(value string) (netip.Addr, error) {
	if strings.Contains(value, "/") {
		parsed, err := netip.ParsePrefix(value)
		return parsed.Addr(), err
	}
	return netip.ParseAddr(value)
}

// parsePrefix reads a prefix; an address is one of full length.
func parsePrefix(value string) (netip.Prefix, error) {
	if !strings.Contains(value, "/") {
		parsed, err := netip.ParseAddr(value)
		if err != nil {
			return netip.Prefix{}, err
		}
		return parsed.Prefix(parsed.BitLen())
	}
	return netip.ParsePrefix(value)
}
