package passwd

import (
	"crypto/pbkdf2"
	"crypto/sha1" // #nosec G505 -- hashes that Django has made
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"hash"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// maxIterations is the upper bound of PBKDF2's cost.
const maxIterations = 2_000_000

// pbkdf2Shape is what follows the algorithm: Django's salts are text.
var pbkdf2Shape = regexp.MustCompile(`^([1-9][0-9]{0,9})\$([!-#%-~]{1,64})\$([A-Za-z0-9+/]+=*)$`)

// parseDjango reads Django's hashes: an algorithm, `$`, and what it needs.
func parseDjango(text string) (Scheme, digest, error) {
	algorithm, rest, _ := strings.Cut(text, "$")
	switch algorithm {
	case "pbkdf2_sha256":
		return parsePBKDF2(PBKDF2SHA256, sha256.New, rest)
	case "pbkdf2_sha1":
		return parsePBKDF2(PBKDF2SHA1, sha1.New, rest)
	case "argon2":
		return parseCryptOf("argon2i", "$"+rest)
	case "bcrypt":
		return parseCryptOf("2", rest)
	case "bcrypt_sha256":
		_, digest, err := parseCryptOf("2", rest)
		return BcryptSHA256, prehashed{digest}, err
	case "md5", "sha1", "unsalted_md5", "unsalted_sha1", "crypt":
		return "", nil, weak("Django's " + algorithm)
	}
	if strings.HasPrefix(text, "!") {
		return "", nil, InputError("the hash is Django's mark of a password that cannot be used (!): " +
			"leave the hash out for a user without a password")
	}
	return "", nil, errUnknown
}

// parseCryptOf reads a hash of crypt whose identifier begins as Django's
// algorithm demands.
func parseCryptOf(identifier, text string) (Scheme, digest, error) {
	if !strings.HasPrefix(text, "$"+identifier) {
		return "", nil, errUnknown
	}
	return parseCrypt(text)
}

func parsePBKDF2(scheme Scheme, function func() hash.Hash, text string) (Scheme, digest, error) {
	found := pbkdf2Shape.FindStringSubmatch(text)
	if found == nil {
		return "", nil, damagedPBKDF2(scheme)
	}
	if err := between("number of iterations", found[1], 1, maxIterations); err != nil {
		return "", nil, err
	}
	iterations, _ := strconv.Atoi(found[1])
	key, ok := decodeBase64(found[3])
	if !ok || len(key) != function().Size() {
		return "", nil, damagedPBKDF2(scheme)
	}
	return scheme, pbkdf2Digest{function, []byte(found[2]), iterations, key}, nil
}

func damagedPBKDF2(scheme Scheme) error {
	return damaged(scheme, string(scheme)+"$iterations$salt$digest, with a salt of 1 to 64 characters and the whole digest in base64")
}

// pbkdf2Digest is a key that PBKDF2 derived.
type pbkdf2Digest struct {
	function   func() hash.Hash
	salt       []byte
	iterations int
	key        []byte
}

func (d pbkdf2Digest) matches(password string) (bool, error) {
	key, err := pbkdf2.Key(d.function, password, d.salt, d.iterations, len(d.key))
	return subtle.ConstantTimeCompare(d.key, key) == 1, err
}

func (d pbkdf2Digest) work() time.Duration { return time.Duration(d.iterations) * pbkdf2Iteration }

// prehashed is a digest of the password's SHA-256, in hexadecimal digits: so
// bcrypt reads all of a long password.
type prehashed struct{ digest }

func (p prehashed) matches(password string) (bool, error) {
	sum := sha256.Sum256([]byte(password))
	return p.digest.matches(hex.EncodeToString(sum[:]))
}
