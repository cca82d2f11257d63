package dictionary

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"layeh.com/radius"
)

// EncodeError means that an item cannot be written into a packet.
type EncodeError struct {
	Attribute string
	Err       error
}

// Error returns the attribute's name and the problem with its value.
func (e *EncodeError) Error() string { return fmt.Sprintf("%s: %v", e.Attribute, e.Err) }

// Unwrap returns the cause.
func (e *EncodeError) Unwrap() error { return e.Err }

// Encode writes items as the attributes of a packet, in their order. Items that
// follow each other inside one TLV share it. Errors are of type *EncodeError: an
// internal attribute, a value of a wrong size, one that is empty or too long.
// Whether all fit into one packet is the caller's to check.
func (d *Dictionary) Encode(items []Item, keys Keys) (radius.Attributes, error) {
	w := encoder{dictionary: d, keys: keys, attributes: make(radius.Attributes, 0, len(items))}
	for len(items) > 0 {
		holder := d.outermost(items[0].Attribute.place)
		count := countInside(items, holder)
		if err := w.write(holder, items[:count]); err != nil {
			return nil, &EncodeError{Attribute: items[0].Attribute.Name, Err: err}
		}
		items = items[count:]
	}
	return w.attributes, nil
}

type encoder struct {
	dictionary *Dictionary
	keys       Keys
	attributes radius.Attributes
	salt       uint16 // the last one; 0 before the first
}

// outermost returns the first place on the way to an attribute that has a value of its
// own in a packet: that of the attribute itself, or of the TLV that it is in.
func (d *Dictionary) outermost(p place) place {
	depth := uint32(1)
	if _, extended := p.extendedVendor(); extended {
		depth = extendedVendorDepth
	} else if p.depth > 1 && p.vendor == 0 {
		if root := d.places[p.prefix(1)]; root != nil && root.Type != TLV {
			depth = 2
		}
	}
	return p.prefix(depth)
}

// countInside returns how many items, from the first on, the attribute at a place holds.
func countInside(items []Item, outer place) int {
	count := 1
	if items[0].Attribute.place == outer {
		return count
	}
	for count < len(items) && items[count].Attribute.place.inside(outer) {
		count++
	}
	return count
}

// write adds the attribute at a place, which holds the items.
func (w *encoder) write(holder place, items []Item) error {
	value, err := w.value(holder, items)
	if err != nil {
		return err
	}
	if holder.vendor != 0 {
		return w.vendorSpecific(holder, value)
	}
	return w.ietf(holder, value)
}

// value returns the octets of the attribute at a place: the value of the only item, or
// a TLV's attributes.
func (w *encoder) value(at place, items []Item) ([]byte, error) {
	if items[0].Attribute.place == at {
		return w.encodeValue(items[0])
	}
	var octets []byte
	for len(items) > 0 {
		next := items[0].Attribute.place.prefix(at.depth + 1)
		count := countInside(items, next)
		value, err := w.value(next, items[:count])
		if err != nil {
			return nil, err
		}
		var ok bool
		if octets, ok = tlvFormat.append(octets, next.numbers[at.depth], value, false); !ok {
			return nil, tooLong(len(value), 255-tlvHeaderLen)
		}
		items = items[count:]
	}
	return octets, nil
}

// encodeValue returns the value of an item as it is in a packet: hidden, and with its tag.
func (w *encoder) encodeValue(item Item) ([]byte, error) {
	a, value := item.Attribute, item.Value
	switch {
	case a.Internal:
		return nil, errors.New("it is an internal attribute, which packets cannot have")
	case !a.fits(value):
		return nil, fmt.Errorf("its value has %d octets, which does not fit the type %s", len(value), a.describe())
	case item.Tag > maxTag || item.Tag != 0 && !a.Tagged:
		return nil, fmt.Errorf("it cannot have the tag %d", item.Tag)
	case len(value) == 0 && (a.Encrypt == 0 || w.keys.Plain):
		return nil, errors.New("its value is empty")
	}
	if a.Encrypt != 0 && !w.keys.Plain {
		var err error
		if value, err = a.hide(value, w.nextSalt(), w.keys); err != nil {
			return nil, err
		}
	}
	return a.tag(value, item.Tag)
}

// tag returns a value with its tag (RFC 2868 section 3). Text without one has no
// octet for it, unless it could be taken for one.
func (a *Attribute) tag(value []byte, tag uint8) ([]byte, error) {
	switch {
	case !a.Tagged:
		return value, nil
	case a.Type == Integer && value[0] != 0:
		return nil, fmt.Errorf("its value is too large: at most %d is possible", a.largest())
	case a.Type == Integer:
		return append([]byte{tag}, value[1:]...), nil
	case tag == 0 && a.Encrypt != encryptTunnelPassword && value[0] > maxTag:
		return value, nil
	default:
		return append([]byte{tag}, value...), nil
	}
}

// nextSalt returns another salt for each value of a packet, its first bit set (RFC
// 2868 section 3.5).
func (w *encoder) nextSalt() (salt [saltLen]byte) {
	if w.salt == 0 {
		_, _ = rand.Read(salt[:]) // it never fails
		w.salt = binary.BigEndian.Uint16(salt[:])
	}
	w.salt++
	binary.BigEndian.PutUint16(salt[:], w.salt|1<<15)
	return salt
}

func tooLong(length, most int) error {
	return fmt.Errorf("its value has %d octets on the wire: at most %d are possible", length, most)
}

// ietf adds an attribute of the IETF's: in one piece, inside an extended
// one, or in several pieces if it may be long.
func (w *encoder) ietf(p place, value []byte) error {
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
