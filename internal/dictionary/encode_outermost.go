package dictionary

import (
	"encoding/binary"
	"errors"
	"slices"

	"layeh.com/radius"
)

// outermost adds an attribute of the IETF's: in one piece, inside an extended
// one, or in several pieces if it may be long.
func (w *encoder) outermost(p place, value []byte) error {
	if vendor, extended := p.extendedVendor(); extended {
		header := binary.BigEndian.AppendUint32(nil, vendor)
		value = slices.Concat(header, []byte{byte(p.numbers[3])}, value) // #nosec G115 -- the dictionary has checked the range
	}
	root := w.dictionary.places[p.prefix(1)]
	if p.depth == 1 {
		return w.pieces(p.numbers[0], nil, value, root != nil && root.Long)
	}
	header := []byte{byte(p.numbers[1])} // #nosec G115 -- the dictionary has checked the range
	switch {
	case root != nil && root.Type == Extended:
		return w.pieces(p.numbers[0], header, value, false)
	case root != nil && root.Type == LongExtended:
		return w.pieces(p.numbers[0], append(header, 0), value, true)
	default:
		return errors.New("it is an attribute of another dictionary")
	}
}

// pieces adds a value in attributes that begin with the header, whose last octet
// has the flag that more follow. Only a long one may need several.
func (w *encoder) pieces(number uint32, header, value []byte, long bool) error {
	most := maxValueLen - len(header)
	if len(value) > most && !long {
		return tooLong(len(value), most)
	}
	if len(value) > maxLongLen {
		return tooLong(len(value), maxLongLen)
	}
	for len(value) > 0 {
		piece := value[:min(most, len(value))]
		value = value[len(piece):]
		octets := slices.Concat(header, piece)
		if len(header) == 2 && len(value) > 0 {
			octets[1] = moreFollows
		}
		w.attributes.Add(radius.Type(number), octets)
	}
	return nil
}

// vendorSpecific adds an attribute of a vendor's (RFC 2865 section 5.26).
func (w *encoder) vendorSpecific(p place, value []byte) error {
	format := w.dictionary.format(p.vendor)
	most := maxValueLen - vendorLen - format.header()
	if len(value) > most && !format.continuation {
		return tooLong(len(value), most)
	}
	if len(value) > maxLongLen {
		return tooLong(len(value), maxLongLen)
	}
	for len(value) > 0 {
		piece := value[:min(most, len(value))]
		value = value[len(piece):]
		octets := binary.BigEndian.AppendUint32(nil, p.vendor)
		octets, _ = format.append(octets, p.numbers[0], piece, len(value) > 0)
		w.attributes.Add(vendorSpecificType, octets)
	}
	return nil
}
