package passwd

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// Whatever the text of a hash is, it is refused with advice or read as it
// is, within the bounds of its format; and verifying it is one hash and no fault.
func FuzzParse(f *testing.F) {
	for _, v := range vectors {
		f.Add(v.text)
	}
	f.Add("!unusable")
	f.Add("$argon2id$v=19$m=131072,t=10,p=16" + argon2Rest)
	f.Add("$5$rounds=1000000" + crypt5Rest)
	f.Fuzz(func(t *testing.T, text string) {
		hash, err := Parse(text)
		if err != nil {
			if inputError := InputError(""); !errors.As(err, &inputError) || !hash.Empty() {
				t.Fatalf("a fault: %v", err)
			}
			return
		}
		if again, err := Parse(hash.Text()); err != nil || hash.Text() != text || again.Scheme() != hash.Scheme() {
			t.Fatalf("%q was read as %q, %v", text, hash.Text(), err)
		}
		within, cheap := costIn(t, hash)
		if !within {
			t.Fatalf("%q costs too much", text)
		}
		if !cheap {
			return // so that the inputs are many
		}
		hasher := newHasher(1)
		if _, err := hasher.Verify(t.Context(), Caller{}, hash, horse); err != nil || hasher.Computed() != 1 {
			t.Fatalf("%q: %d hashes, %v", text, hasher.Computed(), err)
		}
	})
}

// costIn reads the costs where each format has them, in another way than Parse,
// and reports whether they are within the bounds, and whether they are small.
func costIn(t *testing.T, hash Hash) (within, cheap bool) {
	t.Helper()
	var marker, numbers string
	var cost, passes, lanes int
	costs, bound, small := []any{&cost}, 0, 0
	switch hash.Scheme() {
	case Argon2id, Argon2i:
		marker, numbers, bound, small = "v=19$", "m=%d,t=%d,p=%d", 131072, 1024
		costs = append(costs, &passes, &lanes)
	case Bcrypt, BcryptSHA256:
		marker, numbers, bound, small = "$2", "%1s$%d", 15, 5
		costs = []any{new(string), &cost}
	case PBKDF2SHA1, PBKDF2SHA256:
		marker, numbers, bound, small = "$", "%d", 2_000_000, 1000
	case SHA256Crypt, SHA512Crypt:
		marker, numbers, bound, small = "rounds=", "%d", 1_000_000, 1000
	default:
		return true, true
	}
	_, after, found := strings.Cut(hash.Text(), marker)
	if !found {
		return marker == "rounds=", true // 5000
	}
	if _, err := fmt.Sscanf(after, numbers, costs...); err != nil {
		t.Fatalf("%q has no cost: %v", hash.Text(), err)
	}
	return cost <= bound && passes <= 10 && lanes <= 16, cost <= small
}
