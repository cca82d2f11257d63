package dictionary

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"strconv"
)

// PrintValue writes a plain value as FreeRADIUS does: a number by its name if it
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

// Number64 is the number of a value of type byte, short, integer, integer64 or
// date; ok is false for other types (a signed one is for SignedNumber) and for a
// value of a wrong size.
func (a *Attribute) Number64(value []byte) (number uint64, ok bool) {
	if (!a.Type.integer() && a.Type != Date) || a.Type == Signed || !a.fits(value) {
		return 0, false
	}
	return bigEndian(value), true
}

// SignedNumber is the number of a value of type signed; ok is false for other
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

// fits says that a plain value has a size that the type allows.
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
