package attempts

import (
	"cmp"
	"slices"
	"time"

	"vault-plugin-auth-radius/internal/decision"
)

// Query says which entries are wanted. Empty fields choose all.
type Query struct {
	Names   []string // one of these: as they were kept, or as they are shown
	Outcome decision.Outcome
	Source  string

	After uint64 // only entries with lower ids
	Limit int    // so many at most
	// Whole shows all names as they were typed.
	Whole bool
}

// Attempt is an entry as it is shown.
type Attempt struct {
	decision.Decision // the latest of those that are one entry, its name and reason masked if need be

	ID    uint64
	First time.Time // when the first was decided
	Count int
}

// Page is the answer to a query.
type Page struct {
	Attempts []Attempt // the newest first
	Kept     int       // entries in all, whatever the query chooses
	Next     uint64    // the After of the next page; 0 if there is none
}

// List returns entries, the newest first. An entry keeps its place if decisions are added to it.
func (l *Log) List(query Query) Page {
	entries := l.copies()
	slices.SortFunc(entries, func(a, b copied) int { return cmp.Compare(b.id, a.id) })
	page := Page{Kept: len(entries)}
	for i := range entries {
		found, chosen := query.choose(&entries[i])
		if !chosen {
			continue
		}
		if len(page.Attempts) == query.Limit {
			if len(page.Attempts) > 0 {
				page.Next = page.Attempts[query.Limit-1].ID
			}
			break
		}
		page.Attempts = append(page.Attempts, found)
	}
	return page
}

// copied is an entry as it was when the log was read, and whether its name is shown.
type copied struct {
	entry
	shown bool
}

// copies returns all entries, so that nothing that takes time is done under the lock.
func (l *Log) copies() []copied {
	l.mu.Lock()
	defer l.mu.Unlock()
	entries := make([]copied, 0, l.registered.count+l.others.count)
	for _, first := range []*entry{l.registered.oldest, l.others.oldest} {
		for e := first; e != nil; e = e.next {
			entries = append(entries, copied{*e, l.names.shows(e)})
		}
	}
	return entries
}

// choose returns the entry as it is shown, and whether it is wanted.
func (q *Query) choose(e *copied) (Attempt, bool) {
	if q.After != 0 && e.id >= q.After || q.Outcome != "" && e.Outcome != q.Outcome ||
		q.Source != "" && e.Source != kept(q.Source, maxText) {
		return Attempt{}, false
	}
	mask := ""
	if e.Username != "" && !e.Registered {
		mask = masked(e.Username, e.nameHash)
	}
	if len(q.Names) > 0 && !slices.Contains(q.Names, e.Username) && (mask == "" || !slices.Contains(q.Names, mask)) {
		return Attempt{}, false
	}
	found := Attempt{Decision: e.Decision, ID: e.id, First: e.first, Count: e.count}
	if !e.shown && !q.Whole {
		found.Username, found.Reason = mask, maskedReason(&e.Decision, mask)
	}
	return found, true
}
