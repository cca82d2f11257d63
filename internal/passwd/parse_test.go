package passwd

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	bcryptRest = "abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"
	argon2Rest = "$c2Vhc2FsdDA$ZRT24AyMmgodnyYsFMOQA+WTVNqfmirRl7SufTbHbgg"
	pbkdf2Rest = "$seasalt$DHgQW9iPX4I+u01XJWIHpEU3F3Q="
	crypt5Rest = "$NaClNaCl$QoSImwTreUcnxvRwM.CdIv9Gu09EireSFXZWV/uc1nD"
)

// repeated is base64 of so many octets.
func repeated(octets int) string {
	return base64.StdEncoding.EncodeToString([]byte(strings.Repeat("s", octets)))
}

func TestHashesThatProtectTooLittleAreRefusedByName(t *testing.T) {
	t.Parallel()
	for text, scheme := range map[string]string{
		"md5$salt$7f1bc4bd1e9b9bb53b2ca2ab4b8c4f4e":                   "Django's md5",
		"sha1$salt$3f8a1c0f6b9bb53b2ca2ab4b8c4f4e7f1bc4bd1e":          "Django's sha1",
		"unsalted_md5$$7f1bc4bd1e9b9bb53b2ca2ab4b8c4f4e":              "Django's unsalted_md5",
		"unsalted_sha1$$3f8a1c0f6b9bb53b2ca2ab4b8c4f4e7f1bc4bd1e":     "Django's unsalted_sha1",
		"crypt$$ab/4tTYKxIMBw":                                        "Django's crypt",
		"{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=":                           "{SHA}",
		"{sha}W6ph5Mm5Pz8GgiULbPgzG37mj9g=":                           "{SHA}",
		"{SHA256}XohImNooBHFR0OVvjcYpJ3NgPQ1qq73WKhHvch0VQtg=":        "{SHA256}",
		"{SHA512}sQnzu7wkTrgkQZF+0G1hi5AI3Qmzvv0bXgc5THBqi7mAsdd4Xll": "{SHA512}",
		"{MD5}X03MO1qnZdYdgyfeuILPmQ==":                               "{MD5}",
		"{SMD5}pzPgVgZ1AsCRgZ0vDH9K0H5kJ2M=":                          "{SMD5}",
		"{CRYPT}ab/4tTYKxIMBw":                                        "DES",
		"$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/":                          "crypt's MD5 ($1$)",
		"{CRYPT}$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/":                   "crypt's MD5 ($1$)",
	} {
		_, err := Parse(text)
		require.ErrorContains(t, err, scheme+" is refused", "%q", text)
		require.ErrorContains(t, err, "set a new password")
	}
}

func TestUnusablePasswordOfDjangoIsNoHash(t *testing.T) {
	t.Parallel()
	_, err := Parse("!Ei4Bp8iVbCdK9hFqwm3C0z5DSoYe0QLD7wTLFTa6")
	require.ErrorContains(t, err, "cannot be used")
}

func TestUnknownFormatsAreRefusedWithTheKnown(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "$", "{", "hunter2", "cleartext$hunter2", "{CLEARTEXT}hunter2", "{}",
		"891fc570507eef023cbfec043dd5f2b1", // NT or MD5?
		"lm:aad3b435b51404eeaad3b435b51404ee",
		"$2$04$" + bcryptRest, "$2x$04$" + bcryptRest,
		"$argon2d$v=19$m=64,t=1,p=2" + argon2Rest,
		"$y$j9T$saltsalt$kF0yC0gqB2s7cQ9w",
		"scrypt$16384$salt$8$1$abc",
		"argon2$$5" + crypt5Rest, "bcrypt$$6" + crypt5Rest, "bcrypt_sha256$$argon2id$v=19$m=64,t=1,p=2" + argon2Rest,
		"bcrypt$2b$04$" + bcryptRest,
		" $2b$04$" + bcryptRest,
	} {
		_, err := Parse(text)
		require.Equal(t, errUnknown, err, "%q", text)
	}
}

func TestDamagedHashesAreRefusedWithTheShape(t *testing.T) {
	t.Parallel()
	for name, texts := range map[string][]string{
		"argon2id": {
			"$argon2id$v=19$m=64,t=1,p=2$c2Vhc2FsdDA",
			"$argon2id$v=19$m=64,t=1,p=2$c2Vhc2FsdDA$",
			"$argon2id$v=19$m=64,t=1,p=2$c2Vhc2FsdDA$" + strings.Repeat("A", 20),
			"$argon2id$v=19$m=64,t=1,p=2$c2Vhc2FsdDA$" + strings.Repeat("A", 87),
			"$argon2id$v=19$m=64,t=1,p=2$" + strings.Repeat("A", 10) + "$" + strings.Repeat("A", 22),
			"$argon2id$v=19$m=64,t=1,p=2$" + strings.Repeat("A", 87) + "$" + strings.Repeat("A", 22),
			"$argon2id$v=19$m=64,t=1,p=2$" + strings.Repeat("A", 13) + "$" + strings.Repeat("A", 22), // no base64
			"$argon2id$v=16$m=64,t=1,p=2" + argon2Rest,
			"$argon2id$m=64,t=1,p=2" + argon2Rest,
			"$argon2id$v=19$m=64,t=1" + argon2Rest,
			"$argon2id$v=19$t=1,m=64,p=2" + argon2Rest,
			"$argon2id$v=19$m=64,t=1,p=2,m=64" + argon2Rest,
			"$argon2id$v=19$m=64,t=0,p=2" + argon2Rest,
			"$argon2id$v=19$m=-64,t=1,p=2" + argon2Rest,
			"$argon2id$v=19$m=64,t=1,p=2" + argon2Rest + "\n",
			"argon2$argon2id$v=19$m=64,t=1,p=2" + argon2Rest + "$",
		},
		"bcrypt": {
			"$2b$04$", "$2b$4$" + bcryptRest, "$2b$004$" + bcryptRest, "$2b$04$" + bcryptRest[1:], "$2b$04$" + bcryptRest + "a",
			"$2b$04$" + bcryptRest[1:] + "!", "bcrypt$$2b$04$" + bcryptRest[1:], "bcrypt_sha256$$2b$04$" + bcryptRest[1:],
		},
		"sha256crypt": {
			"$5$", "$5" + crypt5Rest[:50], "$5" + crypt5Rest + "a", "$5$" + crypt5Rest[9:], "$5$12345678901234567" + crypt5Rest[9:],
			"$5$rounds=" + crypt5Rest, "$5$rounds=5000,rounds=5000" + crypt5Rest, "$5$rounds=05000" + crypt5Rest, "$5$rounds=1e4" + crypt5Rest,
		},
		"sha512crypt": {"$6" + crypt5Rest, "{CRYPT}$6" + crypt5Rest},
		"pbkdf2_sha1": {
			"pbkdf2_sha1$", "pbkdf2_sha1$1$salt$", "pbkdf2_sha1$0" + pbkdf2Rest, "pbkdf2_sha1$-1" + pbkdf2Rest, "pbkdf2_sha1$" + pbkdf2Rest,
			"pbkdf2_sha1$1$$" + repeated(20), "pbkdf2_sha1$1$" + strings.Repeat("s", 65) + "$" + repeated(20), "pbkdf2_sha1$1$sa lt$" + repeated(20),
			"pbkdf2_sha1$1$salt$" + repeated(19), "pbkdf2_sha1$1$salt$" + repeated(21), "pbkdf2_sha1$1$salt$" + repeated(32),
			"pbkdf2_sha1$1$salt$" + strings.TrimRight(repeated(20), "="), "pbkdf2_sha1$1$salt$" + repeated(20) + "$",
			"pbkdf2_sha1$1$salt$" + repeated(20)[:26] + "N=", // bits past the end
		},
		"pbkdf2_sha256": {"pbkdf2_sha256$1$salt$" + repeated(20)},
		"ssha": {
			"{SSHA", "{SSHA}", "{SSHA}" + repeated(20), "{SSHA}" + repeated(85), "{SSHA}" + repeated(24)[1:],
			"{SSHA}" + repeated(24)[:10] + "\n" + repeated(24)[10:],
		},
		"ssha256": {"{SSHA256}" + repeated(32), "{SSHA256}" + repeated(97)},
		"ssha512": {"{SSHA512}" + repeated(64), "{SSHA512}" + repeated(129)},
		"nt": {
			"nt:", "nt:891fc570507eef023cbfec043dd5f2b", "nt:891fc570507eef023cbfec043dd5f2b100", "nt:891fc570507eef023cbfec043dd5f2bg",
			"nt:nt:891fc570507eef023cbfec043dd5f2b1",
		},
	} {
		for _, text := range texts {
			_, err := Parse(text)
			require.ErrorContains(t, err, "the hash of "+name+" is damaged", "%q", text)
		}
	}
}

func TestCostsUpToTheBoundsAreRead(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text        string // with %d for the cost
		least, most int
	}{
		"number of lanes (p)":  {"$argon2id$v=19$m=131072,t=1,p=%d" + argon2Rest, 1, 16},
		"memory in KiB (m)":    {"$argon2i$v=19$m=%d,t=1,p=4" + argon2Rest, 32, 131072},
		"number of passes (t)": {"argon2$argon2id$v=19$m=64,t=%d,p=2" + argon2Rest, 1, 10},
		"cost":                 {"$2b$%02d$" + bcryptRest, 4, 15},
		"number of rounds":     {"$5$rounds=%d" + crypt5Rest, 1000, 1_000_000},
		"number of iterations": {"pbkdf2_sha1$%d" + pbkdf2Rest, 1, 2_000_000},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parsed(t, fmt.Sprintf(test.text, test.least))
			parsed(t, fmt.Sprintf(test.text, test.most))
			refused := []int64{int64(test.most) + 1}
			if test.least > 1 { // 0 is no cost at all, and damage
				refused = append(refused, int64(test.least)-1)
			}
			if name != "cost" { // which has two digits
				refused = append(refused, 1<<32+int64(test.least), 9_999_999_999)
			}
			for _, cost := range refused {
				_, err := Parse(fmt.Sprintf(test.text, cost))
				want := fmt.Sprintf("the hash's %s is %02d, and must be between %d and %d: "+
					"make the hash anew, or set a new password instead", name, cost, test.least, test.most)
				require.EqualError(t, err, want)
			}
		})
	}
}

func TestLongestSaltsAreRead(t *testing.T) {
	t.Parallel()
	parsed(t, "{SSHA}"+repeated(20+64))
	parsed(t, "{SSHA256}"+repeated(32+64))
	parsed(t, "{SSHA512}"+repeated(64+64))
	parsed(t, "pbkdf2_sha1$1$"+strings.Repeat("~", 64)+"$"+repeated(20))
	parsed(t, "$5$"+strings.Repeat(".", 16)+crypt5Rest[9:])
	parsed(t, "$argon2i$v=19$m=8,t=1,p=1$"+strings.Repeat("A", 86)+"$"+strings.Repeat("A", 86))
}

func TestTextPast512OctetsIsRefused(t *testing.T) {
	t.Parallel()
	_, err := Parse("nt:" + strings.Repeat("0", 510))
	require.Equal(t, errLong, err)
	_, err = Parse("nt:" + strings.Repeat("0", 509))
	require.ErrorContains(t, err, "damaged")
}

func TestErrorsShowNoPartOfSaltOrDigest(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"SECRETSECRET", "$SECRET$SECRET", "{SECRET}SECRET", "SECRET$SECRET", "!SECRET", "nt:SECRET", "md5$SECRET$SECRET", "{SHA}SECRET",
		"$2b$04$SECRET", "$2b$99$" + strings.Repeat("SECRET", 9)[:53], "$6$SECRET$SECRET",
		"$6$rounds=1$SECRET$" + strings.Repeat("SECRET", 15)[:86],
		"$argon2id$v=19$m=64,t=1,p=2$SECRETSECRETS$" + strings.Repeat("A", 22), "$argon2id$SECRET",
		"$argon2id$v=19$m=64,t=99,p=2$SECRETSECRET$" + strings.Repeat("SECRET", 9),
		"pbkdf2_sha1$SECRET$SECRET$SECRET", "{SSHA}SECRET", strings.Repeat("SECRET", 100),
	} {
		_, err := Parse(text)
		var inputError InputError
		require.ErrorAs(t, err, &inputError, "%q", text)
		require.NotContains(t, err.Error(), "SECRET")
	}
}

func TestHashPrintsAsRedacted(t *testing.T) {
	t.Parallel()
	hash := parsed(t, "nt:891fc570507eef023cbfec043dd5f2b1")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		require.Equal(t, "[redacted]", fmt.Sprintf(verb, hash))
		require.NotContains(t, fmt.Sprintf(verb, &hash), "891fc5")
		require.NotContains(t, fmt.Sprintf(verb, struct{ Hash Hash }{hash}), "891fc5")
	}
}

func TestZeroHashIsNone(t *testing.T) {
	t.Parallel()
	require.True(t, Hash{}.Empty())
	require.Empty(t, Hash{}.Text())
	require.Empty(t, Hash{}.Scheme())
}
