package username

import (
	"cmp"
	"slices"
)

// minUntidy is how many changes of a roster are kept beside it at least, before it is made anew.
const minUntidy = 4096

// roster keeps names in their order, and finds them by the hashes of their skeletons. Most of them are in slices, which
// take a third of the memory of maps; what has changed since these were made is kept beside them. The zero roster is
// empty. It is not safe for concurrent use.
type roster struct {
	sorted    []string            // does not change
	skeletons []skeletonAt        // sorted; those of all names in sorted
	gone      map[string]struct{} // those of sorted that are no more
	added     []string            // sorted; none of these is in sorted
	addedLike map[uint64][]string // the same, by skeleton
}

// skeletonAt is the hash of a skeleton that the name at a place has.
type skeletonAt struct {
	skeleton uint64
	at       uint32
}

func bySkeleton(a, b skeletonAt) int { return cmp.Compare(a.skeleton, b.skeleton) }

// newRoster returns a roster of the names, each of which is there once. It keeps the slice.
func newRoster(names []string, skeleton func(name string) uint64) roster {
	if !slices.IsSorted(names) {
		slices.Sort(names)
	}
	r := roster{sorted: names, skeletons: make([]skeletonAt, 0, len(names))}
	for at, name := range names {
		r.skeletons = append(r.skeletons, skeletonAt{skeleton(name), uint32(at)}) // #nosec G115 -- Vault stores fewer
	}
	slices.SortFunc(r.skeletons, bySkeleton)
	return r
}

// has reports whether the name is there.
func (r *roster) has(name string) bool {
	if isIn(r.sorted, name) {
		return !r.isGone(name)
	}
	return isIn(r.added, name)
}

func (r *roster) isGone(name string) bool {
	if len(r.gone) == 0 {
		return false // as nearly always
	}
	_, gone := r.gone[name]
	return gone
}

// like returns the names with the skeleton.
func (r *roster) like(skeleton uint64) (names []string) {
	start, _ := slices.BinarySearchFunc(r.skeletons, skeletonAt{skeleton: skeleton}, bySkeleton)
	for _, each := range r.skeletons[start:] {
		if each.skeleton != skeleton {
			break
		}
		if name := r.sorted[each.at]; !r.isGone(name) {
			names = append(names, name)
		}
	}
	return append(names, r.addedLike[skeleton]...)
}

// alike returns the skeletons that several names may have.
func (r *roster) alike() (skeletons []uint64) {
	for i, each := range r.skeletons[min(1, len(r.skeletons)):] {
		if each.skeleton == r.skeletons[i].skeleton {
			skeletons = append(skeletons, each.skeleton)
		}
	}
	for skeleton := range r.addedLike {
		skeletons = append(skeletons, skeleton)
	}
	slices.Sort(skeletons)
	return slices.Compact(skeletons)
}

// set makes a name with the skeleton one that is there, or one that is not.
func (r *roster) set(name string, skeleton uint64, isThere bool) {
	switch {
	case r.has(name) == isThere:
		return
	case isIn(r.sorted, name) && isThere:
		delete(r.gone, name)
	case isIn(r.sorted, name):
		if r.gone == nil {
			r.gone = map[string]struct{}{}
		}
		r.gone[name] = struct{}{}
	case isThere:
		at, _ := slices.BinarySearch(r.added, name)
		r.added = slices.Insert(r.added, at, name)
		if r.addedLike == nil {
			r.addedLike = map[uint64][]string{}
		}
		r.addedLike[skeleton] = append(r.addedLike[skeleton], name)
	default:
		at, _ := slices.BinarySearch(r.added, name)
		r.added = slices.Delete(r.added, at, at+1)
		like := slices.DeleteFunc(r.addedLike[skeleton], func(other string) bool { return other == name })
		if r.addedLike[skeleton] = like; len(like) == 0 {
			delete(r.addedLike, skeleton)
		}
	}
	if len(r.added)+len(r.gone) > max(minUntidy, len(r.sorted)/8) {
		r.tidy()
	}
}

// tidy puts what has changed into the slices, which takes a tenth of a second of a million names: once in 125,000
// changes of them.
func (r *roster) tidy() {
	names := make([]string, 0, len(r.sorted)+len(r.added))
	moved := make([]uint32, len(r.sorted)) // where the names of sorted are in names
	left := r.added
	for at, name := range r.sorted {
		for ; len(left) > 0 && left[0] < name; left = left[1:] {
			names = append(names, left[0])
		}
		if !r.isGone(name) {
			moved[at] = uint32(len(names)) // #nosec G115 -- as above
			names = append(names, name)
		}
	}
	names = append(names, left...)
	var added []skeletonAt
	for skeleton, like := range r.addedLike {
		for _, name := range like {
			at, _ := slices.BinarySearch(names, name)
			added = append(added, skeletonAt{skeleton, uint32(at)}) // #nosec G115 -- as above
		}
	}
	slices.SortFunc(added, bySkeleton)
	skeletons := make([]skeletonAt, 0, len(names))
	for _, each := range r.skeletons {
		for ; len(added) > 0 && added[0].skeleton < each.skeleton; added = added[1:] {
			skeletons = append(skeletons, added[0])
		}
		if !r.isGone(r.sorted[each.at]) {
			skeletons = append(skeletons, skeletonAt{each.skeleton, moved[each.at]})
		}
	}
	*r = roster{sorted: names, skeletons: append(skeletons, added...)}
}

// page returns at most limit of the names, those after the given one.
func (r *roster) page(after string, limit int) []string {
	sorted, added := following(r.sorted, after), following(r.added, after)
	names := make([]string, 0, min(limit, len(sorted)+len(added)))
	for len(names) < limit && len(sorted)+len(added) > 0 {
		next := &sorted
		if len(sorted) == 0 || len(added) > 0 && added[0] < sorted[0] {
			next = &added
		}
		if name := (*next)[0]; !r.isGone(name) {
			names = append(names, name)
		}
		*next = (*next)[1:]
	}
	return names
}

// following returns the sorted names after the given one.
func following(sorted []string, after string) []string {
	at, found := slices.BinarySearch(sorted, after)
	if found {
		at++
	}
	return sorted[at:]
}

func isIn(sorted []string, name string) bool {
	_, found := slices.BinarySearch(sorted, name)
	return found
}
