package username

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Names are the names of the stored users, as the rules of a config and its sources make
// them. A [Registry] reads them.
type Names struct {
	rules Rules
	index *Index
	done  chan struct{} // closed when the index is filled, or cannot be; what follows is then final
	err   error
	// hidden are stored names that no login leads to, by the skeleton of the canonical form
	// that they would have: from before a config, or from a method with other rules.
	hidden map[string][]string
	// hiddenNames are the same, sorted.
	hiddenNames []string
	// twins are groups of registered names with one fold, from before that was refused.
	twins [][]string
}

// maxListed is how many names [Names.Hidden] and [Names.Twins] list.
const maxListed = 100

func newNames(rules Rules) *Names {
	return &Names{rules: rules, index: NewIndex(), done: make(chan struct{}), hidden: map[string][]string{}, err: errInterrupted}
}

// fill reads the names of the stored users.
func (n *Names) fill(ctx context.Context, users Users) error {
	stored, err := users.Names(ctx)
	if err != nil {
		return err
	}
	registered := stored[:0]
	for _, name := range stored {
		if n.hides(name) {
			skeleton := Skeleton(n.rules.Canonical(name))
			n.hidden[skeleton] = append(n.hidden[skeleton], name)
			n.hiddenNames = append(n.hiddenNames, name)
			continue
		}
		registered = append(registered, name)
	}
	slices.Sort(n.hiddenNames)
	n.twins = n.index.Fill(registered)
	return nil
}

// hides reports whether no login leads to the name if it is stored: it is not canonical,
// or refused.
func (n *Names) hides(name string) bool { return n.rules.Canonical(name) != name || Check(name) != nil }

// Rules returns the rules that have made the names.
func (n *Names) Rules() Rules { return n.rules }

// Registered reports whether the very name is registered, and no name is in doubt.
func (n *Names) Registered(name string) bool { return n.index.Registered(name) }

// Doubt marks a registered name whose user is gone.
func (n *Names) Doubt(name string) { n.index.Doubt(name) }

// Match looks a name up, and in storage what another server has written meanwhile.
func (n *Names) Match(ctx context.Context, users Users, name string) (Match, error) {
	match := n.index.Match(name)
	for _, doubt := range match.Doubts {
		registered, err := users.Exists(ctx, doubt.Name)
		if err != nil {
			return match, err
		}
		n.index.Resolve(doubt, registered)
	}
	if len(match.Doubts) > 0 {
		match = n.index.Match(name)
	}
	return match, nil
}

// Like returns the registered names that have the skeleton of a name, but for the name
// itself. Match has read what was in doubt of them before.
func (n *Names) Like(name string) []string { return n.index.Like(name) }

// Closest returns the name of those like another that has its fold, or else the first;
// "" if there are none, or none any more.
func (n *Names) Closest(name string) string {
	names := n.Like(name)
	for _, other := range names {
		if Fold(other) == Fold(name) {
			return other
		}
	}
	if len(names) == 0 {
		return ""
	}
	return names[0]
}

// HiddenLike returns the hidden names whose canonical form a server may take for the
// name. A hidden name is one of a stored user that no login leads to.
func (n *Names) HiddenLike(name string) []string {
	if len(n.hidden) == 0 {
		return nil // as nearly always
	}
	return n.hidden[Skeleton(name)]
}

// Hidden returns some of the hidden names, sorted.
func (n *Names) Hidden() []string {
	return slices.Clone(n.hiddenNames[:min(len(n.hiddenNames), maxListed)])
}

// Page returns at most limit of the stored names, hidden ones too, those after the given one, sorted. It reads from
// storage what another server has written meanwhile of these.
func (n *Names) Page(ctx context.Context, users Users, after string, limit int) ([]string, error) {
	names, doubts := n.index.Page(after, limit)
	for len(doubts) > 0 {
		for _, doubt := range doubts {
			registered, err := users.Exists(ctx, doubt.Name)
			if err != nil {
				return nil, err
			}
			n.index.Resolve(doubt, registered)
		}
		names, doubts = n.index.Page(after, limit)
	}
	hidden := following(n.hiddenNames, after)
	names = append(names, hidden[:min(len(hidden), limit)]...)
	slices.Sort(names)
	return names[:min(len(names), limit)], nil
}

// Twins returns some of the groups of registered names with one fold that are still
// registered.
func (n *Names) Twins() [][]string {
	var twins [][]string
	for _, group := range n.twins {
		if len(twins) == maxListed {
			break
		}
		left := slices.DeleteFunc(slices.Clone(group), func(name string) bool { return !n.index.Match(name).Registered })
		if len(left) > 1 {
			twins = append(twins, left)
		}
	}
	return twins
}

// maxRenamed is how many names [Renamed] describes.
const maxRenamed = 3

// Renamed describes up to three of the stored names that are their own canonical form
// now, and would not be with other rules; "" if there are none.
func Renamed(ctx context.Context, users Users, now, then Rules) (string, error) {
	if now.Equal(then) {
		return "", nil
	}
	names, err := users.Names(ctx)
	if err != nil {
		return "", err
	}
	var shown []string
	for _, name := range names {
		if now.Canonical(name) != name || then.Canonical(name) == name {
			continue
		}
		if len(shown) == maxRenamed {
			shown = append(shown, "…")
			break
		}
		shown = append(shown, fmt.Sprintf("user %q would be %q", name, then.Canonical(name)))
	}
	if len(shown) == 0 {
		return "", nil
	}
	return strings.Join(shown, ", ") + ": delete each, and register the other", nil
}
