package dictionary

import (
	"errors"
	"fmt"
	"strings"
)

// attribute reads ATTRIBUTE.
func (r *parser) attribute(fields []string) error {
	if err := checkName(fields[0]); err != nil {
		return err
	}
	var base place
	if len(r.within) > 0 {
		base = r.within[len(r.within)-1]
	}
	p, ok := base.append(fields[1])
	if !ok {
		return fmt.Errorf("%s is not the number of an attribute: use 1, 0x1 or 1.2", quote(fields[1]))
	}
	if err := r.dictionary.checkPlace(p); err != nil {
		return err
	}
	typeName, size, err := parseSize(fields[2])
	if err != nil {
		return err
	}
	t, found := typeNamed(typeName)
	if !found || size > 0 && t != Octets {
		return fmt.Errorf(
			"%s is not a type: use string, octets, octets[8], integer, byte, short, integer64, signed, ipaddr, "+
				"ipv4prefix, ipv6addr, ipv6prefix, combo-ip, ifid, ether, date, abinary or tlv",
			quote(fields[2]),
		)
	}
	a := r.dictionary.newAttribute(fields[0], p, t)
	a.size = size
	if len(fields) > 3 {
		if err := a.setFlags(fields[3]); err != nil {
			return err
		}
	}
	if a.room = a.plainRoom(); size > a.room {
		return fmt.Errorf("%s is too long: there is room for %d octets", quote(fields[2]), a.room)
	}
	return r.define(a)
}

// checkName refuses names that could not be written in a profile.
func checkName(name string) error {
	if len(name) > maxNameLen {
		return fmt.Errorf("%s is too long for a name: at most %d octets", quote(name), maxNameLen)
	}
	for i := range len(name) {
		c := lowerASCII(name[i])
		if letter, digit := 'a' <= c && c <= 'z', '0' <= c && c <= '9'; !letter && !digit && strings.IndexByte("-_./", c) < 0 {
			return fmt.Errorf("%s is not a name: only letters, digits and -_./ can be in it", quote(name))
		}
	}
	if len(name) > len(namelessPrefix) && strings.EqualFold(name[:len(namelessPrefix)], namelessPrefix) {
		return fmt.Errorf("%s is not possible: names of attributes without a name begin so", quote(name))
	}
	return nil
}

// parseSize returns the type and the size of octets[16]; 0 if there is no size.
func parseSize(text string) (typeName string, size uint16, err error) {
	typeName, digits, found := strings.Cut(text, "[")
	if !found {
		return text, 0, nil
	}
	digits, closed := strings.CutSuffix(digits, "]")
	n, ok := parseNumber(digits, maxValueLen)
	if !closed || !ok || n == 0 {
		return "", 0, fmt.Errorf("%s is not a type: a size is 1 to %d octets, as in octets[8]", quote(text), maxValueLen)
	}
	return typeName, uint16(n), nil // #nosec G115 -- parseNumber has checked the range
}

// setFlags reads flags that a comma separates.
func (a *Attribute) setFlags(text string) error {
	text = strings.ToLower(text)
	for more := true; more; {
		var flag string
		flag, text, more = strings.Cut(text, ",")
		switch flag {
		case "has_tag":
			a.Tagged = true
		case "encrypt=1":
			a.Encrypt = encryptUserPassword
		case "encrypt=2":
			a.Encrypt = encryptTunnelPassword
		case "encrypt=3":
			a.Encrypt = encryptAscendSecret
		case "concat":
			if a.place.vendor != 0 || a.place.depth > 1 {
				return errors.New("concat is for attributes that are neither a vendor's nor inside others")
			}
			a.Long, a.room = true, maxLongLen
		case "array", "virtual", "secret": // of no matter here
		default:
			return fmt.Errorf("%s is not a flag: use has_tag, encrypt=1, encrypt=2, encrypt=3, concat, array, virtual or secret", quote(flag))
		}
	}
	return a.checkFlags()
}

func (a *Attribute) checkFlags() error {
	text := a.Type == String || a.Type == Octets
	concat := a.Long && a.place.depth == 1 && a.place.vendor == 0
	switch {
	case a.Tagged && !text && a.Type != Integer:
		return errors.New("has_tag is for the types string, octets and integer")
	case a.Type.container() && a.Encrypt != 0:
		return errors.New("encrypt is not for attributes that hold others")
	case (a.Encrypt == encryptUserPassword || a.Encrypt == encryptAscendSecret) && (!text || a.Tagged):
		return errors.New("encrypt=1 and encrypt=3 are for the types string and octets, without has_tag")
	case a.Encrypt == encryptTunnelPassword && a.Tagged && !text:
		return errors.New("encrypt=2 with has_tag is for the types string and octets")
	case concat && (a.Type != Octets && a.Type != String || a.Tagged || a.Encrypt != 0):
		return errors.New("concat is for the types octets and string, without other flags")
	}
	return nil
}

// define adds an attribute, unless an equal one is there already.
func (r *parser) define(a *Attribute) error {
	d, key := r.dictionary, strings.ToLower(a.Name)
	if old := d.names[key]; old != nil {
		equal := old.place == a.place && old.shape() == a.shape()
		switch {
		case equal && !r.replace:
			return nil
		case !r.replace:
			return fmt.Errorf("%s is defined already, as number %s of type %s", old.Name, old.place, old.describe())
		case old.place != a.place && d.places[old.place] == old:
			delete(d.places, old.place)
		}
	}
	if a.Type.container() && a.Type != TLV && !r.replace {
		return fmt.Errorf("%s cannot be of type %s: use tlv for an attribute that holds others", a.Name, a.Type)
	}
	if there := d.places[a.place]; there != nil {
		if there.shape() != a.shape() && !r.replace {
			return fmt.Errorf("number %s is %s already, of type %s", a.place, there.Name, there.describe())
		}
		if a.Type.integer() && there.Type == a.Type {
			a.values = r.ownValues(there)
		}
	}
	if a.Type.integer() && a.values == nil {
		a.values = &valueTable{owner: d}
	}
	d.names[key], d.places[a.place] = a, a
	return nil
}

// shape holds what two definitions of one attribute must agree on.
type shape struct {
	dataType     Type
	tagged, long bool
	encrypt      int
	size         uint16
}

func (a *Attribute) shape() shape { return shape{a.Type, a.Tagged, a.Long, a.Encrypt, a.size} }

// describe returns the type with the flags, as a dictionary has them.
func (a *Attribute) describe() string {
	text := a.Type.String()
	if a.size > 0 {
		text = fmt.Sprintf("%s[%d]", text, a.size)
	}
	var flags []string
	if a.Tagged {
		flags = append(flags, "has_tag")
	}
	if a.Encrypt > 0 {
		flags = append(flags, fmt.Sprintf("encrypt=%d", a.Encrypt))
	}
	if len(flags) > 0 {
		text += " " + strings.Join(flags, ",")
	}
	return text
}
