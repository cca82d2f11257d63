package username

import (
	"hash/maphash"
	"slices"
	"sync"
)

// Index knows which names are registered, in some 40 octets a name beside its text, and which
// names are like others, by hashes whose key is this process's own. It is safe for concurrent use.
//
// What has been changed elsewhere is in doubt until the caller has looked in storage:
// see [Index.Doubt].
type Index struct {
	seed maphash.Seed

	mu       sync.RWMutex
	names    roster              // guarded by mu
	doubts   map[uint64][]Doubt  // guarded by mu; by skeleton
	sequence uint64              // guarded by mu; numbers doubts
	touched  map[string]struct{} // guarded by mu; what has changed since Fill began; nil after it
}

// Doubt is a name of which the index does not know whether it is registered.
type Doubt struct {
	Name   string
	number uint64
}

// Match is what an index knows about a name.
type Match struct {
	Registered bool // under this very name
	SameFold   bool // another name with its fold is registered
	Similar    bool // another name with its skeleton is registered
	Doubts     []Doubt
}

// NewIndex returns an empty index that is to be filled.
func NewIndex() *Index {
	return &Index{seed: maphash.MakeSeed(), doubts: map[uint64][]Doubt{}, touched: map[string]struct{}{}}
}

// Fill adds the names that were registered when the index was made, but for those
// that have changed since. It keeps the slice, and returns the names of which others have
// the fold, in groups.
func (x *Index) Fill(names []string) [][]string {
	filled := newRoster(names, x.skeleton) // which takes seconds of a million names: nobody waits for the lock
	x.mu.Lock()
	defer x.mu.Unlock()
	for name := range x.touched {
		filled.set(name, x.skeleton(name), x.names.has(name))
	}
	x.names, x.touched = filled, nil
	return x.twins()
}

// twins returns the names of which others have the fold, in groups. It runs with mu held.
func (x *Index) twins() [][]string {
	byFold := map[string][]string{}
	for _, skeleton := range x.names.alike() { // names of one fold have one skeleton
		for _, name := range x.names.like(skeleton) {
			fold := Fold(name)
			byFold[fold] = append(byFold[fold], name)
		}
	}
	var groups [][]string
	for _, group := range byFold {
		if len(group) > 1 {
			slices.Sort(group)
			groups = append(groups, group)
		}
	}
	slices.SortFunc(groups, slices.Compare)
	return groups
}

// Add makes a name registered.
func (x *Index) Add(name string) { x.set(name, true) }

// Remove makes a name one that is not registered.
func (x *Index) Remove(name string) { x.set(name, false) }

func (x *Index) set(name string, registered bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.touched != nil {
		x.touched[name] = struct{}{}
	}
	x.forgetDoubt(name)
	x.names.set(name, x.skeleton(name), registered)
}

// Doubt marks a name that another server has written, or of which it is not known
// whether it was written: the next match of a name like it has it among its doubts.
func (x *Index) Doubt(name string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.touched != nil {
		x.touched[name] = struct{}{}
	}
	x.forgetDoubt(name)
	x.sequence++
	skeleton := x.skeleton(name)
	x.doubts[skeleton] = append(x.doubts[skeleton], Doubt{name, x.sequence})
}

// Doubts returns of how many skeletons there are names in doubt.
func (x *Index) Doubts() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.doubts)
}

// Resolve ends a doubt with what is in storage, unless the name has changed since.
func (x *Index) Resolve(doubt Doubt, registered bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, current := range x.doubts[x.skeleton(doubt.Name)] {
		if current == doubt {
			x.forgetDoubt(doubt.Name)
			x.names.set(doubt.Name, x.skeleton(doubt.Name), registered)
			return
		}
	}
}

// Registered reports whether the very name is registered, and nothing is in doubt.
func (x *Index) Registered(name string) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.doubts) == 0 && x.names.has(name)
}

// Match looks a name up, and others like it.
func (x *Index) Match(name string) Match {
	skeleton := x.skeleton(name)
	x.mu.RLock()
	defer x.mu.RUnlock()
	match := Match{Registered: x.names.has(name), Doubts: slices.Clone(x.doubts[skeleton])}
	for _, other := range x.like(skeleton, name) {
		match.Similar = true
		match.SameFold = match.SameFold || Fold(other) == Fold(name)
	}
	return match
}

// Page returns at most limit of the registered names, those after the given one, sorted; and which names that may
// belong there are in doubt.
func (x *Index) Page(after string, limit int) (names []string, doubts []Doubt) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	names = x.names.page(after, limit)
	for _, group := range x.doubts {
		for _, doubt := range group {
			if doubt.Name > after && (len(names) < limit || doubt.Name <= names[len(names)-1]) {
				doubts = append(doubts, doubt)
			}
		}
	}
	return names, doubts
}

// Like returns the other registered names that have the skeleton of a name, sorted.
func (x *Index) Like(name string) []string {
	skeleton := x.skeleton(name)
	x.mu.RLock()
	defer x.mu.RUnlock()
	return slices.Sorted(slices.Values(x.like(skeleton, name)))
}

// like returns the registered names with the skeleton, but for the name itself. It runs
// with mu held.
func (x *Index) like(skeleton uint64, name string) []string {
	return slices.DeleteFunc(x.names.like(skeleton), func(other string) bool { return other == name })
}

// forgetDoubt runs with mu held.
func (x *Index) forgetDoubt(name string) {
	skeleton := x.skeleton(name)
	var kept []Doubt
	for _, doubt := range x.doubts[skeleton] {
		if doubt.Name != name {
			kept = append(kept, doubt)
		}
	}
	if kept == nil {
		delete(x.doubts, skeleton)
		return
	}
	x.doubts[skeleton] = kept
}

// skeleton returns the hash of the name's skeleton.
func (x *Index) skeleton(name string) uint64 { return maphash.String(x.seed, Skeleton(name)) }
