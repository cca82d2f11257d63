package profile

import "vault-plugin-auth-radius/internal/dictionary"

// The Profile of a reply attribute that none has set: the source sent it, or it was
// made of [Ends].
const (
	FromSource = -1
	FromLimits = -2
)

// ReplyAttribute is an attribute of the merged reply.
type ReplyAttribute struct {
	dictionary.Item     // its Value is shared: it must not be changed
	Profile         int // index of the profile that set it, or one of the above
}

// merged is a reply that profiles change one after another. Tags tell no
// attributes apart here, as in FreeRADIUS.
type merged struct {
	attributes []ReplyAttribute
	chains     map[key]chain // nil until the first profile; its instances in order
	next       []int         // index of the next instance of the same attribute; 0: none
	snapshot   int           // how many attributes there were before this profile
}

// chain is the first and the last instance of an attribute.
type chain struct{ first, last int }

func newMerged(replied []dictionary.Item) merged {
	attributes := make([]ReplyAttribute, len(replied))
	for i, item := range replied {
		attributes[i] = ReplyAttribute{item, FromSource}
	}
	return merged{attributes: attributes}
}

// begin takes the snapshot that the items of a profile are applied against: they do not
// see each other.
func (m *merged) begin() {
	if m.chains == nil {
		m.chains = make(map[key]chain)
		for i := range m.attributes {
			m.link(keyOf(replyList, m.attributes[i].Attribute), i)
		}
	}
	m.snapshot = len(m.attributes)
}

// effect is what became of a reply item.
type effect uint8

const (
	appended effect = iota
	overwritten
	keptOut
)

// apply changes the reply.
func (m *merged) apply(k key, operator replyOperator, added ReplyAttribute) effect {
	first, found := m.first(k)
	switch {
	case operator == appendIfAbsent && found:
		return keptOut
	case operator == overwrite && found:
		for i := first; ; i = m.next[i] {
			if m.attributes[i].Profile != added.Profile {
				m.attributes[i] = added
				return overwritten
			}
			if m.next[i] == 0 {
				break
			}
		}
	}
	m.attributes = append(m.attributes, added)
	m.link(k, len(m.attributes)-1)
	return appended
}

// first returns the first instance in the snapshot.
func (m *merged) first(k key) (int, bool) {
	c, found := m.chains[k]
	return c.first, found && c.first < m.snapshot
}

// link notes an instance, the last so far.
func (m *merged) link(k key, index int) {
	m.next = append(m.next, 0)
	c, found := m.chains[k]
	if found {
		m.next[c.last] = index
		c.last = index
	} else {
		c = chain{index, index}
	}
	m.chains[k] = c
}
