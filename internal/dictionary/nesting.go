package dictionary

import (
	"fmt"
	"math"
)

// extendedVendorDepth is the depth of an Extended-Vendor-Specific attribute:
// 245.26.vendor.number.
const extendedVendorDepth = 4

// extendedVendor is the vendor of a place below Extended-Vendor-Specific (RFC
// 6929 section 2.4).
func (p place) extendedVendor() (uint32, bool) {
	if p.vendor != 0 || p.depth < extendedVendorDepth || p.numbers[0] < 241 || p.numbers[0] > 246 || p.numbers[1] != 26 {
		return 0, false
	}
	return p.numbers[2], true
}

// container is the place of the attribute that a place is directly inside; ok
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

// checkPlace checks that an attribute can be at a place.
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

// room is how many octets can be at a place.
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

// plainRoom is how many octets a plain value may have in the room for a hidden
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
