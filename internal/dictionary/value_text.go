package dictionary

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// ValueError means that a text is not a value of an attribute. It does not hold
// the text, which may be a password.
type ValueError struct {
	Attribute string
	Accepts   string // the values of the attribute
}

// Error returns the attribute's name and the values that it takes.
func (e *ValueError) Error() string { return fmt.Sprintf("%s takes %s", e.Attribute, e.Accepts) }

// ParseValue returns the octets of a value that is written as text: the plain value,
// without tag, not hidden. It is strict: a number has neither sign nor spaces and
// is in range, nothing is looked up in DNS, and a network is only for types that
// are one. Errors are of type *ValueError.
func (a *Attribute) ParseValue(text string) ([]byte, error) {
	value, ok := a.parseValue(text)
	if !ok {
		return nil, &ValueError{Attribute: a.Name, Accepts: a.accepts()}
	}
	return value, nil
}

func (a *Attribute) parseValue(text string) (value []byte, ok bool) {
	switch a.Type {
	case String:
		return []byte(text), len(text) <= a.longest()
	case Octets, ABinary, TLV, VSA, Extended, LongExtended, EVS:
		return a.parseOctets(text)
	case Byte, Short, Integer, Integer64, Signed:
		return a.parseInteger(text)
	case IPAddr, IPv6Addr, ComboIP:
		return parseAddress(text, a.Type)
	case IPv4Prefix, IPv6Prefix:
		return parsePrefix(text, a.Type)
	case InterfaceID:
		return parseInterfaceID(text)
	case Ether:
		address, err := net.ParseMAC(text)
		return address, err == nil && len(address) == 6
	case Date:
		return a.parseDate(text)
	default:
		return nil, false
	}
}

// longest returns the length of the longest plain value in octets. Internal
// attributes have no room on the wire, and the same limit.
func (a *Attribute) longest() int {
	if a.size > 0 {
		return int(a.size)
	}
	return int(a.room)
}

// parseOctets reads 0x and an even number of hexadecimal digits. Other text
// stands for its own octets, except where the octets have a structure.
func (a *Attribute) parseOctets(text string) ([]byte, bool) {
	value := []byte(text)
	if strings.HasPrefix(text, "0x") || strings.HasPrefix(text, "0X") {
		var err error
		if value, err = hex.DecodeString(text[2:]); err != nil {
			return nil, false
		}
	} else if a.Type != Octets {
		return nil, false
	}
	return value, len(value) <= a.longest() && (a.size == 0 || len(value) == int(a.size))
}

// parseInteger reads the name of a value or a number.
func (a *Attribute) parseInteger(text string) ([]byte, bool) {
	number, ok := a.values.number(text)
	if !ok && a.Type == Signed && strings.HasPrefix(text, "-") {
		n, err := strconv.ParseInt(text, 10, 32)
		number, ok = uint64(uint32(n)), err == nil // #nosec G115 -- two's complement is what the wire has
	} else if !ok {
		number, ok = parseNumber(text, a.largest())
	}
	if !ok {
		return nil, false
	}
	value := binary.BigEndian.AppendUint64(nil, number)
	return value[len(value)-a.Type.integerSize():], true
}

// parseAddress reads an IP address, which may have a mask of its full length.
func parseAddress(text string, t Type) ([]byte, bool) {
	host, mask, masked := strings.Cut(text, "/")
	address, err := netip.ParseAddr(host)
	if err != nil || address.Zone() != "" || masked && mask != strconv.Itoa(address.BitLen()) {
		return nil, false
	}
	return address.AsSlice(), t == ComboIP || address.Is4() == (t == IPAddr)
}

// parsePrefix reads a network, or an address as the network of that host alone.
// Host bits are cleared, as FreeRADIUS does it.
func parsePrefix(text string, t Type) ([]byte, bool) {
	network, err := netip.ParsePrefix(text)
	if err != nil {
		address, err := netip.ParseAddr(text)
		if err != nil || address.Zone() != "" {
			return nil, false
		}
		network = netip.PrefixFrom(address, address.BitLen())
	}
	if network.Addr().Is4() != (t == IPv4Prefix) {
		return nil, false
	}
	return encodePrefix(network), true
}

// parseInterfaceID reads four groups of hexadecimal digits: 0:0:0:1.
func parseInterfaceID(text string) ([]byte, bool) {
	groups := strings.Split(text, ":")
	if len(groups) != 4 {
		return nil, false
	}
	value := make([]byte, 0, 8)
	for _, group := range groups {
		n, err := strconv.ParseUint(group, 16, 16)
		if err != nil {
			return nil, false
		}
		value = binary.BigEndian.AppendUint16(value, uint16(n)) // #nosec G115 -- ParseUint has checked the range
	}
	return value, true
}

// accepts returns, in words, the values that ParseValue takes.
func (a *Attribute) accepts() string {
	switch a.Type {
	case String:
		return fmt.Sprintf("text of at most %d octets", a.longest())
	case Octets:
		if a.size > 0 {
			return fmt.Sprintf("%d octets, as 0x and %d hexadecimal digits", a.size, 2*a.size)
		}
		return fmt.Sprintf("at most %d octets, as 0x and two hexadecimal digits for each, or as text that does not begin with 0x", a.longest())
	case Byte, Short, Integer, Integer64:
		return fmt.Sprintf("a number from 0 to %d, decimal or 0x hexadecimal%s", a.largest(), a.acceptedNames())
	case Signed:
		return fmt.Sprintf("a number from %d to %d, or 0x hexadecimal%s", math.MinInt32, math.MaxInt32, a.acceptedNames())
	case IPAddr:
		return "an IPv4 address, as 192.0.2.1"
	case IPv6Addr:
		return "an IPv6 address, as 2001:db8::1"
	case ComboIP:
		return "an IPv4 or IPv6 address, as 192.0.2.1 or 2001:db8::1"
	case IPv4Prefix:
		return "an IPv4 network, as 192.0.2.0/24"
	case IPv6Prefix:
		return "an IPv6 network, as 2001:db8::/32"
	case InterfaceID:
		return "four groups of hexadecimal digits, as 0:0:0:1"
	case Ether:
		return "a hardware address, as 00:00:5e:00:53:01"
	case Date:
		return "a time: seconds since 1970, 2021-06-01T10:00:00Z or Jun 1 2021 10:00:00 UTC"
	default:
		return fmt.Sprintf("at most %d octets, as 0x and two hexadecimal digits for each", a.longest())
	}
}

// acceptedNames returns the part of accepts about named values: few enough to read.
func (a *Attribute) acceptedNames() string {
	const some = 8
	var names []string
	for _, value := range a.values.list {
		if len(names) == some {
			return ", or a name such as " + strings.Join(names, ", ")
		}
		names = append(names, value.Name)
	}
	if len(names) == 0 {
		return ""
	}
	return ", or one of the names " + strings.Join(names, ", ")
}

// PrintValue returns a plain value as FreeRADIUS writes it: a number by its name if it
// has one, octets as 0x and hexadecimal digits, a time in UTC. Text is not
// quoted. A value of a wrong size is written as octets are.
func (a *Attribute) PrintValue(value []byte) string {
	if !a.fits(value) {
		return "0x" + hex.EncodeToString(value)
	}
	switch a.Type {
	case String:
		return string(value)
	case Byte, Short, Integer, Integer64, Signed:
		return a.printInteger(value)
	case IPAddr, IPv6Addr, ComboIP:
		address, _ := netip.AddrFromSlice(value)
		return address.String()
	case IPv4Prefix, IPv6Prefix:
		network, _ := decodePrefix(value, a.Type)
		return network.String()
	case InterfaceID:
		group := func(i int) uint16 { return binary.BigEndian.Uint16(value[2*i:]) }
		return fmt.Sprintf("%x:%x:%x:%x", group(0), group(1), group(2), group(3))
	case Ether:
		return net.HardwareAddr(value).String()
	case Date:
		return printDate(value)
	default:
		return "0x" + hex.EncodeToString(value)
	}
}

func (a *Attribute) printInteger(value []byte) string {
	number := bigEndian(value)
	if name, found := a.values.name(number); found {
		return name
	}
	if n, signed := a.SignedNumber(value); signed {
		return strconv.FormatInt(n, 10)
	}
	return strconv.FormatUint(number, 10)
}

// Number64 returns the number of a value of type byte, short, integer, integer64 or
// date; ok is false for other types (a signed one is for SignedNumber) and for a
// value of a wrong size.
func (a *Attribute) Number64(value []byte) (number uint64, ok bool) {
	if (!a.Type.integer() && a.Type != Date) || a.Type == Signed || !a.fits(value) {
		return 0, false
	}
	return bigEndian(value), true
}

// SignedNumber returns the number of a value of type signed; ok is false for other
// types and for a value of a wrong size.
func (a *Attribute) SignedNumber(value []byte) (number int64, ok bool) {
	if a.Type != Signed || !a.fits(value) {
		return 0, false
	}
	return int64(int32(binary.BigEndian.Uint32(value))), true // #nosec G115 -- two's complement is what the wire has
}

func bigEndian(value []byte) uint64 {
	var number uint64
	for _, octet := range value {
		number = number<<8 | uint64(octet)
	}
	return number
}

// fits reports whether a plain value has a size that the type allows.
func (a *Attribute) fits(value []byte) bool {
	switch a.Type {
	case Byte, Short, Integer, Integer64, Signed:
		return len(value) == a.Type.integerSize()
	case IPAddr, Date:
		return len(value) == 4
	case IPv6Addr:
		return len(value) == 16
	case ComboIP:
		return len(value) == 4 || len(value) == 16
	case IPv4Prefix, IPv6Prefix:
		_, ok := decodePrefix(value, a.Type)
		return ok
	case InterfaceID:
		return len(value) == 8
	case Ether:
		return len(value) == 6
	default:
		return a.size == 0 || len(value) == int(a.size)
	}
}

// encodePrefix returns a network's octets: zero, length in bits, and the address:
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

// decodePrefix returns the network of octets.
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
