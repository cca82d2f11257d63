package fairshare

import "container/list"

// maxFresh is how many that have had no turn yet go one after another while others wait
// that had one.
const maxFresh = 8

// turns holds the children of a group in the order in which they are served. Those that
// have had no turn go first, so that a newcomer does not wait for another round of those
// that are there: where each turn takes long, it would come too late. Newcomers without
// end do not keep the others out: every ninth turn at the latest is theirs. The child
// that had the latest turn is not a newcomer.
type turns[T any] struct {
	fresh  list.List // of *group[T] that have had no turn
	again  list.List // of *group[T] that had one
	row    int       // fresh ones that had the latest turns
	latest *string   // the key of the child that had the latest turn; nil: none had one
}

func (t *turns[T]) add(child *group[T]) {
	child.served = t.latest != nil && *t.latest == child.key
	child.turn = t.list(child).PushBack(child)
}

func (t *turns[T]) remove(child *group[T]) {
	t.list(child).Remove(child.turn)
	child.turn = nil
}

func (t *turns[T]) list(child *group[T]) *list.List {
	if child.served {
		return &t.again
	}
	return &t.fresh
}

// next returns the child whose turn it is. There has to be one.
func (t *turns[T]) next() *group[T] {
	first := t.fresh.Front()
	if first == nil || t.row >= maxFresh && t.again.Len() > 0 {
		first = t.again.Front()
	}
	return first.Value.(*group[T])
}

// take returns the child whose turn it is, and moves it behind the others.
func (t *turns[T]) take() *group[T] {
	child := t.next()
	t.row++
	if child.served {
		t.row = 0
	}
	t.list(child).Remove(child.turn)
	child.served = true
	child.turn = t.again.PushBack(child)
	t.latest = &child.key
	return child
}
