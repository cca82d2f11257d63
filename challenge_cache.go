package radiusauth

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"

	"vault-plugin-auth-radius/internal/cache"
	"vault-plugin-auth-radius/internal/kv"
)

const (
	// challengeKeyKey is where the key that seals challenges is stored: 32
	// random octets, seal-wrapped.
	challengeKeyKey = "challenge-key"

	challengeKeyLen = 32 // AES-256

	// usedChallenges is how many of the latest answered challenges are
	// remembered.
	usedChallenges = 65536
)

// challengeCache keeps the sealing key, and which challenges were answered here.
type challengeCache struct {
	making sync.Mutex // two never make a key at the same time
	cached cache.Value[cipher.AEAD]

	used *lru.Cache[string, struct{}]
}

func newChallengeCache() *challengeCache {
	used, err := lru.New[string, struct{}](usedChallenges)
	if err != nil {
		panic(fmt.Sprintf("a cache of %d challenges: %v", usedChallenges, err)) // only a size below 1 fails
	}
	return &challengeCache{used: used}
}

// use marks a challenge as answered; false if it was before.
func (c *challengeCache) use(nonce string) bool {
	before, _ := c.used.ContainsOrAdd(nonce, struct{}{})
	return !before
}

// aead gives the cipher with the stored key.
func (c *challengeCache) aead(ctx context.Context, storage kv.Storage) (cipher.AEAD, error) {
	return c.cached.Get(ctx, func(ctx context.Context, _ cipher.AEAD) (cipher.AEAD, error) {
		stored, err := storage.Get(ctx, challengeKeyKey)
		if err != nil {
			return nil, fmt.Errorf("reading the challenge key: %w", err)
		}
		if stored == nil {
			return nil, errors.New("there is no challenge key in storage")
		}
		block, err := aes.NewCipher(stored)
		if err != nil {
			return nil, fmt.Errorf("the stored challenge key: %w", err)
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil, fmt.Errorf("the stored challenge key: %w", err)
		}
		return aead, nil
	})
}

// ensureKey makes the key if there is none. A login cannot: it may run on a
// server that only reads.
func (c *challengeCache) ensureKey(ctx context.Context, storage kv.Storage) error {
	c.making.Lock()
	defer c.making.Unlock()
	stored, err := storage.Get(ctx, challengeKeyKey)
	if err != nil {
		return fmt.Errorf("reading the challenge key: %w", err)
	}
	if stored != nil {
		return nil
	}
	key := make([]byte, challengeKeyLen)
	_, _ = rand.Read(key) // never fails since Go 1.24
	if err := storage.Put(ctx, challengeKeyKey, key); err != nil {
		return fmt.Errorf("writing the challenge key: %w", err)
	}
	return nil
}

// drop forgets the key.
func (c *challengeCache) drop() { c.cached.Drop() }
