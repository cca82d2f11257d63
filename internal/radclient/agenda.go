package radclient

import (
	"container/heap"
	"sync"
	"time"
)

// agenda runs what is due at its time: copies of requests, ends of waits,
// probes. All of a client share one timer, so that a login needs none of its
// own. Safe for concurrent use; the zero value is an empty agenda.
type agenda struct {
	mu    sync.Mutex
	items appointments // guarded by mu
	timer *time.Timer  // guarded by mu; nil until something is added
	armed time.Time    // guarded by mu; when the timer fires; zero: not set
}

// appointment is an entry of an agenda, embedded in what it is about.
type appointment struct {
	at    time.Time
	index int // in the heap, counted from 1; 0: not in it
}

func (a *appointment) entry() *appointment { return a }

// dueItem is something with an appointment.
type dueItem interface {
	entry() *appointment
	// due does what is to be done and returns when it is to be called again;
	// false means never.
	due(now time.Time) (next time.Time, again bool)
}

// add enters an item, or moves it if it is in already.
func (a *agenda) add(item dueItem, at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	entry := item.entry()
	entry.at = at
	if entry.index > 0 {
		heap.Fix(&a.items, entry.index-1)
	} else {
		heap.Push(&a.items, item)
	}
	a.arm()
}

// remove takes an item out, if it is in. The timer stays as it is: it finds
// nothing to do.
func (a *agenda) remove(item dueItem) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if index := item.entry().index; index > 0 {
		heap.Remove(&a.items, index-1)
	}
}

// arm sets the timer for the first item, unless it fires before. It runs with
// mu held.
func (a *agenda) arm() {
	if len(a.items) == 0 {
		return
	}
	first := a.items[0].entry().at
	if !a.armed.IsZero() && !first.Before(a.armed) {
		return
	}
	a.armed = first
	if a.timer == nil {
		a.timer = time.AfterFunc(time.Until(first), a.fire)
		return
	}
	a.timer.Reset(time.Until(first))
}

// fire does what is due and sets the timer anew.
func (a *agenda) fire() {
	now := time.Now()
	for {
		item := a.pop(now)
		if item == nil {
			return
		}
		if next, again := item.due(now); again {
			a.add(item, next)
		}
	}
}

// pop takes out and returns an item that is due. If there is none it arms the timer
// for the next and returns nil.
func (a *agenda) pop(now time.Time) dueItem {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.items) > 0 && !a.items[0].entry().at.After(now) {
		return heap.Pop(&a.items).(dueItem)
	}
	a.armed = time.Time{}
	a.arm()
	return nil
}

// appointments are a heap, the first on top.
type appointments []dueItem

func (a appointments) Len() int           { return len(a) }
func (a appointments) Less(i, j int) bool { return a[i].entry().at.Before(a[j].entry().at) }

func (a appointments) Swap(i, j int) {
	a[i], a[j] = a[j], a[i]
	a[i].entry().index, a[j].entry().index = i+1, j+1
}

func (a *appointments) Push(item any) {
	*a = append(*a, item.(dueItem))
	item.(dueItem).entry().index = len(*a)
}

func (a *appointments) Pop() any {
	last := len(*a) - 1
	item := (*a)[last]
	(*a)[last] = nil
	*a = (*a)[:last]
	item.entry().index = 0
	return item
}
