package passwd

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// maxKnown is how many passwords are known at most. Each costs some 200 octets.
const maxKnown = 65536

// MaxKnownFor is the longest time that a password may be known for.
const MaxKnownFor = time.Hour

// sweepEvery is how often what is known too long is forgotten, as long as anything is known.
const sweepEvery = time.Minute

// Known knows passwords that were right, so that they need no hash for some time: one of each
// name, by HMAC-SHA-256 under a key that is made with the Known and never leaves it. Whoever
// reads the memory of the process can try passwords out as fast as against a plain hash. It is
// safe for concurrent use.
type Known struct {
	key     []byte
	clock   func() time.Time
	entries *lru.Cache[string, known] // by name

	longest  atomic.Int64 // a time.Duration; what was right longer ago is forgotten
	sweeping atomic.Bool  // a sweep is to come

	hits, misses atomic.Uint64
}

// known is a password that was right.
type known struct {
	digest [sha256.Size]byte
	since  time.Time // when it was last compared with its hash
}

// NewKnown returns a Known that knows no password.
func NewKnown(clock func() time.Time) *Known {
	entries, err := lru.New[string, known](maxKnown)
	if err != nil {
		panic(err) // for a size of 0 or less
	}
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // never fails
	k := &Known{key: key, clock: clock, entries: entries}
	k.longest.Store(int64(MaxKnownFor))
	return k
}

// Has reports whether the password of the name was right, with the same hash, no longer ago than
// the time, which is [MaxKnownFor] at most. With 0 it looks for nothing.
func (k *Known) Has(name string, hash Hash, password string, within time.Duration) bool {
	if within <= 0 {
		return false
	}
	entry, found := k.entries.Get(name)
	if !found || !isWithin(k.clock().Sub(entry.since), min(within, MaxKnownFor)) {
		k.misses.Add(1)
		return false
	}
	digest := k.digest(name, hash, password)
	if !hmac.Equal(digest[:], entry.digest[:]) {
		k.misses.Add(1)
		return false
	}
	k.hits.Add(1)
	return true
}

// Add takes note that the password was compared with the name's hash, and was right.
func (k *Known) Add(name string, hash Hash, password string) {
	k.entries.Add(name, known{k.digest(name, hash, password), k.clock()})
	k.sweepLater()
}

// Keep forgets what was right longer ago than the time, now and from now on. With 0 that is all.
func (k *Known) Keep(longest time.Duration) {
	k.longest.Store(int64(min(longest, MaxKnownFor)))
	k.forgetOld()
}

// sweepLater has what is known too long forgotten after a while: no lookup may ever come.
func (k *Known) sweepLater() {
	if k.sweeping.CompareAndSwap(false, true) {
		time.AfterFunc(sweepEvery, k.sweep)
	}
}

// sweep forgets what is known too long. The last sweep is the one after which nothing is known.
func (k *Known) sweep() {
	k.sweeping.Store(false)
	k.forgetOld()
	if k.Len() > 0 {
		k.sweepLater()
	}
}

func (k *Known) forgetOld() {
	now, longest := k.clock(), time.Duration(k.longest.Load())
	for _, name := range k.entries.Keys() {
		if entry, found := k.entries.Peek(name); found && !isWithin(now.Sub(entry.since), longest) {
			k.entries.Remove(name)
		}
	}
}

// isWithin reports whether a password is known at that age. One of the future is not: the clock
// was set back.
func isWithin(age, longest time.Duration) bool { return age >= 0 && age < longest }

// Len returns how many passwords are known.
func (k *Known) Len() int { return k.entries.Len() }

// Forget forgets the password of the name.
func (k *Known) Forget(name string) { k.entries.Remove(name) }

// Clear forgets all passwords.
func (k *Known) Clear() { k.entries.Purge() }

// Lookups returns how often a password was known, and how often not.
func (k *Known) Lookups() (hits, misses uint64) { return k.hits.Load(), k.misses.Load() }

// digest returns the keyed digest of the three, each with its length before it.
func (k *Known) digest(name string, hash Hash, password string) (sum [sha256.Size]byte) {
	mac := hmac.New(sha256.New, k.key)
	for _, text := range []string{name, hash.text, password} {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(text)))
		mac.Write(length[:])
		mac.Write([]byte(text))
	}
	mac.Sum(sum[:0])
	return sum
}
