package passwd

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// horse is the password of the vectors that say no other.
const horse = "correct horse"

// vector is a hash that another program has made.
type vector struct {
	text     string
	scheme   Scheme
	password string // horse if empty
}

var vectors = map[string]vector{
	// openssl passwd -6 -salt NaClNaCl 'correct horse', and -5
	"sha512crypt of openssl": {
		text:   "$6$NaClNaCl$9JalN3YwHg4oYoo29rQJ6lgqGuZnsl.h2AVT6FiC8600qIHDAVSGnTGY9BrGEnbelq8emOZS8f1yYPA/VmlTV1",
		scheme: SHA512Crypt,
	},
	"sha256crypt of openssl": {text: "$5$NaClNaCl$QoSImwTreUcnxvRwM.CdIv9Gu09EireSFXZWV/uc1nD", scheme: SHA256Crypt},
	// python3 -c 'import crypt; print(crypt.crypt("correct horse", "$6$rounds=1000$0123456789abcdef"))', which is glibc's
	"sha512crypt with rounds": {
		text:   "$6$rounds=1000$0123456789abcdef$GaScwcscdzvyk7gzZmxXAHiJAYBdSzwVcphgrsQJGOjgOegLlrTs5rVDD6z0u4r1gcbw2MjFIR1AQnAH5uLeW0",
		scheme: SHA512Crypt,
	},
	"sha256crypt with rounds": {text: "$5$rounds=10000$saltstringsaltst$ffO6RHJbzihHqETll0c/MLDJrGhQw9fAaO1LcVIStWB", scheme: SHA256Crypt},
	// https://www.akkadia.org/drepper/SHA-crypt.txt, the last but one of the SHA-512 tests
	"sha512crypt of its specification": {
		text:   "$6$rounds=77777$short$WuQyW2YR.hBNpjjRhpYD/ifIw05xdfeEyQoMxIXbkvr0gge1a1x3yRULJ5CCaUeOxFmtlcGZelFl5CxtgfiAc0",
		scheme: SHA512Crypt, password: "we have a short salt string but not a short password",
	},
	// slappasswd -h '{CRYPT}' -c '$6$%.8s' -s 'correct horse'
	"sha512crypt of slapd": {
		text:   "{CRYPT}$6$S4lj5i8m$9BsLfAj8jXCjBq548P0b8uumP4VJwwlmlRzgVod.lfBWGiGf25Jb8Mr9dRGGqXBnufwS4zgEND71co.H/VLtH/",
		scheme: SHA512Crypt,
	},

	// slappasswd -h '{SSHA}' -s 'correct horse', and with -o module-load=pw-sha2 the others
	"ssha of slapd":    {text: "{SSHA}6g4fYEqjmxjPhirX8+VjjS3TL+zKOqNs", scheme: SSHA},
	"ssha256 of slapd": {text: "{SSHA256}kvDiByzVqbmRzJl6IxDvNZDhh6VHoGOegelJDcYHaqSMJV1OTQ+fvg==", scheme: SSHA256},
	"ssha512 of slapd": {
		text:   "{SSHA512}fqx1BrmvtPGjgVE9AnrbdtZoSdpXfmoK4g2L4y+S5n2Q6/+kCt/bN+LJyLqwVm849midi8RBe+2bxpeegAuK/Lgx/t6gZMiA",
		scheme: SSHA512,
	},
	"ssha in small letters": {text: "{ssha}6g4fYEqjmxjPhirX8+VjjS3TL+zKOqNs", scheme: SSHA},

	// htpasswd -nbB -C 4 user 'correct horse'
	"bcrypt of htpasswd": {text: "$2y$04$y6FhET85KuzqfioKbosV3uewMdet4KKgtqQYRX5PUG7Oc57seFMbm", scheme: Bcrypt},
	// python3 -c 'import bcrypt; print(bcrypt.hashpw(b"correct horse", b"$2b$04$abcdefghijklmnopqrstuu"))', bcrypt 3.2.2
	"bcrypt of python":    {text: "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e", scheme: Bcrypt},
	"bcrypt of version a": {text: "$2a$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e", scheme: Bcrypt},
	"bcrypt of Django":    {text: "bcrypt$$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e", scheme: Bcrypt},
	// the same with hashlib.sha256(b"correct horse").hexdigest().encode(), as Django's BCryptSHA256PasswordHasher does
	"bcrypt_sha256 of Django": {text: "bcrypt_sha256$$2b$04$abcdefghijklmnopqrstuuIvyWZlBcE3WoQXKqRnwrLYJ6nenE0Bq", scheme: BcryptSHA256},

	// echo -n 'correct horse' | argon2 seasalt0 -id -t 1 -k 64 -p 2 -l 32 -e, and -i -t 2 -k 32 -p 1 -l 16
	"argon2id of argon2": {text: "$argon2id$v=19$m=64,t=1,p=2$c2Vhc2FsdDA$ZRT24AyMmgodnyYsFMOQA+WTVNqfmirRl7SufTbHbgg", scheme: Argon2id},
	"argon2i of argon2":  {text: "$argon2i$v=19$m=32,t=2,p=1$c2Vhc2FsdDA$n/S0Lwjln0uiaQqUIH+usA", scheme: Argon2i},
	"argon2id of Django": {
		text:   "argon2$argon2id$v=19$m=64,t=1,p=2$c2Vhc2FsdDA$ZRT24AyMmgodnyYsFMOQA+WTVNqfmirRl7SufTbHbgg",
		scheme: Argon2id,
	},

	// users of openwisp-radius's tests and documentation
	"pbkdf2_sha256 of myPassword123": {
		text:   "pbkdf2_sha256$100000$cKdP39chT3pW$2EtVk4Hhm1V65GNfYAA5AHj0uyD60f2CmqumqiB/gRk=",
		scheme: PBKDF2SHA256, password: "myPassword123",
	},
	"pbkdf2_sha256 of rohith": {
		text:   "pbkdf2_sha256$100000$x3DUBnOFwraV$PU2dZZq1FcuBjagxVLPhhFvpicLn18fFCN5xiLsxATc=",
		scheme: PBKDF2SHA256, password: "rohith",
	},
	// python3: base64.b64encode(hashlib.pbkdf2_hmac("sha1", b"correct horse", b"seasalt", 26000))
	"pbkdf2_sha1": {text: "pbkdf2_sha1$26000$seasalt$DHgQW9iPX4I+u01XJWIHpEU3F3Q=", scheme: PBKDF2SHA1},

	// RFC 2759 section 9.2
	"nt of RFC 2759": {text: "nt:44EBBA8D5312B8D611474411F56989AE", scheme: NT, password: "clientPass"},
	// a user of openwisp-radius's tests
	"nt of Cam0_liX": {text: "nt:891fc570507eef023cbfec043dd5f2b1", scheme: NT, password: "Cam0_liX"},
	// printf 'Pässwörd€𝄞' | iconv -t UTF-16LE | openssl dgst -provider legacy -provider default -md4
	"nt beyond ASCII": {text: "nt:b5a75471510589f07797372cbd3fc06a", scheme: NT, password: "Pässwörd€𝄞"},
}

func (v vector) passwordOf() string {
	if v.password == "" {
		return horse
	}
	return v.password
}

func parsed(tb testing.TB, text string) Hash {
	tb.Helper()
	hash, err := Parse(text)
	require.NoError(tb, err)
	return hash
}

func verify(tb testing.TB, hash Hash, password string) bool {
	tb.Helper()
	same, err := newHasher(1).Verify(tb.Context(), Caller{}, hash, password)
	require.NoError(tb, err)
	return same
}

func TestHashesOfOtherProgramsVerify(t *testing.T) {
	t.Parallel()
	for name, v := range vectors {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hash := parsed(t, v.text)
			require.Equal(t, v.text, hash.Text())
			require.Equal(t, v.scheme, hash.Scheme())
			require.False(t, hash.Empty())
			require.True(t, verify(t, hash, v.passwordOf()))
		})
	}
}

func TestAnotherPasswordDoesNotVerify(t *testing.T) {
	t.Parallel()
	for name, v := range vectors {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hash, password := parsed(t, v.text), v.passwordOf()
			require.False(t, verify(t, hash, password[:len(password)-1]+"!"))
		})
	}
}

// The digest is read whole: a hash with another last octet is another hash.
func TestAnotherDigestDoesNotVerify(t *testing.T) {
	t.Parallel()
	for _, changed := range []struct{ from, to string }{
		{vectors["sha512crypt of openssl"].text, "lTV0"},
		{vectors["bcrypt of python"].text, "Qc6O"},
		{vectors["argon2i of argon2"].text, "+usQ"},
		{vectors["pbkdf2_sha1"].text, "F3U="},
		{vectors["ssha of slapd"].text, "OqNt"}, // of its salt
	} {
		text := changed.from[:len(changed.from)-4] + changed.to
		require.NotEqual(t, changed.from, text)
		require.False(t, verify(t, parsed(t, text), horse))
	}
}

// Like the programs that made the imported hashes.
func TestBcryptReadsTheFirst72OctetsOfAPassword(t *testing.T) {
	t.Parallel()
	// python3: bcrypt.hashpw(b"x" * 80, b"$2b$04$abcdefghijklmnopqrstuu"), bcrypt 3.2.2
	hash := parsed(t, "$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i")
	require.True(t, verify(t, hash, strings.Repeat("x", 80)))
	require.True(t, verify(t, hash, strings.Repeat("x", 72)))
	require.False(t, verify(t, hash, strings.Repeat("x", 71)+"y"))
}

func TestBcryptSHA256ReadsAllOfAPassword(t *testing.T) {
	t.Parallel()
	// python3: bcrypt.hashpw(hashlib.sha256(b"x" * 80).hexdigest().encode(), b"$2b$04$abcdefghijklmnopqrstuu")
	hash := parsed(t, "bcrypt_sha256$$2b$04$abcdefghijklmnopqrstuuVTgWIlfVafOdCoNj73.S3YIYkZL7g7S")
	require.True(t, verify(t, hash, strings.Repeat("x", 80)))
	require.False(t, verify(t, hash, strings.Repeat("x", 79)+"y"))
}

func TestNTHashIsHandedOut(t *testing.T) {
	t.Parallel()
	octets, ok := parsed(t, "nt:891fc570507eef023cbfec043dd5f2b1").NT()
	require.True(t, ok)
	require.Equal(t, "891fc570507eef023cbfec043dd5f2b1", hex.EncodeToString(octets))
}

func TestHandedOutNTHashIsACopy(t *testing.T) {
	t.Parallel()
	hash := parsed(t, "nt:891fc570507eef023cbfec043dd5f2b1")
	octets, _ := hash.NT()
	clear(octets)
	require.True(t, verify(t, hash, "Cam0_liX"))
}

func TestOtherHashesAreNoNTHash(t *testing.T) {
	t.Parallel()
	for _, hash := range []Hash{{}, parsed(t, vectors["ssha of slapd"].text)} {
		octets, ok := hash.NT()
		require.False(t, ok)
		require.Empty(t, octets)
	}
}

// The password is not UTF-8, and the characters that replace its octets must not match.
func TestInvalidUTF8NeverVerifiesAgainstNT(t *testing.T) {
	t.Parallel()
	// printf '?' | iconv -t UTF-16LE | openssl dgst -provider legacy -provider default -md4, and for U+FFFD
	for _, text := range []string{"nt:8d3647093e662b9cf9d19c804c4655b6", "nt:48498df91e4c1700370a09c6c51a055f"} {
		require.False(t, verify(t, parsed(t, text), "\xff"))
	}
	require.True(t, verify(t, parsed(t, "nt:8d3647093e662b9cf9d19c804c4655b6"), "?"))
}
