package dictionary

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// maxDepth is how deep attributes nest: an Extended-Vendor-Specific attribute
// has four numbers (245.26.vendor.number) and may hold a TLV.
const maxDepth = 5

// place is where an attribute stands on the wire: two attributes of one place
// are one attribute under two names. An attribute of a vendor's has the numbers
// below Vendor-Specific; all others have theirs from the outermost on, an
// Extended-Vendor-Specific one with its vendor among them.
type place struct {
	vendor  uint32
	depth   uint32
	numbers [maxDepth]uint32
}

// below returns the place with a number inside this one.
func (p place) below(number uint32) place {
	p.numbers[p.depth] = number
	p.depth++
	return p
}

// parent returns the place of the container; ok is false for an outermost attribute.
func (p place) parent() (parent place, ok bool) {
	if p.depth <= 1 {
		return place{}, false
	}
	return p.prefix(p.depth - 1), true
}

// prefix returns the place without the numbers below a depth.
func (p place) prefix(depth uint32) place {
	clear(p.numbers[depth:])
	p.depth = depth
	return p
}

// inside reports whether a place is below another one.
func (p place) inside(outer place) bool {
	return p.depth > outer.depth && p.prefix(outer.depth) == outer
}

// internal reports whether packets have no such attribute: its number does not fit into
// one octet.
func (p place) internal() bool { return p.vendor == 0 && p.numbers[0] > math.MaxUint8 }

func (p place) path() []uint32 { return p.numbers[:p.depth] }

// String returns the place in FreeRADIUS's notation for attributes without a name:
// "1", "26.9.1", "241.3".
func (p place) String() string {
	var text []byte
	if p.vendor != 0 {
		text = append(strconv.AppendUint([]byte("26."), uint64(p.vendor), 10), '.')
	}
	for i, number := range p.path() {
		if i > 0 {
			text = append(text, '.')
		}
		text = strconv.AppendUint(text, uint64(number), 10)
	}
	return string(text)
}

// parsePlace returns the place that place.String has written.
func parsePlace(text string) (place, bool) {
	var p place
	if vendor, found := strings.CutPrefix(text, "26."); found {
		number, rest, _ := strings.Cut(vendor, ".")
		n, ok := parseNumber(number, math.MaxUint32)
		if !ok || n == 0 {
			return p, false
		}
		p.vendor, text = uint32(n), rest // #nosec G115 -- parseNumber has checked the range
	}
	return p.append(text)
}

// append returns the place below this one that a dotted text names.
func (p place) append(text string) (place, bool) {
	for more := true; more; {
		var number string
		number, text, more = strings.Cut(text, ".")
		n, ok := parseNumber(number, math.MaxUint32)
		if !ok || p.depth == maxDepth {
			return p, false
		}
		p = p.below(uint32(n)) // #nosec G115 -- parseNumber has checked the range
	}
	return p, true
}

// parseNumber returns the value of a decimal or 0x hexadecimal number up to limit, without
// sign or spaces.
func parseNumber(text string, limit uint64) (uint64, bool) {
	base := 10
	if len(text) > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X') {
		text, base = text[2:], 16
	}
	n, err := strconv.ParseUint(text, base, 64)
	return n, err == nil && n <= limit
}

// extendedVendorDepth is the depth of an Extended-Vendor-Specific attribute:
// 245.26.vendor.number.
const extendedVendorDepth = 4

// extendedVendor returns the vendor of a place below Extended-Vendor-Specific (RFC
// 6929 section 2.4).
func (p place) extendedVendor() (uint32, bool) {
	if p.vendor != 0 || p.depth < extendedVendorDepth || p.numbers[0] < 241 || p.numbers[0] > 246 || p.numbers[1] != 26 {
		return 0, false
	}
	return p.numbers[2], true
}

// container returns the place of the attribute that a place is directly inside; ok
// is false for an outermost attribute.
func (p place) container() (outer place, ok bool) {
	outer, ok = p.parent()
	if !ok {
		return outer, false
	}
	if _, extended := p.extendedVendor(); extended && p.depth == extendedVendorDepth {
		outer, _ = outer.parent()
	}
	return outer, true
}

// checkPlace returns an error unless an attribute can be at a place.
func (d *Dictionary) checkPlace(p place) error {
	number, limit := p.numbers[p.depth-1], uint64(math.MaxUint8)
	outer, inside := p.container()
	switch {
	case inside:
		if a := d.places[outer]; a == nil || !a.Type.container() || a.Type == VSA || (a.Type == EVS) != (p.depth == outer.depth+2) {
			return fmt.Errorf("%s cannot hold attributes: define it first, of type tlv", outer)
		}
	case p.vendor != 0:
		limit = 1<<(8*d.format(p.vendor).typeSize) - 1
	default:
		limit = math.MaxUint32
	}
	if uint64(number) > limit {
		return fmt.Errorf("number %d is too large: at most %d", number, limit)
	}
	return nil
}

const (
	// maxValueLen is the longest value of an attribute in octets: 255 less the
	// type and length octets (RFC 2865 section 5).
	maxValueLen = 253

	// maxLongLen is the longest value of one that may be spread over several, in
	// octets: it leaves a packet of 4096 octets room for all their headers.
	maxLongLen = 3840

	// vendorLen is the length of a vendor's number in octets.
	vendorLen = 4
)

// room returns how many octets can be at a place.
func (d *Dictionary) room(p place) int {
	outer, inside := p.container()
	if !inside {
		if p.vendor == 0 {
			return maxValueLen
		}
		format := d.format(p.vendor)
		if format.continuation {
			return maxLongLen
		}
		return maxValueLen - vendorLen - format.header()
	}
	holder := d.places[outer]
	switch {
	case holder == nil:
		return 0
	case holder.Type == Extended:
		return maxValueLen - 1
	case holder.Type == LongExtended:
		return maxLongLen
	case holder.Type == EVS:
		return d.room(outer) - vendorLen - 1
	default:
		return min(d.room(outer)-tlvHeaderLen, math.MaxUint8-tlvHeaderLen)
	}
}

// plainRoom returns how many octets a plain value may have in the room for a hidden
// and tagged one.
func (a *Attribute) plainRoom() uint16 {
	room := a.room
	if a.Tagged {
		room--
	}
	switch a.Encrypt {
	case encryptUserPassword:
		return min(room, maxPasswordLen)
	case encryptTunnelPassword:
		return min((room-saltLen)/hidingBlock*hidingBlock, maxTunnelText) - 1
	case encryptAscendSecret:
		return hidingBlock
	default:
		return room
	}
}
