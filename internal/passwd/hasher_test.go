package passwd

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// cheap are the settings that cost least.
var cheap = Settings{Algorithm: Argon2id, Cost: 1}

// The passwords are the longest that can be hashed.
func TestMadeHashVerifiesThePasswordOnly(t *testing.T) {
	t.Parallel()
	hasher := newHasher(0)
	long := strings.Repeat("Pässwörd\xff€ ", 20)
	tests := map[string]struct {
		make     func(password string) (Hash, error)
		password string
		shape    string // of the text
	}{
		"argon2id": {
			func(password string) (Hash, error) { return hasher.Make(t.Context(), cheap, password) },
			long[:256], argon2idOf(1),
		},
		"bcrypt": {
			func(password string) (Hash, error) { return hasher.Make(t.Context(), Settings{Bcrypt, 10}, password) },
			long[:72], bcryptOf(10),
		},
		"generated": {hasher.MakeGenerated, long[:256], `^\{SSHA256\}[A-Za-z0-9+/]{64}$`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hash, err := test.make(test.password)
			require.NoError(t, err)
			require.Regexp(t, test.shape, hash.Text())
			stored := parsed(t, hash.Text())
			require.Equal(t, hash.Scheme(), stored.Scheme())
			require.True(t, verify(t, stored, test.password))
			other := []byte(test.password)
			other[len(other)-1] ^= 1
			require.False(t, verify(t, hash, string(other)))
		})
	}
}

func TestSamePasswordHasAnotherHashEachTime(t *testing.T) {
	t.Parallel()
	hasher := newHasher(0)
	first, err := hasher.MakeGenerated("k7Rz0Qw9LmX2")
	require.NoError(t, err)
	second, err := hasher.MakeGenerated("k7Rz0Qw9LmX2")
	require.NoError(t, err)
	require.Equal(t, SSHA256, first.Scheme())
	require.NotEqual(t, first.Text(), second.Text())
}

func TestPasswordsThatCannotBeHashedAreRefused(t *testing.T) {
	t.Parallel()
	hasher := newHasher(1)
	tests := map[string]struct {
		settings Settings
		password string
		advice   string
	}{
		"empty":                 {cheap, "", "is empty"},
		"too long":              {cheap, strings.Repeat("x", 257), "longer than 256 octets"},
		"too long for bcrypt":   {Settings{Algorithm: Bcrypt}, strings.Repeat("x", 73), "longer than 72 octets, of which bcrypt reads no more"},
		"empty for bcrypt":      {Settings{Algorithm: Bcrypt}, "", "is empty"},
		"72 characters, not so": {Settings{Algorithm: Bcrypt}, strings.Repeat("ä", 72), "longer than 72 octets"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := hasher.Make(t.Context(), test.settings, test.password)
			var inputError InputError
			require.ErrorAs(t, err, &inputError)
			require.ErrorContains(t, err, test.advice)
			if test.settings == cheap {
				_, err = hasher.MakeGenerated(test.password)
				require.ErrorAs(t, err, &inputError)
			}
			require.Zero(t, hasher.Computed())
		})
	}
}

// SHA-crypt would take minutes for a password of megabytes. The first 256 octets
// alone do not match either.
func TestOverlongPasswordIsNeverVerifiedAndReadNoFurther(t *testing.T) {
	t.Parallel()
	hasher := newHasher(1)
	read := ""
	hash := hashOf(func(password string) (bool, error) {
		read = password
		return true, nil
	})
	for length, same := range map[int]bool{256: true, 257: false, 1 << 20: false} {
		matches, err := hasher.Verify(t.Context(), Caller{}, hash, strings.Repeat("x", length))
		require.NoError(t, err)
		require.Equal(t, same, matches, "%d octets", length)
		require.Len(t, read, 256)
	}
	require.EqualValues(t, 3, hasher.Computed())
}

func TestVerifyComputesOneHashForEveryFormat(t *testing.T) {
	t.Parallel()
	for name, v := range vectors {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hasher := newHasher(1)
			for n, password := range []string{"", "wrong\xff"} {
				_, err := hasher.Verify(t.Context(), Caller{}, parsed(t, v.text), password)
				require.NoError(t, err)
				require.EqualValues(t, n+1, hasher.Computed())
			}
		})
	}
}

func TestVerifyDummyComputesOneHash(t *testing.T) {
	t.Parallel()
	hasher := newHasher(0)
	for n, settings := range []Settings{{}, cheap, {Bcrypt, 10}} {
		require.NoError(t, hasher.VerifyDummy(t.Context(), Caller{}, settings, horse))
		require.EqualValues(t, n+1, hasher.Computed())
	}
}

func TestMakingComputesOneHash(t *testing.T) {
	t.Parallel()
	hasher := newHasher(0)
	_, err := hasher.Make(t.Context(), cheap, horse)
	require.NoError(t, err)
	require.EqualValues(t, 1, hasher.Computed())
	_, err = hasher.MakeGenerated(horse)
	require.NoError(t, err)
	require.EqualValues(t, 2, hasher.Computed())
}

func TestVerifyingTheZeroHashIsAFault(t *testing.T) {
	t.Parallel()
	same, err := newHasher(1).Verify(t.Context(), Caller{}, Hash{}, "")
	require.ErrorIs(t, err, errNoHash)
	require.False(t, same)
}

func TestFaultIsNoMatch(t *testing.T) {
	t.Parallel()
	fault := errors.New("no memory")
	hasher := newHasher(1)
	hash := hashOf(func(string) (bool, error) { return true, fault })
	for range 2 { // its turn is passed on
		same, err := hasher.Verify(t.Context(), Caller{}, hash, horse)
		require.ErrorIs(t, err, fault)
		require.False(t, same)
	}
}

// hashOf is a hash that calls a function instead of computing.
func hashOf(f func(password string) (bool, error)) Hash { return Hash{digest: called(f)} }

type called func(password string) (bool, error)

func (called) work() time.Duration { return 0 }

func (f called) matches(password string) (bool, error) { return f(password) }

func TestNoMoreHashesAtOnceThanAllowed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const parallel, logins = 3, 20
		hasher := newHasher(parallel)
		var running, most atomic.Int64
		release := make(chan struct{})
		hash := hashOf(func(string) (bool, error) {
			now := running.Add(1)
			most.Store(max(most.Load(), now))
			<-release
			running.Add(-1)
			return true, nil
		})
		var all sync.WaitGroup
		for range logins {
			all.Go(func() {
				same, err := hasher.Verify(t.Context(), Caller{}, hash, horse)
				if err != nil || !same {
					t.Errorf("%v, %v", same, err)
				}
			})
		}
		for done := range logins {
			synctest.Wait()
			if want := min(parallel, logins-done); running.Load() != int64(want) {
				t.Errorf("%d run, not %d", running.Load(), want)
			}
			release <- struct{}{}
		}
		all.Wait()
		require.EqualValues(t, parallel, most.Load())
		require.EqualValues(t, logins, hasher.Computed())
	})
}

func TestContextEndsTheWait(t *testing.T) {
	t.Parallel()
	for name, ask := range map[string]func(context.Context, *Hasher) error{
		"Make":        func(ctx context.Context, h *Hasher) error { _, err := h.Make(ctx, cheap, horse); return err },
		"VerifyDummy": func(ctx context.Context, h *Hasher) error { return h.VerifyDummy(ctx, Caller{}, cheap, horse) },
		"Verify": func(ctx context.Context, h *Hasher) error {
			_, err := h.Verify(ctx, Caller{}, hashOf(func(string) (bool, error) { return true, nil }), horse)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				hasher := newHasher(1)
				release := make(chan struct{})
				var all sync.WaitGroup
				all.Go(func() {
					_, _ = hasher.Verify(t.Context(), Caller{}, hashOf(func(string) (bool, error) { <-release; return true, nil }), horse)
				})
				synctest.Wait()

				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				all.Go(func() { ended <- ask(ctx, hasher) })
				synctest.Wait()
				require.Empty(t, ended)
				cancel()
				require.ErrorIs(t, <-ended, context.Canceled)
				require.EqualValues(t, 1, hasher.Computed())

				close(release)
				all.Wait()
				require.NoError(t, ask(t.Context(), hasher)) // a call that gave up took no turn
			})
		})
	}
}

func TestContextThatHasEndedComputesNothing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	hasher := newHasher(2)
	for range 20 { // since a free turn and the end would be a coin's toss
		require.ErrorIs(t, hasher.VerifyDummy(ctx, Caller{}, cheap, horse), context.Canceled)
	}
	require.Zero(t, hasher.Computed())
}

// A batch of users does not wait for the logins, nor the logins for it.
func TestGeneratedPasswordsDoNotWait(t *testing.T) {
	t.Parallel()
	hasher := newHasher(1)
	same, err := hasher.Verify(t.Context(), Caller{}, hashOf(func(string) (bool, error) {
		_, err := hasher.MakeGenerated("k7Rz0Qw9LmX2")
		return true, err
	}), horse)
	require.NoError(t, err)
	require.True(t, same)
}

func TestHasherTakesAllProcessorsUnlessTold(t *testing.T) {
	t.Parallel()
	require.Equal(t, runtime.GOMAXPROCS(0), newHasher(0).queue.parallel)
	require.Equal(t, runtime.GOMAXPROCS(0), newHasher(-1).queue.parallel)
	require.Equal(t, 5, newHasher(5).queue.parallel)
}

// Of each format, the cost that is cheaper than argon2id with 2 passes over 19 MiB, and
// one that is not.
func TestWrongPasswordTakesNoLessThanAHashThatIsMadeNow(t *testing.T) {
	t.Parallel()
	salt, digest := strings.Repeat("A", 22), strings.Repeat("A", 43)
	for text, cheaper := range map[string]bool{
		"{SSHA}1TG/8Cv9qjDZbmbZkDKRdmYFXQ0xMjM0NTY3OA==":           true,
		"nt:891fc570507eef023cbfec043dd5f2b1":                      true,
		"$5$saltsalt$" + digest:                                    true,
		"$5$rounds=1000$saltsalt$" + digest:                        true,
		"$6$saltsalt$" + digest + digest:                           true,
		"{CRYPT}$6$saltsalt$" + digest + digest:                    true,
		"$5$rounds=120000$saltsalt$" + digest:                      false,
		"$6$rounds=70000$saltsalt$" + digest + digest:              false,
		"pbkdf2_sha256$1000$salt$" + digest + "=":                  true,
		"pbkdf2_sha1$1000$salt$" + digest[:27] + "=":               true,
		"pbkdf2_sha256$100000$salt$" + digest + "=":                false,
		"$2b$04$" + strings.Repeat(".", 53):                        true,
		"bcrypt_sha256$$2b$04$" + strings.Repeat(".", 53):          true,
		"$2b$09$" + strings.Repeat(".", 53):                        false,
		"$argon2id$v=19$m=19456,t=1,p=1$" + salt + "$" + digest:    true,
		"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + digest:    false,
		"argon2$argon2i$v=19$m=512,t=2,p=2$" + salt + "$" + digest: true,
		"$argon2id$v=19$m=65536,t=1,p=4$" + salt + "$" + digest:    false,
		"{SSHA256}" + strings.Repeat("A", 47) + "=":                true,
		"{SSHA512}" + strings.Repeat("A", 94) + "==":               true,
	} {
		hash := parsed(t, text)
		want := 1
		if cheaper {
			want = 2
		}
		hasher := newHasher(1)
		same, err := hasher.VerifyAtLeast(t.Context(), Caller{}, Settings{}, hash, "wrong")
		require.NoError(t, err)
		require.False(t, same)
		require.EqualValues(t, want, hasher.Computed(), text)
	}
}

func TestRightPasswordIsAsFastAsItsHashUnlessItIsInVain(t *testing.T) {
	t.Parallel()
	hasher := newHasher(1)
	hash, err := hasher.MakeGenerated("k7Rz0Qw9LmX2")
	require.NoError(t, err)
	computed := func(verify func() error) uint64 {
		t.Helper()
		before := hasher.Computed()
		require.NoError(t, verify())
		return hasher.Computed() - before
	}
	require.EqualValues(t, 1, computed(func() error {
		same, err := hasher.VerifyAtLeast(t.Context(), Caller{}, cheap, hash, "k7Rz0Qw9LmX2")
		require.True(t, same)
		return err
	}))
	for _, password := range []string{"k7Rz0Qw9LmX2", "wrong"} {
		require.EqualValues(t, 2, computed(func() error { return hasher.VerifyInVain(t.Context(), Caller{}, cheap, hash, password) }))
	}
	whole := hashOf(func(string) (bool, error) { return true, nil })
	require.EqualValues(t, 2, computed(func() error {
		same, err := hasher.VerifyAtLeast(t.Context(), Caller{}, cheap, whole, strings.Repeat("x", MaxPassword+1))
		require.False(t, same, "longer than what is compared")
		return err
	}))
	_, err = hasher.VerifyAtLeast(t.Context(), Caller{}, Settings{Cost: 99}, hash, "x")
	var inputError InputError
	require.ErrorAs(t, err, &inputError)
	_, err = hasher.VerifyAtLeast(t.Context(), Caller{}, cheap, Hash{}, "x")
	require.ErrorIs(t, err, errNoHash)
}
