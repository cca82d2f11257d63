package radclient

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc3162"
)

// defaultNASIdentifier is sent when nothing else names the NAS: RFC 2865
// section 4.1 wants every Access-Request to.
const defaultNASIdentifier = "vault"

// NAS holds what every request says of the system that asks.
type NAS struct {
	// Identifier is the NAS-Identifier, at most 253 octets; empty means
	// "vault" if there is no Address, else none.
	Identifier string
	// Address is the NAS-IP-Address or NAS-IPv6-Address; invalid means none.
	Address netip.Addr
	Port    uint32 // NAS-Port
	// PortType is the NAS-Port-Type (RFC 2865 section 5.41).
	PortType rfc2865.NASPortType
}

// Attributes returns those that name the NAS, in the order in which they are sent. It
// fails if the identifier is too long.
func (n NAS) Attributes() (radius.Attributes, error) {
	var attributes radius.Attributes
	if n.Identifier == "" && !n.Address.IsValid() {
		n.Identifier = defaultNASIdentifier
	}
	if n.Identifier != "" {
		value, err := radius.NewString(n.Identifier)
		if err != nil {
			return nil, fmt.Errorf("NAS-Identifier: %w", err)
		}
		attributes.Add(rfc2865.NASIdentifier_Type, value)
	}
	if address := n.Address.Unmap(); address.Is4() {
		attributes.Add(rfc2865.NASIPAddress_Type, address.AsSlice())
	} else if address.Is6() {
		attributes.Add(rfc3162.NASIPv6Address_Type, address.AsSlice())
	}
	attributes.Add(rfc2865.NASPort_Type, radius.NewInteger(n.Port))
	attributes.Add(rfc2865.NASPortType_Type, radius.NewInteger(uint32(n.PortType)))
	return attributes, nil
}

// ParseNASPortType reads a NAS-Port-Type: a name of RFC 2865 section 5.41 such
// as "Virtual", in any case, or a number.
func ParseNASPortType(text string) (rfc2865.NASPortType, error) {
	for value, name := range rfc2865.NASPortType_Strings {
		if strings.EqualFold(name, text) {
			return value, nil
		}
	}
	value, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, errors.New("is neither a NAS-Port-Type, such as Virtual or Ethernet, nor a number")
	}
	return rfc2865.NASPortType(value), nil
}
