// Package fairshare bounds how many may wait for something that is slow, and shares
// the places fairly, so that a flood from one address or about one name is at the
// cost of that address or name. It reads no clock and does no I/O.
package fairshare

import "container/list"

// Room holds those that wait, at most so many at a time. While it has a free place,
// every newcomer enters: a single address, such as a load balancer's, may fill it. When
// it is full, the newcomer is compared with those that wait:
//
//   - If another address has more waiting than the newcomer's, the newcomer enters,
//     and one of the heaviest address is pushed out: of that address's heaviest name,
//     the one that has waited longest.
//   - If none has, but another name of the newcomer's address has more waiting than the
//     newcomer's, one of that address's heaviest name is pushed out, again the one
//     that has waited longest. None of a lighter address is.
//   - Otherwise the newcomer is what there is most of, and it is refused. It has cost
//     nothing yet.
//
// Among addresses, or names, that are equally heavy the one with the longest wait is
// the one to lose. That is what lets a login through a flood of names that were made
// up, each once, even from its own address: a server that works answers within
// milliseconds, so that the one that has waited longest is the likeliest to wait in vain.
//
// Each operation takes time logarithmic in the number of those that wait. A Room is
// not safe for concurrent use.
type Room[T any] struct {
	limit   int
	entered uint64 // so far
	all     group[T]
}

// Place is where one waits.
type Place[T any] struct {
	Value T

	number uint64 // counts on with each that enters
	name   *group[T]
	queued *list.Element // among those of the name; nil after the place was left
}

// NewRoom returns an empty room for so many.
func NewRoom[T any](limit int) *Room[T] {
	return &Room[T]{limit: limit}
}

// Len returns how many wait.
func (r *Room[T]) Len() int { return r.all.count }

// Resize changes how many may wait. None is pushed out for it.
func (r *Room[T]) Resize(limit int) { r.limit = limit }

// Enter lets one in. It returns its place, and the place of the one that was pushed
// out for it, nil if none was. If place is nil, the room is full, and the newcomer is
// refused.
func (r *Room[T]) Enter(share Share, value T) (place, pushedOut *Place[T]) {
	if r.all.count >= r.limit {
		pushedOut = r.yielding(share)
		if pushedOut == nil {
			return nil, nil
		}
		r.Leave(pushedOut)
	}
	r.entered++
	name := r.all.child(share.Address).child(share.Name)
	place = &Place[T]{Value: value, number: r.entered, name: name}
	place.queued = name.places.PushBack(place)
	name.resize(1)
	return place, pushedOut
}

// yielding returns the place that a newcomer to a full room may have; nil: none.
func (r *Room[T]) yielding(share Share) *Place[T] {
	address := r.all.children[share.Address]
	if address.weight() < r.all.heaviest.weight() {
		return r.all.heaviest.first()
	}
	if address == nil { // the room has no place at all
		return nil
	}
	if address.children[share.Name].weight() < address.heaviest.weight() {
		return address.first()
	}
	return nil
}

// Leave frees the place. For a place that was left, pushed out or served it does nothing.
func (r *Room[T]) Leave(place *Place[T]) {
	if place.queued == nil {
		return
	}
	place.name.places.Remove(place.queued)
	place.queued = nil
	place.name.resize(-1)
}

// First returns the place that is to be served next, which stays in the room; nil: none
// waits.
func (r *Room[T]) First() *Place[T] {
	if r.all.count == 0 {
		return nil
	}
	return r.all.turns.next().turns.next().places.Front().Value.(*Place[T])
}

// Next takes out and returns the place that is to be served next; nil: none waits.
// Addresses take turns, those first that have had none yet, and so do the names of each;
// those of one name go in the order in which they came.
func (r *Room[T]) Next() *Place[T] {
	if r.all.count == 0 {
		return nil
	}
	place := r.all.turns.take().turns.take().places.Front().Value.(*Place[T])
	r.Leave(place)
	return place
}
