package radiustest

// recent is a map that forgets its oldest entries: it keeps at least the last
// limit entries, at most twice as many, so that a server that runs for days does
// not grow. With limit 0 it forgets nothing.
type recent[K comparable, V any] struct {
	limit        int
	newer, older map[K]V
}

func newRecent[K comparable, V any](limit int) *recent[K, V] {
	return &recent[K, V]{limit: limit, newer: map[K]V{}}
}

func (r *recent[K, V]) get(key K) (V, bool) {
	if value, ok := r.newer[key]; ok {
		return value, true
	}
	value, ok := r.older[key]
	return value, ok
}

func (r *recent[K, V]) put(key K, value V) {
	if r.limit > 0 && len(r.newer) >= r.limit {
		r.older, r.newer = r.newer, map[K]V{}
	}
	delete(r.older, key)
	r.newer[key] = value
}

func (r *recent[K, V]) remove(key K) {
	delete(r.newer, key)
	delete(r.older, key)
}
