package cache

import (
	"context"
	"fmt"
	"hash/maphash"
	"sync"
	"sync/atomic"

	lru "github.com/hashicorp/golang-lru/v2"
)

// generations is how many counters of drops there are. Two keys may share one: then a
// value is read once more than it had to be.
const generations = 256

// Map keeps values by their keys, those in use first: keys that are looked up once
// do not push out those that are looked up again and again. It is safe for
// concurrent use.
type Map[K comparable, V any] struct {
	values *lru.TwoQueueCache[K, V]
	seed   maphash.Seed

	mu          sync.Mutex
	generations [generations]uint64 // guarded by mu; counts the drops of the keys

	hits, misses atomic.Uint64
}

// NewMap returns a Map of at most size values. It panics if size is less than 1.
func NewMap[K comparable, V any](size int) *Map[K, V] {
	values, err := lru.New2Q[K, V](size)
	if err != nil {
		panic(fmt.Sprintf("a cache of %d values: %v", size, err))
	}
	return &Map[K, V]{values: values, seed: maphash.MakeSeed()}
}

// Get returns the value of the key, from load if it is not in memory. What load
// returns is not kept if the key is dropped meanwhile.
func (m *Map[K, V]) Get(ctx context.Context, key K, load func(context.Context) (V, error)) (V, error) {
	if value, found := m.values.Get(key); found {
		m.hits.Add(1)
		return value, nil
	}
	m.misses.Add(1)
	before := m.generation(key)
	value, err := load(ctx)
	if err == nil {
		m.store(key, value, before)
	}
	return value, err
}

func (m *Map[K, V]) generation(key K) uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.generations[m.slot(key)]
}

func (m *Map[K, V]) store(key K, value V, before uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.generations[m.slot(key)] == before {
		m.values.Add(key, value)
	}
}

func (m *Map[K, V]) slot(key K) uint64 { return maphash.Comparable(m.seed, key) % generations }

// Drop has the value read again when it is needed next.
func (m *Map[K, V]) Drop(key K) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.generations[m.slot(key)]++
	m.values.Remove(key)
}

// Clear drops all values.
func (m *Map[K, V]) Clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for slot := range m.generations {
		m.generations[slot]++
	}
	m.values.Purge()
}

// Lookups returns how many calls of Get found their value in memory, and how many had to read
// it.
func (m *Map[K, V]) Lookups() (hits, misses uint64) { return m.hits.Load(), m.misses.Load() }

// Len returns how many values are in memory.
func (m *Map[K, V]) Len() int { return m.values.Len() }
