package acct

import "net/netip"

// Attributes holds what packets say of a session, and its record keeps. The zero value of
// each means that no packet said it.
type Attributes struct {
	SessionID string `json:"session_id"` // Acct-Session-Id: the NAS's own name of the session
	UniqueID  string `json:"unique_id"`  // Acct-Unique-Session-Id: the session among all NASes

	Username  string `json:"username"`
	GroupName string `json:"groupname"` // kept as first sent
	Realm     string `json:"realm"`

	NASAddress  netip.Addr `json:"nas_ip_address"` // IPv4 or IPv6
	NASPortID   string     `json:"nas_port_id"`    // NAS-Port-Id, else NAS-Port
	NASPortType string     `json:"nas_port_type"`

	NASIdentifier string `json:"nas_identifier,omitempty"` // distinguishes NASes that share an address

	SessionTime  *int64 `json:"session_time"`  // seconds, at most 4294967295
	InputOctets  *int64 `json:"input_octets"`  // gigawords included
	OutputOctets *int64 `json:"output_octets"` // gigawords included

	Authentication      string `json:"authentication"`        // Acct-Authentic
	ConnectionInfoStart string `json:"connection_info_start"` // Connect-Info of the Start, else of an Interim-Update
	ConnectionInfoStop  string `json:"connection_info_stop"`  // Connect-Info of the Stop
	CalledStationID     string `json:"called_station_id"`     // where it was connected to
	CallingStationID    string `json:"calling_station_id"`    // what has connected
	TerminateCause      string `json:"terminate_cause"`       // of a Stop, a guess, or a client that has it earlier
	ServiceType         string `json:"service_type"`          // such as Framed-User
	FramedProtocol      string `json:"framed_protocol"`       // such as PPP
	FramedInterfaceID   string `json:"framed_interface_id"`   // such as 0:0:0:7
	Class               string `json:"class"`                 // kept as first sent

	FramedIPAddress     netip.Addr   `json:"framed_ip_address"`
	FramedIPv6Address   netip.Addr   `json:"framed_ipv6_address"`
	FramedIPv6Prefix    netip.Prefix `json:"framed_ipv6_prefix"`
	DelegatedIPv6Prefix netip.Prefix `json:"delegated_ipv6_prefix"`
}

// texts returns all that are text, in one order for all.
func (a *Attributes) texts() []*string {
	return []*string{
		&a.NASIdentifier,
		&a.SessionID, &a.UniqueID, &a.Username, &a.GroupName, &a.Realm, &a.NASPortID, &a.NASPortType,
		&a.Authentication, &a.ConnectionInfoStart, &a.ConnectionInfoStop, &a.CalledStationID, &a.CallingStationID,
		&a.TerminateCause, &a.ServiceType, &a.FramedProtocol, &a.FramedInterfaceID, &a.Class,
	}
}

// addresses returns all that are addresses, in one order for all.
func (a *Attributes) addresses() []*netip.Addr {
	return []*netip.Addr{&a.NASAddress, &a.FramedIPAddress, &a.FramedIPv6Address}
}

// prefixes returns all that are prefixes, in one order for all.
func (a *Attributes) prefixes() []*netip.Prefix {
	return []*netip.Prefix{&a.FramedIPv6Prefix, &a.DelegatedIPv6Prefix}
}

// counters returns all that only grow, in one order for all.
func (a *Attributes) counters() []**int64 {
	return []**int64{&a.SessionTime, &a.InputOctets, &a.OutputOctets}
}
