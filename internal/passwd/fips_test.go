package passwd

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/fipstest"
)

// pbkdf2Of is the shape of a hash of PBKDF2 with SHA-256 that is made here.
func pbkdf2Of(iterations string) string {
	return `^pbkdf2_sha256\$` + iterations + `\$[A-Z2-7]{26}\$[A-Za-z0-9+/]{43}=$`
}

func TestPBKDF2HashesAreMadeAndVerified(t *testing.T) {
	t.Parallel()
	hasher := newHasher(1)
	usual, err := hasher.Make(t.Context(), Settings{Algorithm: PBKDF2SHA256}, horse)
	require.NoError(t, err)
	require.Regexp(t, pbkdf2Of("600000"), usual.Text())

	settings := Settings{Algorithm: PBKDF2SHA256, Cost: 100_000}
	hash, err := hasher.Make(t.Context(), settings, horse)
	require.NoError(t, err)
	require.Equal(t, PBKDF2SHA256, hash.Scheme())
	require.Regexp(t, pbkdf2Of("100000"), hash.Text())
	require.NoError(t, hash.CheckFIPS())
	for password, want := range map[string]bool{horse: true, "wrong": false, "": false} {
		same, err := hasher.VerifyAtLeast(t.Context(), Caller{}, settings, hash, password)
		require.NoError(t, err)
		require.Equal(t, want, same)
	}
	other, err := hasher.Make(t.Context(), settings, horse)
	require.NoError(t, err)
	require.NotEqual(t, hash.Text(), other.Text(), "each has a salt of its own")
	require.NoError(t, hasher.VerifyDummy(t.Context(), Caller{}, settings, horse))
}

func TestPBKDF2CostsOutOfBoundsAreRefused(t *testing.T) {
	t.Parallel()
	for _, cost := range []int{-1, 1, 99_999, 2_000_001} {
		err := Settings{Algorithm: PBKDF2SHA256, Cost: cost}.Check()
		require.ErrorContains(t, err, "use 100000 to 2000000, or 0 for 600000")
	}
}

// python3 -c 'import hashlib, base64; print(base64.b64encode(hashlib.pbkdf2_hmac("sha256",
// b"correct horse", b"0123456789abcdef0123456789", 1000)))', in Django's form.
const foreignPBKDF2 = "pbkdf2_sha256$1000$0123456789abcdef0123456789$UTHyE/k4myXWKM93L883Vs7ZvHTC+qBSFUOKIkqGMhg="

func TestPBKDF2OfOthersIsVerified(t *testing.T) {
	t.Parallel()
	hash, err := Parse(foreignPBKDF2)
	require.NoError(t, err)
	same, err := newHasher(1).Verify(t.Context(), Caller{}, hash, horse)
	require.NoError(t, err)
	require.True(t, same)
	require.Empty(t, hash.unapproved())
}

// In FIPS 140 mode every hash but those of PBKDF2 with SHA-2, a salt and iterations as SP 800-132
// wants them is refused, and none is computed: MD4 and SHA-1 would end the process.
func TestOnlyPBKDF2IsComputedInFIPSMode(t *testing.T) {
	if !fipstest.Only(t) {
		return
	}
	hasher := newHasher(1)
	texts := []string{"nt:891fc570507eef023cbfec043dd5f2b1"}
	for _, vector := range vectors {
		texts = append(texts, vector.text)
	}
	refused := map[Scheme]bool{}
	for _, text := range texts {
		hash, err := Parse(text)
		require.NoError(t, err)
		same, err := hasher.Verify(t.Context(), Caller{}, hash, horse)
		if hash.CheckFIPS() == nil {
			require.NoError(t, err)
			continue
		}
		var inputError InputError
		require.ErrorAs(t, err, &inputError)
		require.ErrorContains(t, err, "is refused in FIPS 140 mode")
		require.False(t, same)
		require.Error(t, hasher.VerifyInVain(t.Context(), Caller{}, Settings{}, hash, horse))
		refused[hash.Scheme()] = true
	}
	for _, scheme := range []Scheme{
		Argon2id, Argon2i, Bcrypt, BcryptSHA256, PBKDF2SHA1, SHA512Crypt, SHA256Crypt, SSHA, SSHA256, SSHA512, NT,
	} {
		require.True(t, refused[scheme], "%s", scheme)
	}
	const rest = "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	for text, why := range map[string]string{
		"pbkdf2_sha256$600000$" + strings.Repeat("s", 15) + rest: "wants a salt of 16 octets or more",
		"pbkdf2_sha256$999$" + strings.Repeat("s", 16) + rest:    "wants 1000 iterations or more",
		"pbkdf2_sha256$1000$" + strings.Repeat("s", 16) + rest:   "",
	} {
		hash, err := Parse(text)
		require.NoError(t, err)
		_, err = hasher.Verify(t.Context(), Caller{}, hash, "x")
		if why == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, why)
	}
}

func TestNewPasswordsAreHashedWithPBKDF2InFIPSMode(t *testing.T) {
	if !fipstest.Only(t) {
		return
	}
	hasher := newHasher(1)
	require.Equal(t, PBKDF2SHA256, DefaultAlgorithm())
	usual, err := hasher.Make(t.Context(), Settings{}, horse)
	require.NoError(t, err)
	require.Regexp(t, pbkdf2Of("600000"), usual.Text())
	quick := Settings{Cost: 100_000}
	for _, password := range []string{"x", strings.Repeat("x", MaxPassword)} {
		hash, err := hasher.Make(t.Context(), quick, password)
		require.NoError(t, err)
		require.Regexp(t, pbkdf2Of("100000"), hash.Text())
		same, err := hasher.VerifyAtLeast(t.Context(), Caller{}, quick, hash, password)
		require.NoError(t, err)
		require.True(t, same)
	}
	generated, err := hasher.MakeGenerated("kQ7mtXw2pRz9")
	require.NoError(t, err)
	require.Regexp(t, pbkdf2Of("1000"), generated.Text())
	same, err := hasher.Verify(t.Context(), Caller{}, generated, "kQ7mtXw2pRz9")
	require.NoError(t, err)
	require.True(t, same)
	require.NoError(t, hasher.VerifyDummy(t.Context(), Caller{}, quick, horse))
	for _, algorithm := range []Scheme{Argon2id, Bcrypt} {
		settings := Settings{Algorithm: algorithm, Cost: 10}
		require.ErrorContains(t, settings.Check(), string(algorithm)+" is refused in FIPS 140 mode")
		_, err := hasher.Make(t.Context(), settings, horse)
		require.ErrorContains(t, err, "use pbkdf2_sha256")
		require.Equal(t, Settings{}, settings.Approved())
	}
}

// With GODEBUG=fips140=on, where they could be computed, the same are refused.
func TestTheSameHashesAreRefusedInBothFIPSModes(t *testing.T) {
	if !fipstest.On(t) {
		return
	}
	hash, err := Parse("{SSHA}6g4fYEqjmxjPhirX8+VjjS3TL+zKOqNs")
	require.NoError(t, err)
	_, err = newHasher(1).Verify(t.Context(), Caller{}, hash, horse)
	require.ErrorContains(t, err, "a hash of ssha is refused in FIPS 140 mode")
	require.Equal(t, PBKDF2SHA256, DefaultAlgorithm())
}
