package challenge

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"vault-plugin-auth-radius/internal/cache"
	"vault-plugin-auth-radius/internal/kv"
)

const (
	// StorageKey is where the key that seals challenges is stored: 32 random octets.
	StorageKey = "challenge-key"

	keyLen = 32 // AES-256

	// nonceLen is how many octets the nonce has that a ciphertext begins with. The cipher makes
	// it itself: FIPS 140 mode has no place for nonces of others.
	nonceLen = 12

	// maxUsed is how many of the latest answered challenges are remembered.
	maxUsed = 65536
)

// Sealer seals and opens states with the stored key, and remembers which challenges were
// answered on this server. It is safe for concurrent use.
type Sealer struct {
	making sync.Mutex // two never make a key at the same time
	cached cache.Value[cipher.AEAD]

	used *lru.Cache[string, struct{}] // by nonce
}

// NewSealer returns a Sealer that has read no key.
func NewSealer() *Sealer {
	used, err := lru.New[string, struct{}](maxUsed)
	if err != nil {
		panic(fmt.Sprintf("a cache of %d challenges: %v", maxUsed, err)) // only a size below 1 fails
	}
	return &Sealer{used: used}
}

// EnsureKey makes the key if there is none. A login cannot: it may run on a server that
// only reads.
func (s *Sealer) EnsureKey(ctx context.Context, storage kv.Storage) error {
	s.making.Lock()
	defer s.making.Unlock()
	stored, err := storage.Get(ctx, StorageKey)
	if err != nil {
		return fmt.Errorf("reading the challenge key: %w", err)
	}
	if stored != nil {
		return nil
	}
	key := make([]byte, keyLen)
	_, _ = rand.Read(key) // never fails since Go 1.24
	if err := storage.Put(ctx, StorageKey, key); err != nil {
		return fmt.Errorf("writing the challenge key: %w", err)
	}
	return nil
}

// Drop has the key read again when it is needed next.
func (s *Sealer) Drop() { s.cached.Drop() }

// Seal returns the challenge_id of a state: nonce and ciphertext, as text.
func (s *Sealer) Seal(ctx context.Context, storage kv.Storage, state State) (id string, err error) {
	aead, err := s.aead(ctx, storage)
	if err != nil {
		return "", err
	}
	plain, err := json.Marshal(state)
	if err != nil {
		return "", fmt.Errorf("encoding the challenge: %w", err)
	}
	sealed := aead.Seal(nil, nil, plain, nil) // #nosec G407 -- it makes a nonce at random, and puts it first
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

// Open returns the state of the challenge that is answered, and uses its id up on this
// server, until it is restarted; on others the RADIUS server refuses it, whose State works
// once. The error is an [Error], or a fault of storage.
func (s *Sealer) Open(ctx context.Context, storage kv.Storage, answer Answer) (*State, error) {
	aead, err := s.aead(ctx, storage)
	if err != nil {
		return nil, err
	}
	sealed, err := base64.RawURLEncoding.DecodeString(answer.ID)
	if err != nil || len(sealed) < nonceLen {
		return nil, ErrInvalid
	}
	nonce := sealed[:nonceLen]
	state := &State{}
	plain, err := aead.Open(nil, nil, sealed, nil)
	if err != nil || json.Unmarshal(plain, state) != nil || !answer.fits(state) {
		return nil, ErrInvalid
	}
	if time.Now().After(state.Expires) {
		return nil, ErrExpired
	}
	if before, _ := s.used.ContainsOrAdd(string(nonce), struct{}{}); before {
		return nil, ErrUsed
	}
	return state, nil
}

// aead returns the cipher with the stored key.
func (s *Sealer) aead(ctx context.Context, storage kv.Storage) (cipher.AEAD, error) {
	return s.cached.Get(ctx, func(ctx context.Context, _ cipher.AEAD) (cipher.AEAD, error) {
		stored, err := storage.Get(ctx, StorageKey)
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
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, fmt.Errorf("the stored challenge key: %w", err)
		}
		return aead, nil
	})
}
