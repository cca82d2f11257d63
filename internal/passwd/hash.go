package passwd

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Scheme is how a hash is made.
type Scheme string

// The schemes that [Parse] knows. [Settings] take Argon2id, Bcrypt and PBKDF2SHA256.
const (
	Argon2id     Scheme = "argon2id"      // RFC 9106
	Bcrypt       Scheme = "bcrypt"        // reads no more than 72 octets of a password
	Argon2i      Scheme = "argon2i"       // RFC 9106
	PBKDF2SHA256 Scheme = "pbkdf2_sha256" // Django's default; RFC 8018 section 5.2
	PBKDF2SHA1   Scheme = "pbkdf2_sha1"   // Django's; RFC 8018 section 5.2
	BcryptSHA256 Scheme = "bcrypt_sha256" // Django's: bcrypt of the SHA-256 in hexadecimal digits
	SHA512Crypt  Scheme = "sha512crypt"   // crypt's $6$
	SHA256Crypt  Scheme = "sha256crypt"   // crypt's $5$
	SSHA         Scheme = "ssha"          // LDAP's salted SHA-1: fast, and so weak
	SSHA256      Scheme = "ssha256"       // LDAP's salted SHA-256: fast, for generated passwords
	SSHA512      Scheme = "ssha512"       // LDAP's salted SHA-512: fast, for generated passwords
	NT           Scheme = "nt"            // MS-CHAPv2's: see [Hash.NT]
)

// maxText is the longest hash that is read, in octets.
const maxText = 512

// Hash is the hash of a password. It is a struct that prints as "[redacted]",
// since a reader of a hash can try passwords on it. The zero Hash is none.
type Hash struct {
	text   string
	scheme Scheme
	digest digest
}

// digest is a hash that was read, ready to be compared with.
type digest interface {
	// matches computes a hash of the password, once, and compares it in a time
	// that does not depend on where it differs. The error is a fault.
	matches(password string) (bool, error)
	// work returns about how long that takes on a usual server. It is good for
	// comparisons only.
	work() time.Duration
}

// The times that a step of each function takes on a usual server.
const (
	argon2KiBPass    = 600 * time.Nanosecond
	bcryptRound      = 60 * time.Microsecond
	sha256CryptRound = 200 * time.Nanosecond
	sha512CryptRound = 350 * time.Nanosecond
	pbkdf2Iteration  = 250 * time.Nanosecond
)

// InputError is a problem with a hash, a password or a setting, and its remedy. It never
// shows a hash or a password.
type InputError string

// Error returns the problem and its remedy.
func (e InputError) Error() string { return string(e) }

const (
	errUnknown = InputError("the hash has no known format: use argon2id, argon2i, bcrypt ($2a$, $2b$, $2y$), " +
		"pbkdf2_sha256$, pbkdf2_sha1$, argon2$, bcrypt$ or bcrypt_sha256$ of Django, {SSHA}, {SSHA256}, " +
		"{SSHA512} or {CRYPT} of LDAP, $5$ or $6$ of crypt, or nt: and 32 hexadecimal digits")
	errLong = InputError("the hash is longer than 512 octets, the most that is read: was something pasted with it?")
)

// Parse reads a hash: the text of crypt (argon2id, argon2i, bcrypt, $5$, $6$),
// of Django (pbkdf2_sha256$, pbkdf2_sha1$, argon2$, bcrypt$, bcrypt_sha256$), of
// LDAP ({SSHA}, {SSHA256}, {SSHA512}, {CRYPT}) or nt: and 32 hexadecimal digits.
//
// The error is an [InputError]: the format is unknown or too weak, the text is
// damaged, or the cost is out of bounds. The bounds are 128 MiB, 10 passes and 16
// lanes for argon2, 15 for bcrypt, 2,000,000 iterations for PBKDF2 and 1,000,000
// rounds for crypt.
func Parse(text string) (Hash, error) {
	if len(text) > maxText {
		return Hash{}, errLong
	}
	parse := parseDjango
	switch {
	case strings.HasPrefix(text, "$"):
		parse = parseCrypt
	case strings.HasPrefix(text, "{"):
		parse = parseLDAP
	case strings.HasPrefix(text, ntPrefix):
		parse = parseNT
	}
	scheme, digest, err := parse(text)
	if err != nil {
		return Hash{}, err
	}
	return Hash{text: text, scheme: scheme, digest: digest}, nil
}

// Text returns the text that [Parse] has read. It is to be stored, and not to be shown.
func (h Hash) Text() string { return h.text }

// Scheme returns how the hash is made; empty for the zero Hash.
func (h Hash) Scheme() Scheme { return h.scheme }

// Empty reports whether there is no hash.
func (h Hash) Empty() bool { return h.digest == nil }

// Format implements [fmt.Formatter] for every verb.
func (Hash) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[redacted]") }

// damaged returns the error for a text that begins as a hash of the scheme does, and goes
// on otherwise.
func damaged(scheme Scheme, shape string) error {
	return InputError(fmt.Sprintf("the hash of %s is damaged: it must look like %s", scheme, shape))
}

// weak returns the error for a hash that is refused, since it protects little.
func weak(kind string) error {
	return InputError(kind + " is refused, since it protects too little: set a new password instead")
}

// between returns an error unless a cost of a hash is within its bounds. The digits are a decimal number.
func between(cost, digits string, least, most uint64) error {
	if value, err := strconv.ParseUint(digits, 10, 64); err == nil && least <= value && value <= most {
		return nil
	}
	return InputError(fmt.Sprintf(
		"the hash's %s is %s, and must be between %d and %d: make the hash anew, or set a new password instead",
		cost, digits, least, most,
	))
}
