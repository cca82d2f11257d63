package radclient

import (
	"crypto/md5" // #nosec G501 -- RFC 2865 section 5.3 defines CHAP on MD5
	"fmt"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
)

// papProof is a User-Password (RFC 2865 section 5.2).
func papProof(password string, authenticator [16]byte, secret []byte) (proof, error) {
	hidden, err := radius.NewUserPassword([]byte(password), secret, authenticator[:])
	if err != nil {
		return proof{}, fmt.Errorf("hiding the password: %w", err)
	}
	var made proof
	made.attributes.Add(rfc2865.UserPassword_Type, hidden)
	return made, nil
}

// chapProof is a CHAP-Password with a CHAP-Challenge of its own, which RFC 2865
// section 5.40 allows always and RADIUS over TLS may need.
func chapProof(password string, random randomness) proof {
	var made proof
	made.attributes.Add(rfc2865.CHAPPassword_Type, chapPassword(random.identifier, password, random.challenge[:]))
	made.attributes.Add(rfc2865.CHAPChallenge_Type, random.challenge[:])
	return made
}

// chapPassword is the identifier and MD5 over identifier, password and
// challenge (RFC 2865 section 5.3, RFC 1994 section 4.1).
func chapPassword(identifier byte, password string, challenge []byte) []byte {
	sum := md5.New() // #nosec G401 -- the protocol's own
	sum.Write([]byte{identifier})
	sum.Write([]byte(password))
	sum.Write(challenge)
	return sum.Sum([]byte{identifier})
}
