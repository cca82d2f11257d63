package username

import (
	"hash/maphash"
	"slices"
	"sync"
)

// Index knows which names are registered, in some 100 octets a name: it keeps hashes
// of their folds and skeletons, whose key is this process's own. It is safe for
// concurrent use.
//
// What has been changed elsewhere is in doubt until the caller has looked in storage:
// see [Index.Doubt].
type Index struct {
	seed maphash.Seed

	mu        sync.RWMutex
	names     map[uint64]struct{} // guarded by mu
	folds     map[uint64]uint32   // guarded by mu; how many names have the fold
	skeletons map[uint64]uint32   // guarded by mu
	doubts    map[uint64][]Doubt  // guarded by mu; by skeleton
	sequence  uint64              // guarded by mu; numbers doubts
	touched   map[string]struct{} // guarded by mu; what has changed since Fill began; nil after it
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
		seed:      maphash.MakeSeed(),
		names:     map[uint64]struct{}{},
		folds:     map[uint64]uint32{},
		skeletons: map[uint64]uint32{},
		doubts:    map[uint64][]Doubt{},
		touched:   map[string]struct{}{},
	}
}

// Fill adds the names that were registered when the index was made, but for those
// that have changed since. It returns the names of which others have the fold, in
// groups.
func (x *Index) Fill(names []string) [][]string {
	shared := x.fill(names)
	if !shared {
		return nil
	}
	byFold := map[string][]string{}
	for _, name := range names {
		fold := Fold(name)
		byFold[fold] = append(byFold[fold], name)
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

// fill reports whether two names share a fold.
func (x *Index) fill(names []string) (shared bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, name := range names {
		if _, changed := x.touched[name]; !changed {
			x.put(name, true)
		}
	}
	x.touched = nil
	return len(x.folds) < len(x.names)
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
	own, fold, skeleton := x.hash(name), x.hash(Fold(name)), x.hash(Skeleton(name))
	x.mu.RLock()
	defer x.mu.RUnlock()
	_, registered := x.names[own]
	var self uint32
	if registered {
		self = 1
	}
	return Match{
		Registered: registered,
		SameFold:   x.folds[fold] > self,
		Similar:    x.skeletons[skeleton] > self,
		Doubts:     append([]Doubt(nil), x.doubts[skeleton]...),
	}
}

// put makes the counts what they are with the name, or without it. It runs with mu
// held.
func (x *Index) put(name string, registered bool) {
	own := x.hash(name)
	if _, before := x.names[own]; before == registered {
		return
	}
	fold, skeleton := x.hash(Fold(name)), x.hash(Skeleton(name))
	if registered {
		x.names[own] = struct{}{}
		x.folds[fold]++
		x.skeletons[skeleton]++
		return
	}
	delete(x.names, own)
	decrease(x.folds, fold)
	decrease(x.skeletons, skeleton)
}

func decrease(counts map[uint64]uint32, key uint64) {
	if counts[key]--; counts[key] == 0 {
		delete(counts, key)
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
