package dictionary

import (
	"cmp"
	"slices"
	"strings"
)

// Search returns at most limit attributes whose names contain a text, in any
// case: the IETF's first, then all others, each by name.
func (d *Dictionary) Search(text string, limit int) []*Attribute {
	text = strings.ToLower(text)
	var found []*Attribute
	for key, a := range d.names {
		if strings.Contains(key, text) {
			found = append(found, a)
		}
	}
	slices.SortFunc(found, func(a, b *Attribute) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)))
	})
	return found[:max(0, min(limit, len(found)))]
}

// rank returns a lower number for attributes that are likelier meant.
func (a *Attribute) rank() int {
	if a.Vendor == 0 && !a.Internal {
		return 0
	}
	return 1
}

const maxSuggestions = 3

// Suggest returns up to three names that may be meant by an unknown one, the likeliest
// first: the ones with the fewest letters wrong, missing, too many or swapped.
func (d *Dictionary) Suggest(name string) []string {
	name = strings.ToLower(name)
	type suggestion struct {
		mistakes int
		*Attribute
	}
	var near []suggestion
	limit := max(1, len(name)/4)
	for key, a := range d.names {
		if mistakes := distance(name, key, limit); mistakes <= limit {
			near = append(near, suggestion{mistakes, a})
		}
	}
	slices.SortFunc(near, func(a, b suggestion) int {
		return cmp.Or(cmp.Compare(a.mistakes, b.mistakes), cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.Name, b.Name))
	})
	var names []string
	for _, s := range near[:min(maxSuggestions, len(near))] {
		names = append(names, s.Name)
	}
	return names
}

// distance returns how many octets differ, are missing, are too many or are swapped
// with their neighbour between two texts (optimal string alignment), or some number
// above limit if it is more than that.
func distance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit || len(b) > maxNameLen {
		return limit + 1
	}
	var rows [3][maxNameLen + 1]int // for the octets of a up to the one before last, the last, and this
	before, last, this := &rows[0], &rows[1], &rows[2]
	for j := range len(b) + 1 {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		this[0] = i
		least := i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			this[j] = min(last[j]+1, this[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				this[j] = min(this[j], before[j-2]+1)
			}
			least = min(least, this[j])
		}
		if least > limit {
			return limit + 1
		}
		before, last, this = last, this, before
	}
	return last[len(b)]
}
