package username

import (
	"hash/maphash"
	"slices"
	"sync"
)

// Index knows which names are registered, in some 100 octets a name beside its text. It
// finds them by hashes, whose key is this process's own. It is safe for concurrent use.
//
// What has been changed elsewhere is in doubt until the caller has looked in storage:
// see [Index.Doubt].
type Index struct {
	seed maphash.Seed

	mu       sync.RWMutex
	names    map[uint64]struct{} // guarded by mu
	similar  map[uint64]string   // guarded by mu; by skeleton, a name that has it
	others   map[uint64][]string // guarded by mu; the other names, of skeletons that several have
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
	return &Index{
		seed:    maphash.MakeSeed(),
		names:   map[uint64]struct{}{},
		similar: map[uint64]string{},
		others:  map[uint64][]string{},
		doubts:  map[uint64][]Doubt{},
		touched: map[string]struct{}{},
	}
}

// Fill adds the names that were registered when the index was made, but for those
// that have changed since. It returns the names of which others have the fold, in
// groups.
func (x *Index) Fill(names []string) [][]string {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, name := range names {
		if _, changed := x.touched[name]; !changed {
			x.put(name, true)
		}
	}
	x.touched = nil
	return x.twins()
}

// twins returns the names of which others have the fold, in groups. It runs with mu held.
func (x *Index) twins() [][]string {
	byFold := map[string][]string{}
	for skeleton, others := range x.others { // names of one fold have one skeleton
		for _, name := range append([]string{x.similar[skeleton]}, others...) {
			fold := Fold(name)
			byFold[fold] = append(byFold[fold], name)
		}
	}
	var groups [][]string
	for _, group := range byFold {
		if len(group) > 1 {
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
	x.put(name, registered)
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
	skeleton := x.hash(Skeleton(name))
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
	for _, current := range x.doubts[x.hash(Skeleton(doubt.Name))] {
		if current == doubt {
			x.forgetDoubt(doubt.Name)
			x.put(doubt.Name, registered)
			return
		}
	}
}

// Registered reports whether the very name is registered, and nothing is in doubt.
func (x *Index) Registered(name string) bool {
	own := x.hash(name)
	x.mu.RLock()
	defer x.mu.RUnlock()
	_, registered := x.names[own]
	return registered && len(x.doubts) == 0
}

// Match looks a name up, and others like it.
func (x *Index) Match(name string) Match {
	own, skeleton := x.hash(name), x.hash(Skeleton(name))
	x.mu.RLock()
	defer x.mu.RUnlock()
	_, registered := x.names[own]
	match := Match{Registered: registered, Doubts: slices.Clone(x.doubts[skeleton])}
	for _, other := range x.like(skeleton, name) {
		match.Similar = true
		match.SameFold = match.SameFold || Fold(other) == Fold(name)
	}
	return match
}

// Like returns the other registered names that have the skeleton of a name, sorted.
func (x *Index) Like(name string) []string {
	skeleton := x.hash(Skeleton(name))
	x.mu.RLock()
	defer x.mu.RUnlock()
	return slices.Sorted(slices.Values(x.like(skeleton, name)))
}

// like returns the registered names with the skeleton, but for the name itself. It runs
// with mu held.
func (x *Index) like(skeleton uint64, name string) []string {
	first, found := x.similar[skeleton]
	if !found {
		return nil
	}
	names := append([]string{first}, x.others[skeleton]...)
	return slices.DeleteFunc(names, func(other string) bool { return other == name })
}

// put makes the name one that is registered, or one that is not. It runs with mu held.
func (x *Index) put(name string, registered bool) {
	own := x.hash(name)
	if _, before := x.names[own]; before == registered {
		return
	}
	skeleton := x.hash(Skeleton(name))
	if registered {
		x.names[own] = struct{}{}
		if _, taken := x.similar[skeleton]; taken {
			x.others[skeleton] = append(x.others[skeleton], name)
		} else {
			x.similar[skeleton] = name
		}
		return
	}
	delete(x.names, own)
	left := x.like(skeleton, name)
	delete(x.similar, skeleton)
	delete(x.others, skeleton)
	if len(left) > 0 {
		x.similar[skeleton] = left[0]
	}
	if len(left) > 1 {
		x.others[skeleton] = left[1:]
	}
}

// forgetDoubt runs with mu held.
func (x *Index) forgetDoubt(name string) {
	skeleton := x.hash(Skeleton(name))
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

func (x *Index) hash(text string) uint64 { return maphash.String(x.seed, text) }
