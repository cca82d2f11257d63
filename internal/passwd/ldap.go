package passwd

import (
	"crypto/sha1" // #nosec G505 -- {SSHA} is SHA-1
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"hash"
	"strings"
	"time"
)

// maxLDAPSalt is the longest salt of a salted SHA hash, in octets. OpenLDAP's
// have 4 to 8, others' 16.
const maxLDAPSalt = 64

// parseLDAP returns the digest of LDAP's hashes: a scheme in braces, in letters of any case (RFC
// 2307 section 5.3), and its value.
func parseLDAP(text string) (Scheme, digest, error) {
	name, value, _ := strings.Cut(strings.TrimPrefix(text, "{"), "}")
	switch name = strings.ToUpper(name); name {
	case "SSHA":
		return parseSalted(SSHA, sha1.New, value)
	case "SSHA256":
		return parseSalted(SSHA256, sha256.New, value)
	case "SSHA512":
		return parseSalted(SSHA512, sha512.New, value)
	case "CRYPT":
		if !strings.HasPrefix(value, "$") {
			return "", nil, weak("crypt's DES")
		}
		return parseCrypt(value)
	case "MD5", "SMD5", "SHA", "SHA256", "SHA512":
		return "", nil, weak("{" + name + "}")
	}
	return "", nil, errUnknown
}

func parseSalted(scheme Scheme, function func() hash.Hash, text string) (Scheme, digest, error) {
	octets, ok := decodeBase64(text)
	length := function().Size()
	if !ok || len(octets) <= length || len(octets) > length+maxLDAPSalt {
		return "", nil, damaged(scheme, fmt.Sprintf("{%s} and base64 of a digest of %d octets with a salt of 1 to %d",
			strings.ToUpper(string(scheme)), length, maxLDAPSalt))
	}
	return scheme, salted{function, octets[:length], octets[length:]}, nil
}

// salted is the digest of a password and a salt.
type salted struct {
	function  func() hash.Hash
	sum, salt []byte
}

func (d salted) matches(password string) (bool, error) {
	return subtle.ConstantTimeCompare(d.sum, saltedSum(d.function, password, d.salt)) == 1, nil
}

func (salted) work() time.Duration { return 0 }

func saltedSum(function func() hash.Hash, password string, salt []byte) []byte {
	sum := function()
	sum.Write([]byte(password)) // a hash never fails
	sum.Write(salt)
	return sum.Sum(nil)
}

// decodeBase64 returns the octets of padded base64; of two ways to write the same octets
// it takes only the right one.
func decodeBase64(text string) ([]byte, bool) {
	octets, err := base64.StdEncoding.DecodeString(text)
	return octets, err == nil && base64.StdEncoding.EncodeToString(octets) == text
}
