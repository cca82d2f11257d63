package fairshare

import "net/netip"

// Share says which of those that wait count together: those from the same address,
// and among them those that are about the same name. The zero Share is one of its own.
type Share struct {
	Address string
	Name    string
}

// sitePrefix is how much of an IPv6 address counts: hosts choose the rest themselves
// (RFC 4291 section 2.5.1).
const sitePrefix = 64

// NewShare returns the share of a request about a name that comes from an address,
// which may have a port. All addresses of an IPv6 network of 64 bits are one, and an
// IPv4-mapped address is the IPv4 address. A text that is no address stands for itself.
func NewShare(address, name string) Share {
	return Share{Address: network(address), Name: name}
}

func network(text string) string {
	address, err := netip.ParseAddr(text)
	if err != nil {
		withPort, err := netip.ParseAddrPort(text)
		if err != nil {
			return text
		}
		address = withPort.Addr()
	}
	address = address.Unmap().WithZone("")
	if address.Is4() {
		return address.String()
	}
	return netip.PrefixFrom(address, sitePrefix).Masked().String()
}
