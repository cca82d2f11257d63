package dictionary

import (
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

func (p place) below(number uint32) place {
	p.numbers[p.depth] = number
	p.depth++
	return p
}

// parent is the place of the container; ok is false for an outermost attribute.
func (p place) parent() (parent place, ok bool) {
	if p.depth <= 1 {
		return place{}, false
	}
	return p.prefix(p.depth - 1), true
}

// prefix is the place without the numbers below a depth.
func (p place) prefix(depth uint32) place {
	clear(p.numbers[depth:])
	p.depth = depth
	return p
}

// inside says that a place is below another one.
func (p place) inside(outer place) bool {
	return p.depth > outer.depth && p.prefix(outer.depth) == outer
}

// internal says that packets have no such attribute: the number is not of one
// octet.
func (p place) internal() bool { return p.vendor == 0 && p.numbers[0] > math.MaxUint8 }

func (p place) path() []uint32 { return p.numbers[:p.depth] }

// String is the place in FreeRADIUS's notation for attributes without a name:
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

// parsePlace reads what place.String writes.
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

// append adds the numbers of a dotted text.
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

// parseNumber reads a decimal or 0x hexadecimal number up to limit, without
// sign or spaces.
func parseNumber(text string, limit uint64) (uint64, bool) {
	base := 10
	if len(text) > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X') {
		text, base = text[2:], 16
	}
	n, err := strconv.ParseUint(text, base, 64)
	return n, err == nil && n <= limit
}
