package dictionary

import "net/netip"

// encodePrefix gives a network's octets: zero, length in bits, and the address:
// all of an IPv4 one (RFC 8044 section 3.11), of an IPv6 one the octets that the
// length covers (section 3.10). Bits beyond the length are zero.
func encodePrefix(network netip.Prefix) []byte {
	network = network.Masked()
	address := network.Addr().AsSlice()
	if network.Addr().Is6() {
		address = address[:(network.Bits()+7)/8]
	}
	return append([]byte{0, byte(network.Bits())}, address...) // #nosec G115 -- at most 128 bits
}

// decodePrefix reads a network's octets.
func decodePrefix(value []byte, t Type) (netip.Prefix, bool) {
	if len(value) < 2 {
		return netip.Prefix{}, false
	}
	bits, address := int(value[1]), value[2:]
	if t == IPv4Prefix {
		bits &= 0x3f // the two bits above are reserved
		if len(address) != 4 || bits > 32 {
			return netip.Prefix{}, false
		}
		return netip.PrefixFrom(netip.AddrFrom4([4]byte(address)), bits).Masked(), true
	}
	var octets [16]byte
	if len(address) > len(octets) || bits > 128 || bits > 8*len(address) {
		return netip.Prefix{}, false
	}
	copy(octets[:], address)
	return netip.PrefixFrom(netip.AddrFrom16(octets), bits).Masked(), true
}
