package dictionary

import (
	"math/rand/v2"
	"net/netip"
)

// sampleValue is any plain value of an attribute that the wire can have.
func sampleValue(a *Attribute, random *rand.Rand) []byte {
	octets := func(count int) []byte {
		value := make([]byte, count)
		for i := range value {
			value[i] = byte(random.Uint32()) // #nosec G115 -- any octet will do
		}
		return value
	}
	switch a.Type {
	case String:
		value := octets(1 + random.IntN(min(12, a.longest())))
		for i := range value {
			value[i] = 'A' + value[i]%26
		}
		return value
	case Byte, Short, Integer, Integer64, Signed:
		if values := a.Values(); len(values) > 0 && random.IntN(2) == 0 {
			return appendBigEndian(nil, values[random.IntN(len(values))].Number, a.Type.integerSize())
		}
		value := octets(a.Type.integerSize())
		if a.Tagged {
			value[0] = 0
		}
		return value
	case IPAddr, Date:
		return octets(4)
	case IPv6Addr:
		return octets(16)
	case ComboIP:
		return octets(4 + 12*random.IntN(2))
	case IPv4Prefix:
		return encodePrefix(netip.PrefixFrom(netip.AddrFrom4([4]byte(octets(4))), random.IntN(33)))
	case IPv6Prefix:
		return encodePrefix(netip.PrefixFrom(netip.AddrFrom16([16]byte(octets(16))), random.IntN(129)))
	case InterfaceID:
		return octets(8)
	case Ether:
		return octets(6)
	default:
		if a.size > 0 {
			return octets(int(a.size))
		}
		return octets(1 + random.IntN(min(20, a.longest())))
	}
}
