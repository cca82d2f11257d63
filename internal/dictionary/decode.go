package dictionary

import (
	"encoding/binary"
	"slices"

	"layeh.com/radius"
)

// vendorSpecificType is Vendor-Specific (RFC 2865 section 5.26).
const vendorSpecificType radius.Type = 26

// moreFollows is the flag that an attribute's value goes on in the next of its
// kind (RFC 6929 section 2.2; WiMAX has it too).
const moreFollows = 0x80

// Decode reads the attributes of a packet. What the dictionary does not know is
// of type octets and has a name like Attr-26.9.240. A value that is empty, has a
// wrong size, or cannot be revealed is left out; the values around it are not. A
// container whose inside is malformed is one item, with all its octets.
//
// Values may share memory with the attributes. Networks have the form that
// ParseValue returns.
func (d *Dictionary) Decode(attributes radius.Attributes, keys Keys) []Item {
	r := decoder{dictionary: d, keys: keys, attributes: attributes, items: make([]Item, 0, len(attributes))}
	for _, attribute := range attributes {
		if attribute.Type >= 0 && attribute.Type <= 255 {
			r.outermost(uint32(attribute.Type), attribute.Attribute) // #nosec G115 -- checked beside it
		}
	}
	return r.items
}

type decoder struct {
	dictionary *Dictionary
	keys       Keys
	attributes radius.Attributes
	items      []Item

	joined    [256]bool // types whose attributes are joined already
	fragments []fragment
}

// fragment is the beginning of a value that more attributes go on with.
type fragment struct {
	place place
	value []byte
}

// outermost reads an attribute of the packet.
func (r *decoder) outermost(number uint32, value []byte) {
	p := place{}.below(number)
	a := r.dictionary.places[p]
	switch {
	case a == nil:
		r.value(p, value)
	case a.Type == VSA:
		r.vendorSpecific(a, value)
	case a.Type == Extended && len(value) > 1:
		r.value(p.below(uint32(value[0])), value[1:])
	case a.Type == LongExtended && len(value) > 2:
		r.part(p.below(uint32(value[0])), value[2:], value[1]&moreFollows != 0)
	case a.Long:
		r.join(p, number)
	default:
		r.value(p, value)
	}
}

// join reads all attributes of a type as one value (RFC 3579 section 3.1).
func (r *decoder) join(p place, number uint32) {
	if r.joined[number] {
		return
	}
	r.joined[number] = true
	var whole []byte
	for _, attribute := range r.attributes {
		if attribute.Type == radius.Type(number) {
			whole = append(whole, attribute.Attribute...)
		}
	}
	r.value(p, whole)
}

// part reads a part of a value: the last one if no more follow.
func (r *decoder) part(p place, value []byte, more bool) {
	i := slices.IndexFunc(r.fragments, func(f fragment) bool { return f.place == p })
	switch {
	case i < 0 && !more:
		r.value(p, value)
	case i < 0:
		r.fragments = append(r.fragments, fragment{p, slices.Clone(value)})
	case more:
		r.fragments[i].value = append(r.fragments[i].value, value...)
	default:
		whole := append(r.fragments[i].value, value...)
		r.fragments = slices.Delete(r.fragments, i, i+1)
		r.value(p, whole)
	}
}

// vendorSpecific reads the attributes of a vendor (RFC 2865 section 5.26).
func (r *decoder) vendorSpecific(a *Attribute, value []byte) {
	if len(value) < vendorLen {
		r.add(a, value)
		return
	}
	p := place{vendor: binary.BigEndian.Uint32(value)}
	format, octets := r.dictionary.format(p.vendor), value[vendorLen:]
	if p.vendor == 0 || !format.wellFormed(octets) {
		r.add(a, value)
		return
	}
	for len(octets) > 0 {
		var first inner
		first, octets, _ = format.next(octets)
		r.part(p.below(first.number), first.value, first.more)
	}
}

// value reads the whole value of the attribute at a place.
func (r *decoder) value(p place, value []byte) {
	a := r.dictionary.places[p]
	switch {
	case len(value) == 0:
	case a == nil:
		r.add(r.dictionary.unknown(p), value)
	case a.Type == TLV && p.depth < maxDepth && tlvFormat.wellFormed(value):
		for len(value) > 0 {
			var first inner
			first, value, _ = tlvFormat.next(value)
			r.value(p.below(first.number), first.value)
		}
	case a.Type == EVS && len(value) > vendorLen+1:
		p = p.below(binary.BigEndian.Uint32(value))
		r.value(p.below(uint32(value[vendorLen])), value[vendorLen+1:])
	case a.Type.container():
		r.add(a, value)
	default:
		if item, ok := a.decode(value, r.keys); ok {
			r.items = append(r.items, item)
		}
	}
}

// add adds an item, unless its value is empty.
func (r *decoder) add(a *Attribute, value []byte) {
	if len(value) > 0 {
		r.items = append(r.items, Item{Attribute: a, Value: value})
	}
}

// maxTag is the largest tag (RFC 2868 section 3). A first octet above it is
// text, where it is not hidden.
const maxTag = 0x1f

// decode reads a value of an attribute that is not a container.
func (a *Attribute) decode(value []byte, keys Keys) (item Item, ok bool) {
	item.Attribute = a
	hiddenTag := a.Encrypt == encryptTunnelPassword
	if a.Tagged && len(value) > 1 && (value[0] <= maxTag || hiddenTag) {
		if value[0] <= maxTag {
			item.Tag = value[0]
		}
		if a.Type == Integer {
			value = append([]byte{0}, value[1:]...)
		} else {
			value = value[1:]
		}
	}
	if a.Encrypt != 0 && !keys.Plain {
		if value, ok = a.reveal(value, keys); !ok {
			return item, false
		}
	}
	if !a.fits(value) {
		return item, false
	}
	if a.Type == IPv4Prefix || a.Type == IPv6Prefix {
		network, _ := decodePrefix(value, a.Type)
		value = encodePrefix(network)
	}
	item.Value = value
	return item, true
}
