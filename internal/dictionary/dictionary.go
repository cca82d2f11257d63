package dictionary

import (
	"maps"
	"strings"
)

// Dictionary holds definitions of attributes. It is immutable and may be used
// by several goroutines.
type Dictionary struct {
	names  map[string]*Attribute // by name in lower case
	places map[place]*Attribute  // of several names for one place, the last defined

	vendorNames map[string]*vendor // by name in lower case
	vendors     map[uint32]*vendor // by number; of several names for one, the last defined
}

// newDictionary returns an empty dictionary with space for that many attributes.
func newDictionary(size int) *Dictionary {
	return &Dictionary{
		names:       make(map[string]*Attribute, size),
		places:      make(map[place]*Attribute, size),
		vendorNames: map[string]*vendor{},
		vendors:     map[uint32]*vendor{},
	}
}

// clone returns a copy that can be added to.
func (d *Dictionary) clone() *Dictionary {
	return &Dictionary{
		names: maps.Clone(d.names), places: maps.Clone(d.places), vendorNames: maps.Clone(d.vendorNames),
		vendors: maps.Clone(d.vendors),
	}
}

// maxNameLen is the longest name of an attribute or value, in octets; it is
// FreeRADIUS's.
const maxNameLen = 128

// Lookup returns an attribute by its name, in any case. Attributes without a name
// are found by their numbers: Attr-26.9.240 is number 240 of Cisco's, as octets
// unless the dictionary knows it.
func (d *Dictionary) Lookup(name string) (*Attribute, bool) {
	if a := d.named(name); a != nil {
		return a, true
	}
	if len(name) > len(namelessPrefix) && strings.EqualFold(name[:len(namelessPrefix)], namelessPrefix) {
		return d.nameless(name[len(namelessPrefix):])
	}
	return nil, false
}

// named returns an attribute by its name without allocating; nil if there is none.
func (d *Dictionary) named(name string) *Attribute {
	var buffer [maxNameLen]byte
	if len(name) > len(buffer) {
		return nil
	}
	lower := buffer[:len(name)]
	for i := range lower {
		lower[i] = lowerASCII(name[i])
	}
	return d.names[string(lower)]
}

func lowerASCII(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// LookupWire returns an attribute by its number among the IETF's (vendor 0, which
// FreeRADIUS's internal ones share) or a vendor's. Attributes inside others
// have no such number.
func (d *Dictionary) LookupWire(vendor, number uint32) (*Attribute, bool) {
	a := d.places[place{vendor: vendor}.below(number)]
	return a, a != nil
}

// namelessPrefix begins the name of an attribute that has none.
const namelessPrefix = "Attr-"

// nameless returns the attribute of a place written as numbers, made if it is unknown.
func (d *Dictionary) nameless(numbers string) (*Attribute, bool) {
	p, ok := parsePlace(numbers)
	if !ok || d.checkPlace(p) != nil || p.internal() || p == (place{}.below(0)) {
		return nil, false
	}
	if a := d.places[p]; a != nil {
		return a, true
	}
	return d.unknown(p), true
}

// unknown returns an attribute for a place that the dictionary does not know.
func (d *Dictionary) unknown(p place) *Attribute {
	return d.newAttribute(namelessPrefix+p.String(), p, Octets)
}

// newAttribute returns an attribute without flags and named values.
func (d *Dictionary) newAttribute(name string, p place, t Type) *Attribute {
	a := &Attribute{Name: name, Vendor: p.vendor, Number: p.numbers[0], Type: t, place: p}
	if p.depth > 1 {
		a.Path = append([]uint32(nil), p.path()...)
	}
	if v, found := p.extendedVendor(); found {
		a.Vendor = v
	}
	a.Internal = p.internal()
	a.room = uint16(d.room(p)) // #nosec G115 -- at most maxLongLen
	a.Long = a.room > maxValueLen
	return a
}
