package radclient

import (
	"errors"
	"fmt"
	"regexp"

	"layeh.com/radius"
	"layeh.com/radius/rfc2759"
	"layeh.com/radius/vendors/microsoft"
)

// msCHAPv2Proof returns an MS-CHAP-Challenge and an MS-CHAP2-Response (RFC 2548
// sections 2.1.2 and 2.3.2).
func msCHAPv2Proof(credentials Credentials, random randomness) (proof, error) {
	name, password := []byte(withoutDomain(credentials.Username)), []byte(credentials.Password)
	challenge, peerChallenge := random.challenge[:], random.peerChallenge[:]
	ntResponse, err := rfc2759.GenerateNTResponse(challenge, peerChallenge, name, password)
	if err != nil {
		return proof{}, fmt.Errorf("computing the MS-CHAPv2 response: %w", err)
	}
	success, err := rfc2759.GenerateAuthenticatorResponse(challenge, peerChallenge, ntResponse, name, password)
	if err != nil {
		return proof{}, fmt.Errorf("computing the server's MS-CHAPv2 response: %w", err)
	}

	response := []byte{random.identifier, 0} // flags: none are defined
	response = append(response, peerChallenge...)
	response = append(response, make([]byte, 8)...) // reserved
	response = append(response, ntResponse...)
	packet := &radius.Packet{}
	if err := errors.Join(
		microsoft.MSCHAPChallenge_Set(packet, challenge),
		microsoft.MSCHAP2Response_Set(packet, response),
	); err != nil {
		return proof{}, fmt.Errorf("encoding the MS-CHAPv2 response: %w", err)
	}
	return proof{
		attributes: packet.Attributes,
		success:    append([]byte{random.identifier}, success...),
	}, nil
}

// msCHAP2Success returns the value of an answer's MS-CHAP2-Success: the identifier,
// then "S=" and 40 hexadecimal digits (RFC 2548 section 2.3.3). A text for users may
// follow.
func msCHAP2Success(attributes radius.Attributes) []byte {
	const length = 1 + len("S=") + 40
	value := microsoft.MSCHAP2Success_Get(&radius.Packet{Attributes: attributes})
	return value[:min(len(value), length)]
}

// msCHAPErrors are the codes of RFC 2759 section 6.
var msCHAPErrors = map[string]string{
	"646": "logon is not allowed at this hour",
	"647": "the account is disabled",
	"648": "the password has expired",
	"649": "the account has no dial-in permission",
	"691": "wrong username or password",
	"709": "the password could not be changed",
}

// msCHAPErrorCode finds the code in an MS-CHAP-Error such as
// "\x01E=648 R=1 C=... V=3 M=..." (RFC 2548 section 2.1.5).
var msCHAPErrorCode = regexp.MustCompile(`(?s)(?:^.?|\s)E=([0-9]{1,10})(?:\s|$)`)

// msCHAPErrorReason returns why the server refused; empty if it does not say.
func msCHAPErrorReason(attributes radius.Attributes) string {
	found := msCHAPErrorCode.FindSubmatch(microsoft.MSCHAPError_Get(&radius.Packet{Attributes: attributes}))
	if found == nil {
		return ""
	}
	code := string(found[1])
	meaning, known := msCHAPErrors[code]
	if !known {
		meaning = "unknown reason"
	}
	return fmt.Sprintf("%s (MS-CHAP error %s)", meaning, code)
}
