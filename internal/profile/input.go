package profile

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"

	"vault-plugin-auth-radius/internal/dictionary"
)

// MaxClientAttributes is how many attributes a client may send along.
const MaxClientAttributes = 64

// Input is what one login offers to profiles, indexed. It serves one goroutine
// at a time.
type Input struct {
	now     time.Time
	reply   []dictionary.Item // what the source answered, in its order
	entries []entry           // of all lists, by key; instances in their order
}

// entry is one instance of an attribute.
type entry struct {
	key  key
	item dictionary.Item // without an attribute in the client list
	text []byte          // of textOf; nil until first needed
}

// NewInput returns an index of what is known of a login: when it is, by the clock of the
// location that now has; the attributes of the request as it goes to the source, the
// password included; those of the source's reply; and what the client sent along. The
// error is that of [CheckClientAttributes]. The values must not change while the Input
// is in use.
func NewInput(now time.Time, requested, replied []dictionary.Item, sent map[string]string) (*Input, error) {
	if err := CheckClientAttributes(sent); err != nil {
		return nil, err
	}
	input := &Input{now: now, reply: replied, entries: make([]entry, 0, len(requested)+len(replied)+len(sent))}
	for _, item := range requested {
		input.entries = append(input.entries, entry{key: keyOf(requestList, item.Attribute), item: item})
	}
	for _, item := range replied {
		input.entries = append(input.entries, entry{key: keyOf(replyList, item.Attribute), item: item})
	}
	for name, value := range sent {
		input.entries = append(input.entries, entry{key: key{list: clientList, path: name}, item: dictionary.Item{Value: []byte(value)}})
	}
	slices.SortStableFunc(input.entries, func(a, b entry) int { return a.key.compare(b.key) })
	return input, nil
}

// CheckClientAttributes returns an error unless the attributes that a client sent along
// are at most 64, their names have letters, digits, - and _ only, and their values at most
// 253 octets. The error names the wrong one.
func CheckClientAttributes(sent map[string]string) error {
	if len(sent) > MaxClientAttributes {
		return fmt.Errorf("client attributes: %d are too many: send at most %d", len(sent), MaxClientAttributes)
	}
	for name, value := range sent {
		if !slug(name) {
			return fmt.Errorf("client attribute %.64q: use a name of at most %d letters, digits, - and _", name, MaxAttributeLength)
		}
		if len(value) > MaxValueLength {
			return fmt.Errorf("client attribute %s: the value has %d octets: send at most %d", name, len(value), MaxValueLength)
		}
	}
	return nil
}

// Format implements [fmt.Formatter] for every verb: an Input holds a password.
func (*Input) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

func (k key) compare(other key) int {
	switch {
	case k.number != other.number:
		return cmp.Compare(k.number, other.number)
	case k.vendor != other.vendor:
		return cmp.Compare(k.vendor, other.vendor)
	case k.list != other.list:
		return cmp.Compare(k.list, other.list)
	}
	return cmp.Compare(k.path, other.path)
}

// find returns the instances of an attribute, whatever their tags.
func (in *Input) find(k key) []entry {
	// Written out: a search with a function is twice as slow, and this is what
	// deciding mostly does.
	low, high := 0, len(in.entries)
	for low < high {
		middle := int(uint(low+high) >> 1) // #nosec G115 -- both are indexes
		if in.entries[middle].key.compare(k) < 0 {
			low = middle + 1
		} else {
			high = middle
		}
	}
	end := low
	for end < len(in.entries) && in.entries[end].key == k {
		end++
	}
	return in.entries[low:end]
}

// hasTag reports whether a reference with the tag means the instance.
func (e *entry) hasTag(tag uint8) bool { return tag == 0 || e.item.Tag == tag }

// textOf returns the value as patterns and expansions see it: text as it is, other
// types printed.
func (e *entry) textOf() []byte {
	if e.item.Attribute == nil || e.item.Attribute.Type == dictionary.String {
		return e.item.Value
	}
	if e.text == nil {
		e.text = []byte(e.item.Attribute.PrintValue(e.item.Value))
	}
	return e.text
}
