package profile

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"

	"vault-plugin-auth-radius/internal/dictionary"
)

// operand is the right side of a comparison.
type operand struct {
	compare func(value, with []byte) order
	with    []byte
}

// parseOperand returns the right side of a comparison that is to accept some
// orders. attribute is nil for a client attribute, which is text.
func parseOperand(attribute *dictionary.Attribute, accepts order, text string) (operand, error) {
	if attribute == nil {
		return operand{compareBytes, []byte(text)}, nil
	}
	if isAddress(attribute.Type) && strings.Contains(text, "/") {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return operand{}, fmt.Errorf("%.40q is not a network: write it as 192.0.2.0/24", text)
		}
		if !network.IsSingleIP() {
			return networkOperand(attribute.Type, accepts, network)
		}
	}
	value, err := parseValue(attribute, text)
	if err != nil {
		return operand{}, err
	}
	return operand{comparison(attribute.Type), value}, nil
}

// parseValue returns the octets of a value. The error shows the value: a caller that
// reports the error leaves it out where it is secret.
func parseValue(attribute *dictionary.Attribute, text string) ([]byte, error) {
	value, err := attribute.ParseValue(text)
	if err != nil {
		return nil, fmt.Errorf("%.40q: %w", text, err)
	}
	return value, nil
}

func isAddress(t dictionary.Type) bool {
	return t == dictionary.IPAddr || t == dictionary.IPv6Addr || t == dictionary.ComboIP
}

// holdsAttributes reports whether values of the type are made of other attributes.
func holdsAttributes(t dictionary.Type) bool {
	switch t {
	case dictionary.TLV, dictionary.VSA, dictionary.Extended, dictionary.LongExtended, dictionary.EVS:
		return true
	}
	return false
}

// networkOperand returns the operand that compares an address with a network: it can be
// within, which == and <= ask for, or outside, which != asks for.
func networkOperand(t dictionary.Type, accepts order, network netip.Prefix) (operand, error) {
	switch accepts {
	case equal, less | equal, less | greater | apart:
	default:
		return operand{}, fmt.Errorf("an address cannot be less or greater than the network %s: use ==, <= or !=", network)
	}
	if t != dictionary.ComboIP && network.Addr().Is4() != (t == dictionary.IPAddr) {
		return operand{}, fmt.Errorf("%s is a network of another address family", network)
	}
	within := func(value, _ []byte) order {
		address, ok := netip.AddrFromSlice(value)
		switch {
		case !ok:
			return incomparable
		case network.Contains(address):
			return equal
		}
		return apart
	}
	return operand{compare: within}, nil
}

// comparison returns the function that compares values of a type.
func comparison(t dictionary.Type) func(value, with []byte) order {
	switch t {
	case dictionary.String:
		return compareBytes
	case dictionary.Octets, dictionary.ABinary:
		return compareOctets
	case dictionary.Signed:
		return compareSigned
	case dictionary.ComboIP:
		return compareFamilies
	case dictionary.IPv4Prefix, dictionary.IPv6Prefix:
		return comparePrefixes
	}
	return compareNumbers
}

// compareBytes returns the order of text: "9" is greater than "10".
func compareBytes(value, with []byte) order {
	return orderOf(bytes.Compare(value, with))
}

// compareOctets returns the order of octets as FreeRADIUS does: those of another length
// are always greater.
func compareOctets(value, with []byte) order {
	if len(value) != len(with) {
		return greater
	}
	return compareBytes(value, with)
}

// compareNumbers returns the order of unsigned numbers, times, addresses and identifiers,
// which have their most significant octet first.
func compareNumbers(value, with []byte) order {
	if len(value) != len(with) {
		return incomparable
	}
	return compareBytes(value, with)
}

// compareFamilies returns the order of addresses that may be of either family.
func compareFamilies(value, with []byte) order {
	if len(value) != len(with) {
		return apart
	}
	return compareBytes(value, with)
}

func compareSigned(value, with []byte) order {
	if len(value) != 4 || len(with) != 4 {
		return incomparable
	}
	a, b := int32(binary.BigEndian.Uint32(value)), int32(binary.BigEndian.Uint32(with)) // #nosec G115 -- two's complement is meant
	return orderOf(cmp.Compare(a, b))
}

// comparePrefixes returns the order of networks: one is less than those that contain it.
func comparePrefixes(value, with []byte) order {
	a, okA := prefixOf(value)
	b, okB := prefixOf(with)
	switch {
	case !okA || !okB:
		return incomparable
	case a == b:
		return equal
	case a.Bits() > b.Bits() && b.Contains(a.Addr()):
		return less
	case a.Bits() < b.Bits() && a.Contains(b.Addr()):
		return greater
	}
	return apart
}

// prefixOf returns the network of a reserved octet, a length and an address: four octets for IPv4
// (RFC 8044 section 3.11), for IPv6 those up to the last that is not zero (RFC
// 3162 section 2.3). Two of one type compare alike if both are taken for IPv6.
func prefixOf(value []byte) (netip.Prefix, bool) {
	var address [16]byte
	if len(value) < 2 || len(value) > 2+len(address) {
		return netip.Prefix{}, false
	}
	copy(address[:], value[2:])
	prefix, err := netip.AddrFrom16(address).Prefix(int(value[1]))
	return prefix, err == nil
}

func orderOf(comparison int) order {
	switch {
	case comparison < 0:
		return less
	case comparison > 0:
		return greater
	}
	return equal
}
