package main

import (
	"crypto/hmac"
	"crypto/md5" // #nosec G501 -- RADIUS is defined on MD5 (RFC 2865 section 3)
	"encoding/binary"
	"hash"

	"layeh.com/radius"
	"layeh.com/radius/rfc2869"
)

const (
	// headerLen is the length in octets of Code, Identifier, Length and
	// Authenticator (RFC 2865 section 3).
	headerLen = 20

	// answerLen is the header and a Message-Authenticator.
	answerLen = headerLen + 2 + md5.Size
)

// accepter builds Access-Accepts without allocating. It is not safe for
// concurrent use.
type accepter struct {
	secret    []byte
	signature hash.Hash // HMAC-MD5 with the secret
	sum       hash.Hash // MD5
}

func newAccepter(secret string) *accepter {
	return &accepter{
		secret:    []byte(secret),
		signature: hmac.New(md5.New, []byte(secret)),
		sum:       md5.New(), // #nosec G401 -- RFC 2865 section 3
	}
}

// answer writes the Access-Accept of a request into answerLen octets. It reports
// whether there is one: only an Access-Request and a Status-Server are answered, and
// the request is not verified.
func (a *accepter) answer(to, request []byte) bool {
	if len(request) < headerLen {
		return false
	}
	if code := radius.Code(request[0]); code != radius.CodeAccessRequest && code != radius.CodeStatusServer {
		return false
	}
	to[0], to[1] = byte(radius.CodeAccessAccept), request[1]
	binary.BigEndian.PutUint16(to[2:4], answerLen)
	copy(to[4:headerLen], request[4:headerLen]) // the request's, while signing
	attribute := to[headerLen:answerLen]
	attribute[0], attribute[1] = byte(rfc2869.MessageAuthenticator_Type), 2+md5.Size
	clear(attribute[2:])

	a.signature.Reset()
	a.signature.Write(to)
	a.signature.Sum(attribute[2:2])

	a.sum.Reset()
	a.sum.Write(to)
	a.sum.Write(a.secret)
	a.sum.Sum(to[4:4])
	return true
}
