package kv

import (
	"hash/maphash"
	"sync"
)

// Locks holds locks for keys. Several keys may have the same lock: a caller must not hold two
// at the same time. The zero Locks is ready for use.
type Locks struct {
	once sync.Once
	seed maphash.Seed
	all  [256]sync.Mutex
}

// Of returns the lock of a key.
func (l *Locks) Of(key string) *sync.Mutex {
	l.once.Do(func() { l.seed = maphash.MakeSeed() })
	return &l.all[maphash.String(l.seed, key)%uint64(len(l.all))]
}
