package passwd

import (
	"bytes"
	"crypto/subtle"
	"encoding/hex"
	"strings"
	"time"
	"unicode/utf8"

	"layeh.com/radius/rfc2759"
)

// ntPrefix begins an NT hash's text.
const ntPrefix = "nt:"

// ntLen is the length of an NT hash in octets.
const ntLen = 16

func parseNT(text string) (Scheme, digest, error) {
	octets, err := hex.DecodeString(strings.TrimPrefix(text, ntPrefix))
	if err != nil || len(octets) != ntLen {
		return "", nil, damaged(NT, ntPrefix+" and 32 hexadecimal digits")
	}
	return NT, ntDigest(octets), nil
}

// NT returns the 16 octets of an NT hash, which MS-CHAPv2 needs (RFC 2759 section
// 8.3): the MD4 of the password in UTF-16LE, without a salt. It is as good as the
// password for MS-CHAPv2, and tried out faster than any other: keep it for users
// that need it.
func (h Hash) NT() ([]byte, bool) {
	digest, ok := h.digest.(ntDigest)
	return bytes.Clone(digest), ok
}

// ntDigest is an NT hash.
type ntDigest []byte

func (ntDigest) work() time.Duration { return 0 }

// matches returns false for a password that is not UTF-8: it has no UTF-16.
func (d ntDigest) matches(password string) (bool, error) {
	octets, err := rfc2759.ToUTF16([]byte(strings.ToValidUTF8(password, "?")))
	same := subtle.ConstantTimeCompare(d, rfc2759.NTPasswordHash(octets)) == 1
	return same && utf8.ValidString(password), err
}
