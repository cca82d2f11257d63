package fairshare

import (
	"container/heap"
	"container/list"
)

// group counts those that wait together. The group of all has one for each address
// as children, and these one for each name, which has the places. A group without
// places is no child of any.
type group[T any] struct {
	key    string
	parent *group[T] // nil: all
	count  int       // of places, in children too

	places list.List // of *Place[T]; of a name only

	children map[string]*group[T]
	heaviest heaviest[T] // the same
	turns    turns[T]    // the same

	index  int           // in the parent's heaviest
	turn   *list.Element // in the parent's turns; nil while the group is no child
	served bool          // it has had a turn since it became a child
}

// child returns the group with the key, new if there is none: it becomes a child when
// it has a place.
func (g *group[T]) child(key string) *group[T] {
	if child := g.children[key]; child != nil {
		return child
	}
	return &group[T]{key: key, parent: g}
}

// weight returns how many wait; a nil group has none.
func (g *group[T]) weight() int {
	if g == nil {
		return 0
	}
	return g.count
}

// first returns the place that the group is the first to lose.
func (g *group[T]) first() *Place[T] {
	for len(g.heaviest) > 0 {
		g = g.heaviest[0]
	}
	return g.places.Front().Value.(*Place[T])
}

// resize counts a place that has come or gone, here and above.
func (g *group[T]) resize(by int) {
	for ; g != nil; g = g.parent {
		g.count += by
		if g.parent != nil {
			g.parent.sort(g)
		}
	}
}

// sort puts a group that has changed where it belongs among the children.
func (g *group[T]) sort(child *group[T]) {
	switch {
	case child.count == 0:
		heap.Remove(&g.heaviest, child.index)
		g.turns.remove(child)
		delete(g.children, child.key)
	case child.turn != nil:
		heap.Fix(&g.heaviest, child.index)
	default:
		if g.children == nil {
			g.children = map[string]*group[T]{}
		}
		g.children[child.key] = child
		g.turns.add(child)
		heap.Push(&g.heaviest, child)
	}
}

// heaviest is a heap of groups, the heaviest on top; among these, the one with the
// longest wait.
type heaviest[T any] []*group[T]

// weight returns that of the heaviest group.
func (h heaviest[T]) weight() int {
	if len(h) == 0 {
		return 0
	}
	return h[0].count
}

// first returns the place that the heaviest group is the first to lose.
func (h heaviest[T]) first() *Place[T] { return h[0].first() }

func (h heaviest[T]) Len() int { return len(h) }

func (h heaviest[T]) Less(i, j int) bool {
	if h[i].count != h[j].count {
		return h[i].count > h[j].count
	}
	return h[i].first().number < h[j].first().number
}

func (h heaviest[T]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *heaviest[T]) Push(child any) {
	child.(*group[T]).index = len(*h)
	*h = append(*h, child.(*group[T]))
}

func (h *heaviest[T]) Pop() any {
	last := len(*h) - 1
	child := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return child
}
