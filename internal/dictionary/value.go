package dictionary

import (
	"maps"
	"slices"
	"strings"
)

// Value is a named value of an attribute of an integer type.
type Value struct {
	Name   string
	Number uint64 // a negative one of a signed attribute in two's complement of its 32 bits
}

// Values returns the named values. Where several have one number, PrintValue
// writes the last of them.
func (a *Attribute) Values() []Value {
	if a.values == nil {
		return nil
	}
	return append([]Value(nil), a.values.list...)
}

// valueTable holds the named values of an attribute. Of several names for one
// number, the last is the one to print.
type valueTable struct {
	owner   *Dictionary // the one that it was made for; others copy it before they change it
	list    []Value
	numbers map[string]uint64 // by name in lower case; nil while the list is short
}

// shortTable is how many values are found faster one by one than in a map.
const shortTable = 64

// number returns a value by its name, in any case.
func (t *valueTable) number(name string) (uint64, bool) {
	if t.numbers != nil {
		number, found := t.numbers[strings.ToLower(name)]
		return number, found
	}
	for _, value := range t.list {
		if len(value.Name) == len(name) && strings.EqualFold(value.Name, name) {
			return value.Number, true
		}
	}
	return 0, false
}

// name returns the name to print for a number.
func (t *valueTable) name(number uint64) (string, bool) {
	for i := len(t.list) - 1; i >= 0; i-- {
		if t.list[i].Number == number {
			return t.list[i].Name, true
		}
	}
	return "", false
}

// add adds a value whose name is not there yet.
func (t *valueTable) add(value Value) {
	t.list = append(t.list, value)
	if t.numbers != nil {
		t.numbers[strings.ToLower(value.Name)] = value.Number
	} else if len(t.list) > shortTable {
		t.index()
	}
}

// addOld adds a value that is not to be printed if its number has a name.
func (t *valueTable) addOld(value Value) {
	t.list = slices.Insert(t.list, 0, value)
	if t.numbers != nil {
		t.numbers[strings.ToLower(value.Name)] = value.Number
	}
}

func (t *valueTable) index() {
	t.numbers = make(map[string]uint64, 2*len(t.list))
	for _, value := range t.list {
		t.numbers[strings.ToLower(value.Name)] = value.Number
	}
}

func (t *valueTable) clone(owner *Dictionary) *valueTable {
	return &valueTable{owner: owner, list: slices.Clone(t.list), numbers: maps.Clone(t.numbers)}
}
