package dictionary

import (
	"errors"
	"fmt"
	"strings"
)

// maxVendor is the largest number of a vendor: the high octet of the field is
// zero (RFC 2865 section 5.26).
const maxVendor = 1<<24 - 1

// vendor reads VENDOR.
func (r *parser) vendor(fields []string) error {
	if r.block != nil {
		return fmt.Errorf("VENDOR is not possible before END-VENDOR %s", r.block.name)
	}
	if err := checkName(fields[0]); err != nil {
		return err
	}
	number, ok := parseNumber(fields[1], maxVendor)
	if !ok || number == 0 {
		return fmt.Errorf("%s is not the number of a vendor: use 1 to %d", quote(fields[1]), maxVendor)
	}
	v := &vendor{name: fields[0], number: uint32(number), format: usualFormat} // #nosec G115 -- parseNumber has checked the range
	if len(fields) > 2 {
		if v.format, ok = parseFormat(fields[2]); !ok {
			return fmt.Errorf("%s is not a format: use format=type,length with 1, 2 or 4 octets of type and 0, 1 or 2 of length", quote(fields[2]))
		}
	}
	d, key := r.dictionary, strings.ToLower(v.name)
	if old := d.vendorNames[key]; old != nil && old.number != v.number {
		return fmt.Errorf("vendor %s has the number %d already", old.name, old.number)
	}
	if old := d.vendors[v.number]; old != nil && old.format != v.format && !r.replace {
		return fmt.Errorf("vendor %d is %s already, and has another format", v.number, old.name)
	}
	d.vendorNames[key], d.vendors[v.number] = v, v
	return nil
}

// parseFormat reads format=type,length or format=type,length,c.
func parseFormat(text string) (vendorFormat, bool) {
	digits, found := strings.CutPrefix(strings.ToLower(text), "format=")
	digits, continuation := strings.CutSuffix(digits, ",c")
	if !found || len(digits) != len("1,1") || digits[1] != ',' ||
		!strings.Contains("124", digits[:1]) || !strings.Contains("012", digits[2:]) {
		return vendorFormat{}, false
	}
	format := vendorFormat{typeSize: int(digits[0] - '0'), lengthSize: int(digits[2] - '0'), continuation: continuation}
	return format, !continuation || format.lengthSize > 0
}

// beginVendor reads BEGIN-VENDOR.
func (r *parser) beginVendor(fields []string) error {
	switch {
	case r.block != nil:
		return fmt.Errorf("END-VENDOR %s is missing", r.block.name)
	case len(r.within) > 0:
		return errors.New("END-TLV is missing")
	}
	v := r.dictionary.vendorNames[strings.ToLower(fields[0])]
	if v == nil {
		return fmt.Errorf("no VENDOR %s is defined", quote(fields[0]))
	}
	base := place{vendor: v.number}
	if len(fields) > 1 {
		name, found := strings.CutPrefix(fields[1], "format=")
		holder := r.dictionary.names[strings.ToLower(name)]
		if !found || holder == nil || holder.Type != EVS {
			return fmt.Errorf("%s is not a format: use format=Extended-Vendor-Specific-1 to 6", quote(fields[1]))
		}
		base = holder.place.below(v.number)
	}
	r.block, r.within = v, append(r.within, base)
	return nil
}

// endVendor reads END-VENDOR.
func (r *parser) endVendor(fields []string) error {
	if r.block == nil || !strings.EqualFold(r.block.name, fields[0]) {
		return fmt.Errorf("there is no BEGIN-VENDOR %s to end", quote(fields[0]))
	}
	if len(r.within) > 1 {
		return errors.New("END-TLV is missing")
	}
	r.block, r.within = nil, nil
	return nil
}

// beginTLV reads BEGIN-TLV.
func (r *parser) beginTLV(fields []string) error {
	a := r.dictionary.names[strings.ToLower(fields[0])]
	if a == nil || a.Type != TLV {
		return fmt.Errorf("%s is not an attribute of type tlv", quote(fields[0]))
	}
	if len(r.within) == maxDepth {
		return errors.New("attributes are nested too deep")
	}
	r.within = append(r.within, a.place)
	return nil
}

// endTLV reads END-TLV.
func (r *parser) endTLV(fields []string) error {
	a := r.dictionary.names[strings.ToLower(fields[0])]
	if a == nil || len(r.within) == 0 || r.within[len(r.within)-1] != a.place {
		return fmt.Errorf("there is no BEGIN-TLV %s to end", quote(fields[0]))
	}
	r.within = r.within[:len(r.within)-1]
	return nil
}
