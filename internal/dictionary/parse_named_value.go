package dictionary

import (
	"fmt"
	"math"
	"strings"
)

// valueStatement holds the fields of a VALUE.
type valueStatement struct{ attribute, name, number string }

// value reads VALUE.
func (r *parser) value(fields []string) error {
	v := valueStatement{fields[0], fields[1], fields[2]}
	a := r.dictionary.named(v.attribute)
	switch {
	case r.valuesLast, a == nil && r.replace:
		r.forward = append(r.forward, v)
		return nil
	case a != nil:
		return r.addValue(a, v, (*valueTable).add)
	default:
		return fmt.Errorf("no ATTRIBUTE %s is defined above", quote(v.attribute))
	}
}

// resolveForward adds the VALUEs that had to wait. FreeRADIUS takes the names of
// those that stood before their ATTRIBUTEs, but prints others where there are
// any. Some of dictionary.freedhcp have no ATTRIBUTE at all.
func (r *parser) resolveForward() error {
	for _, v := range r.forward {
		if a := r.dictionary.named(v.attribute); a != nil {
			if err := r.addValue(a, v, (*valueTable).addOld); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *parser) addValue(a *Attribute, v valueStatement, add func(*valueTable, Value)) error {
	if a.Type == Octets && r.replace {
		return nil // FreeRADIUS takes those of dictionary.cablelabs, and makes no use of them
	}
	if !a.Type.integer() {
		return fmt.Errorf("%s is of type %s, which has no named values", a.Name, a.Type)
	}
	if err := checkValueName(v.name); err != nil {
		return err
	}
	number, ok := parseNumber(v.number, a.largest())
	if !ok {
		return fmt.Errorf("%s is not a value of %s: use 0 to %d", quote(v.number), a.Name, a.largest())
	}
	if before, found := a.values.number(v.name); found {
		if before != number && !r.replace {
			return fmt.Errorf("%s of %s is %d already", quote(v.name), a.Name, before)
		}
		return nil
	}
	add(r.ownValues(a), Value{v.name, number})
	return nil
}

func checkValueName(name string) error {
	if len(name) > maxNameLen {
		return fmt.Errorf("%s is too long for a name: at most %d octets", quote(name), maxNameLen)
	}
	if strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
		return fmt.Errorf("%s is not the name of a value: use printable ASCII", quote(name))
	}
	return nil
}

// ownValues returns the table of values of an attribute for changing it: a copy, if
// another dictionary has it too.
func (r *parser) ownValues(a *Attribute) *valueTable {
	if a.values.owner == r.dictionary {
		return a.values
	}
	d := r.dictionary
	own := a.values.clone(d)
	for _, key := range r.namesOf(a.values) {
		old := d.names[key]
		changed := *old
		changed.values = own
		d.names[key] = &changed
		if d.places[old.place] == old {
			d.places[old.place] = &changed
		}
	}
	return own
}

// namesOf returns the names, in lower case, of the attributes that have a table of
// another dictionary's.
func (r *parser) namesOf(values *valueTable) []string {
	if r.shared == nil {
		r.shared = map[*valueTable][]string{}
		for key, a := range r.dictionary.names {
			if a.values != nil {
				r.shared[a.values] = append(r.shared[a.values], key)
			}
		}
	}
	return r.shared[values]
}

// largest returns the largest number that an attribute of an integer type can have.
func (a *Attribute) largest() uint64 {
	switch {
	case a.Tagged:
		return 1<<24 - 1 // the tag has the first octet (RFC 2868 section 3.1)
	case a.Type == Signed:
		return math.MaxInt32
	default:
		return 1<<(8*a.Type.integerSize()) - 1
	}
}
