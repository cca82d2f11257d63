package dictionary

import "strings"

// Type is the data type of an attribute (RFC 8044), by FreeRADIUS's names.
type Type uint8

// The types. Sizes are those of a plain value: without tag, decrypted.
const (
	String      Type = iota + 1 // UTF-8 text, though no octet is refused
	Octets                      // any octets; the RFCs say "string"
	Byte                        // 1 octet
	Short                       // 2 octets
	Integer                     // 4 octets, unsigned
	Integer64                   // 8 octets, unsigned
	Signed                      // 4 octets, two's complement
	IPAddr                      // 4 octets
	IPv4Prefix                  // 6 octets: zero, length, address (RFC 8044 section 3.11)
	IPv6Addr                    // 16 octets
	IPv6Prefix                  // 2 to 18 octets: zero, length, address (RFC 8044 section 3.10)
	ComboIP                     // 4 or 16 octets
	InterfaceID                 // 8 octets (RFC 8044 section 3.7)
	Ether                       // 6 octets
	Date                        // 4 octets: seconds since 1970
	ABinary                     // Ascend's binary filters, opaque here

	// The types below are containers: their values hold other attributes.

	TLV          // attributes of one octet type and length (RFC 8044 section 3.13)
	VSA          // Vendor-Specific (RFC 2865 section 5.26)
	Extended     // 241 to 244 (RFC 6929 section 2.1)
	LongExtended // 245 and 246 (RFC 6929 section 2.2)
	EVS          // Extended-Vendor-Specific (RFC 6929 section 2.4)
)

var typeNames = [...]string{
	String:       "string",
	Octets:       "octets",
	Byte:         "byte",
	Short:        "short",
	Integer:      "integer",
	Integer64:    "integer64",
	Signed:       "signed",
	IPAddr:       "ipaddr",
	IPv4Prefix:   "ipv4prefix",
	IPv6Addr:     "ipv6addr",
	IPv6Prefix:   "ipv6prefix",
	ComboIP:      "combo-ip",
	InterfaceID:  "ifid",
	Ether:        "ether",
	Date:         "date",
	ABinary:      "abinary",
	TLV:          "tlv",
	VSA:          "vsa",
	Extended:     "extended",
	LongExtended: "long-extended",
	EVS:          "evs",
}

// otherTypeNames are the ones that FreeRADIUS takes as well.
var otherTypeNames = map[string]Type{
	"uint8":  Byte,
	"uint16": Short,
	"uint32": Integer,
	"uint64": Integer64,
	"int32":  Signed,
}

// String returns FreeRADIUS's name of the type: "ipaddr", "ifid".
func (t Type) String() string {
	if int(t) < len(typeNames) && t != 0 {
		return typeNames[t]
	}
	return "unknown"
}

// typeNamed returns a type by its name, in any case.
func typeNamed(name string) (Type, bool) {
	for t := String; int(t) < len(typeNames); t++ {
		if strings.EqualFold(typeNames[t], name) {
			return t, true
		}
	}
	t, found := otherTypeNames[strings.ToLower(name)]
	return t, found
}

// container reports whether the type's values hold other attributes.
func (t Type) container() bool { return t >= TLV }

// integer reports whether the type's values are numbers, which may have names.
func (t Type) integer() bool { return t.integerSize() > 0 }

// integerSize returns the size in octets of an integer type; 0 for other types.
func (t Type) integerSize() int {
	switch t {
	case Byte:
		return 1
	case Short:
		return 2
	case Integer, Signed:
		return 4
	case Integer64:
		return 8
	default:
		return 0
	}
}
