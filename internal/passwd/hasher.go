package passwd

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"vault-plugin-auth-radius/internal/fips"
)

// errNoHash is a bug of the caller: the answer would not take the time of a hash.
var errNoHash = errors.New("there is no hash to verify the password with")

// check returns an error for a hash that no password can be compared with.
func (h Hash) check() error {
	if h.Empty() {
		return errNoHash
	}
	return h.CheckFIPS()
}

// Hasher makes and verifies hashes, no more at once than it was made for, so that many
// logins exhaust neither the memory nor the processors. The others wait: no more of them
// than have their turns soon, and with turns for each address and name, so that a flood
// of wrong passwords keeps no other user out. It is safe for concurrent use.
type Hasher struct {
	queue    *queue
	computed atomic.Uint64
}

// NewHasher returns a Hasher of that many hashes at once; 0 or less means as many as
// there are processors for Go (GOMAXPROCS). Each may take 19 MiB of memory, or up
// to 128 MiB for an imported hash, while it is computed. Logins and renewals wait no
// longer than wait for it, unless a single hash takes half as long or more.
func NewHasher(parallel int, wait time.Duration) *Hasher {
	if parallel <= 0 {
		parallel = runtime.GOMAXPROCS(0)
	}
	return &Hasher{queue: newQueue(parallel, wait)}
}

// Wait returns how long logins and renewals wait at most.
func (h *Hasher) Wait() time.Duration { return h.queue.wait }

// Make returns the hash of a password of 1 to 256 octets, 72 with bcrypt, as soon as it has
// its turn, which is an [Operator]'s. The error is an [InputError] for the settings or the
// password, a [FullError], or the context's if that ended while waiting.
func (h *Hasher) Make(ctx context.Context, settings Settings, password string) (Hash, error) {
	if err := settings.Check(); err != nil {
		return Hash{}, err
	}
	settings = settings.withDefaults()
	if err := settings.checkPassword(password); err != nil {
		return Hash{}, err
	}
	dummy, err := settings.dummy() // for the time that it takes
	if err != nil {
		return Hash{}, fmt.Errorf("preparing %s: %w", settings.Algorithm, err)
	}
	var text string
	if err := h.withSlot(ctx, Caller{Class: Operator}, dummy.digest.work(), func() (err error) {
		text, err = settings.hash(password)
		return err
	}); err != nil {
		return Hash{}, err
	}
	return Parse(text)
}

// MakeGenerated returns the hash of a password that a machine has made of 64 random bits or
// more, 11 letters and digits for instance: these cannot be tried out, so a salted
// SHA-256 ({SSHA256}) protects them, or in FIPS 140 mode the least PBKDF2 that is approved. It
// does not wait, and thousands take no time, or a second or two.
// It must not be used for passwords that users choose. The error is an [InputError].
func (h *Hasher) MakeGenerated(password string) (Hash, error) {
	if err := checkPassword(password); err != nil {
		return Hash{}, err
	}
	h.computed.Add(1)
	if fips.Enabled() {
		text, err := newPBKDF2(password, minFIPSIterations)
		if err != nil {
			return Hash{}, fmt.Errorf("computing the hash of a password: %w", err)
		}
		return Parse(text)
	}
	salt := make([]byte, newSaltLen)
	_, _ = rand.Read(salt) // never fails
	sum := saltedSum(sha256.New, password, salt)
	return Parse("{SSHA256}" + base64.StdEncoding.EncodeToString(append(sum, salt...)))
}

// Verify reports whether the hash is the password's, as soon as the caller has its turn. It
// computes one hash, whatever the password. As everywhere, bcrypt reads the first
// 72 octets. The error is a [FullError], the context's if that ended while waiting, or a
// fault: for the zero Hash, for which there is [Hasher.VerifyDummy], too.
func (h *Hasher) Verify(ctx context.Context, caller Caller, hash Hash, password string) (bool, error) {
	if err := hash.check(); err != nil {
		return false, err
	}
	short := password[:min(len(password), MaxPassword)]
	var same bool
	if err := h.withSlot(ctx, caller, hash.digest.work(), func() (err error) {
		same, err = hash.digest.matches(short)
		return err
	}); err != nil {
		return false, err
	}
	return same && short == password, nil
}

// VerifyAtLeast does as Verify, but a wrong password takes no less time than with a hash
// that Make would make now: after a cheaper one, imported or of MakeGenerated, it
// computes such a hash as well, in the same turn. The right password is as fast as the
// hash. The error is as those of Make and Verify.
func (h *Hasher) VerifyAtLeast(
	ctx context.Context, caller Caller, settings Settings, hash Hash, password string,
) (bool, error) {
	return h.verifyAtLeast(ctx, caller, settings, hash, password, true)
}

// VerifyInVain takes the time that VerifyAtLeast takes for a wrong password, whether
// the password is wrong or right: for a user who is refused anyway. The error is as
// those of VerifyAtLeast.
func (h *Hasher) VerifyInVain(ctx context.Context, caller Caller, settings Settings, hash Hash, password string) error {
	_, err := h.verifyAtLeast(ctx, caller, settings, hash, password, false)
	return err
}

// verifyAtLeast does as VerifyAtLeast; unless quick, the right password takes as long as
// a wrong one.
func (h *Hasher) verifyAtLeast(
	ctx context.Context, caller Caller, settings Settings, hash Hash, password string, quick bool,
) (bool, error) {
	if err := hash.check(); err != nil {
		return false, err
	}
	dummy, err := settings.checkedDummy()
	if err != nil {
		return false, err
	}
	short := password[:min(len(password), MaxPassword)]
	var same bool
	work := max(hash.digest.work(), dummy.digest.work())
	err = h.withSlot(ctx, caller, work, func() error {
		matches, err := hash.digest.matches(short)
		same = matches && short == password
		if err != nil || same && quick || hash.digest.work() >= dummy.digest.work() {
			return err
		}
		h.computed.Add(1)
		_, err = dummy.digest.matches(short)
		return err
	})
	return same && err == nil, err
}

// VerifyDummy takes the time that Verify takes for a hash that Make would make now: for
// a user who does not exist, or has no hash. The error is as those of Make and Verify.
func (h *Hasher) VerifyDummy(ctx context.Context, caller Caller, settings Settings, password string) error {
	dummy, err := settings.checkedDummy()
	if err != nil {
		return err
	}
	_, err = h.Verify(ctx, caller, dummy, password)
	return err
}

// Computed returns how many hashes were computed: made or verified.
func (h *Hasher) Computed() uint64 { return h.computed.Load() }

// withSlot waits for the caller's turn, and computes a hash that takes about so long.
func (h *Hasher) withSlot(ctx context.Context, caller Caller, work time.Duration, compute func() error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("no password was hashed: %w", ctx.Err())
	}
	if err := h.queue.begin(ctx, caller, work); err != nil {
		return err
	}
	began := time.Now()
	defer func() { h.queue.end(time.Since(began)) }()
	h.computed.Add(1)
	if err := compute(); err != nil {
		return fmt.Errorf("computing the hash of a password: %w", err)
	}
	return nil
}
