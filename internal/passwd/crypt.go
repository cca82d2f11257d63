package passwd

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-crypt/crypt/algorithm"
	"github.com/go-crypt/crypt/algorithm/argon2"
	"github.com/go-crypt/crypt/algorithm/bcrypt"
	"github.com/go-crypt/crypt/algorithm/shacrypt"
)

// The upper bounds of costs: what one login may take.
const (
	maxMemory     = 128 * 1024 // of argon2, in KiB
	maxPasses     = 10         // of argon2
	maxLanes      = 16         // of argon2
	maxLogRounds  = 15         // of bcrypt
	maxRounds     = 1_000_000  // of SHA-crypt
	minRounds     = 1000       // of SHA-crypt, by its specification
	usualRounds   = 5000       // of SHA-crypt, if the hash does not say
	minLaneMemory = 8          // of argon2, in KiB for each lane (RFC 9106 section 3.1)
)

// The shapes of hashes. go-crypt alone reads more than is safe: parameters that
// are missing or occur twice, costs without a bound, digests of any length.
// Salts and digests of argon2 have 8 and 16 octets at least, and 64 at most.
var (
	argon2Shape = regexp.MustCompile(`^\$argon2id?\$v=19\$m=([1-9][0-9]{0,9}),t=([1-9][0-9]{0,9}),p=([1-9][0-9]{0,9})` +
		`\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,86}$`)
	bcryptShape   = regexp.MustCompile(`^\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}$`)
	shaCryptShape = regexp.MustCompile(`^\$[56]\$(?:rounds=([1-9][0-9]{0,9})\$)?[./A-Za-z0-9]{1,16}\$([./A-Za-z0-9]+)$`)
)

// parseCrypt returns the digest of hashes that begin with `$` and an identifier.
func parseCrypt(text string) (Scheme, digest, error) {
	identifier, _, _ := strings.Cut(strings.TrimPrefix(text, "$"), "$")
	switch identifier {
	case "argon2id":
		return parseArgon2(Argon2id, text)
	case "argon2i":
		return parseArgon2(Argon2i, text)
	case "2a", "2b", "2y":
		return parseBcrypt(text)
	case "5":
		return parseSHACrypt(SHA256Crypt, 43, text)
	case "6":
		return parseSHACrypt(SHA512Crypt, 86, text)
	case "1":
		return "", nil, weak("crypt's MD5 ($1$)")
	}
	return "", nil, errUnknown
}

func parseArgon2(scheme Scheme, text string) (Scheme, digest, error) {
	found := argon2Shape.FindStringSubmatch(text)
	if found == nil {
		return "", nil, damaged(scheme, "$"+string(scheme)+"$v=19$m=19456,t=2,p=1$salt$digest, "+
			"with a salt of 8 to 64 octets and a digest of 16 to 64, in base64 without padding")
	}
	lanes, _ := strconv.ParseUint(found[3], 10, 64)
	if err := cmp.Or(
		between("number of lanes (p)", found[3], 1, maxLanes),
		between("memory in KiB (m)", found[1], minLaneMemory*min(lanes, maxLanes), maxMemory),
		between("number of passes (t)", found[2], 1, maxPasses),
	); err != nil {
		return "", nil, err
	}
	memory, _ := strconv.Atoi(found[1])
	passes, _ := strconv.Atoi(found[2])
	decoded, err := argon2.Decode(text)
	return cryptDigest(scheme, decoded, time.Duration(memory*passes)*argon2KiBPass, err)
}

func parseBcrypt(text string) (Scheme, digest, error) {
	found := bcryptShape.FindStringSubmatch(text)
	if found == nil {
		return "", nil, damaged(Bcrypt, "$2b$12$ and 53 characters")
	}
	if err := between("cost", found[1], 4, maxLogRounds); err != nil {
		return "", nil, err
	}
	logRounds, _ := strconv.Atoi(found[1])
	decoded, err := bcrypt.Decode(text)
	return cryptDigest(Bcrypt, decoded, bcryptRound<<logRounds, err)
}

func parseSHACrypt(scheme Scheme, digestLen int, text string) (Scheme, digest, error) {
	found := shaCryptShape.FindStringSubmatch(text)
	if found == nil || len(found[2]) != digestLen {
		return "", nil, damaged(scheme, fmt.Sprintf("%.3s$salt$digest or %.3srounds=5000$salt$digest, "+
			"with a salt of 1 to 16 characters and a digest of %d", text, text, digestLen))
	}
	rounds := usualRounds
	if found[1] != "" {
		if err := between("number of rounds", found[1], minRounds, maxRounds); err != nil {
			return "", nil, err
		}
		rounds, _ = strconv.Atoi(found[1])
	}
	round := sha512CryptRound
	if scheme == SHA256Crypt {
		round = sha256CryptRound
	}
	decoded, err := shacrypt.Decode(text)
	return cryptDigest(scheme, decoded, time.Duration(rounds)*round, err)
}

// cryptDigest returns the digest that go-crypt has decoded. Its errors may quote the hash.
func cryptDigest(scheme Scheme, decoded algorithm.Digest, work time.Duration, err error) (Scheme, digest, error) {
	if err != nil {
		return "", nil, InputError(fmt.Sprintf("the hash of %s is damaged: its salt or its digest cannot be decoded", scheme))
	}
	return scheme, crypted{decoded, work}, nil
}

// crypted is a digest of go-crypt, which compares in constant time.
type crypted struct {
	decoded  algorithm.Digest
	estimate time.Duration
}

func (c crypted) matches(password string) (bool, error) {
	return c.decoded.MatchAdvanced(password)
}

func (c crypted) work() time.Duration { return c.estimate }
