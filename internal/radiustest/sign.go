package radiustest

import (
	"crypto/hmac"
	"crypto/md5" // #nosec G501 -- RADIUS is defined on MD5 (RFC 2865 section 3)
	"encoding/binary"
)

const (
	// headerLen is the length in octets of Code, Identifier, Length and
	// Authenticator (RFC 2865 section 3).
	headerLen = 20

	// maxPacketLen is the longest packet in octets (RFC 2865 section 3).
	maxPacketLen = 4096

	// maxValueLen is the longest attribute value in octets: 255 less the type
	// and length octets (RFC 2865 section 5).
	maxValueLen = 253

	// messageAuthenticatorLen is the length in octets of a whole
	// Message-Authenticator attribute (RFC 3579 section 3.2).
	messageAuthenticatorLen = 18
)

// responseAuthenticator returns MD5 over the packet, with the authenticator of the
// request in its header, and the secret (RFC 2865 section 3).
func responseAuthenticator(packet []byte, request [16]byte, secret []byte) [16]byte {
	hash := md5.New() // #nosec G401 -- RFC 2865 section 3
	hash.Write(packet[:4])
	hash.Write(request[:])
	hash.Write(packet[headerLen:])
	hash.Write(secret)
	return [16]byte(hash.Sum(nil))
}

// messageAuthenticator returns HMAC-MD5 over the packet, with the authenticator of
// the request in its header and zeros in place of the value that starts at
// offset (RFC 3579 section 3.2).
func messageAuthenticator(packet []byte, request [16]byte, offset int, secret []byte) [16]byte {
	hash := hmac.New(md5.New, secret)
	hash.Write(packet[:4])
	hash.Write(request[:])
	hash.Write(packet[headerLen:offset])
	hash.Write(make([]byte, 16))
	hash.Write(packet[offset+16:])
	return [16]byte(hash.Sum(nil))
}

// checkMessageAuthenticator looks for Message-Authenticator in a request whose
// attributes are known to be well formed, without padding. It is right when
// there is exactly one and its value matches.
func checkMessageAuthenticator(packet, secret []byte) (present, right bool) {
	count := 0
	for at := headerLen; at < len(packet); at += int(packet[at+1]) {
		if packet[at] != byte(typeMessageAuthenticator) {
			continue
		}
		count++
		if packet[at+1] != messageAuthenticatorLen {
			return true, false
		}
		want := messageAuthenticator(packet, [16]byte(packet[4:headerLen]), at+2, secret)
		right = hmac.Equal(want[:], packet[at+2:at+messageAuthenticatorLen])
	}
	return count > 0, right && count == 1
}

// setLength writes the Length field, which is 16 bits wide (RFC 2865 section 3).
func setLength(packet []byte, length int) {
	binary.BigEndian.PutUint16(packet[2:4], uint16(length)) // #nosec G115 -- at most 4097 + a few octets
}
