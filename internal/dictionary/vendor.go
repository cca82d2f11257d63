package dictionary

// vendor is a vendor's name, and how its attributes stand in Vendor-Specific.
type vendor struct {
	name   string
	number uint32
	format vendorFormat
}

// vendorFormat is the layout of a vendor's attributes (format=type,length and
// a c for WiMAX's octet of continuation).
type vendorFormat struct {
	typeSize     int // octets of the number: 1, 2 or 4
	lengthSize   int // octets of the length, which counts the whole attribute; 0: it fills the rest
	continuation bool
}

// usualFormat is what RFC 2865 section 5.26 recommends.
var usualFormat = vendorFormat{typeSize: 1, lengthSize: 1}

// header returns the number of octets before an attribute's value.
func (f vendorFormat) header() int {
	if f.continuation {
		return f.typeSize + f.lengthSize + 1
	}
	return f.typeSize + f.lengthSize
}

// format returns the layout of a vendor's attributes.
func (d *Dictionary) format(vendor uint32) vendorFormat {
	if known := d.vendors[vendor]; known != nil {
		return known.format
	}
	return usualFormat
}

// tlvHeaderLen is the length of an inner attribute's number and length octets.
const tlvHeaderLen = 2

// inner is an attribute inside another.
type inner struct {
	number uint32
	more   bool // more of its value follows in another one
	value  []byte
}

// tlvFormat is the layout of attributes in a TLV (RFC 8044 section 3.13).
var tlvFormat = usualFormat

// next returns the first attribute of octets in the format, and the octets after it.
func (f vendorFormat) next(octets []byte) (first inner, rest []byte, ok bool) {
	header := f.header()
	if len(octets) < header {
		return inner{}, nil, false
	}
	end := len(octets)
	if f.lengthSize > 0 {
		end = int(bigEndian(octets[f.typeSize : f.typeSize+f.lengthSize])) // #nosec G115 -- of one or two octets
	}
	if end < header || end > len(octets) {
		return inner{}, nil, false
	}
	first.number = uint32(bigEndian(octets[:f.typeSize])) // #nosec G115 -- of at most four octets
	first.more = f.continuation && octets[header-1]&moreFollows != 0
	first.value = octets[header:end]
	return first, octets[end:], true
}

// wellFormed reports whether octets are attributes in the format, at least one.
func (f vendorFormat) wellFormed(octets []byte) bool {
	ok := len(octets) > 0
	for ok && len(octets) > 0 {
		_, octets, ok = f.next(octets)
	}
	return ok
}

// append returns octets with an attribute in the format added; ok is false if its number
// or its length is too large for the format.
func (f vendorFormat) append(octets []byte, number uint32, value []byte, more bool) (longer []byte, ok bool) {
	length := f.header() + len(value)
	if uint64(number) >= 1<<(8*f.typeSize) || f.lengthSize > 0 && length >= 1<<(8*f.lengthSize) {
		return nil, false
	}
	octets = appendBigEndian(octets, uint64(number), f.typeSize)
	octets = appendBigEndian(octets, uint64(length), f.lengthSize) // #nosec G115 -- not negative
	if f.continuation {
		flags := byte(0)
		if more {
			flags = moreFollows
		}
		octets = append(octets, flags)
	}
	return append(octets, value...), true
}

// appendBigEndian returns octets with the last ones of a number added.
func appendBigEndian(octets []byte, number uint64, size int) []byte {
	for i := size - 1; i >= 0; i-- {
		octets = append(octets, byte(number>>(8*i))) // #nosec G115 -- one octet of the number is what is wanted
	}
	return octets
}
