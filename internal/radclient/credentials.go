package radclient

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"layeh.com/radius"

	"vault-plugin-auth-radius/internal/fairshare"
)

const (
	// maxUsernameLen is the longest User-Name in octets (RFC 2865 section 5.1).
	maxUsernameLen = MaxValueLen

	// maxPasswordLen is the longest User-Password in octets (RFC 2865 section 5.2).
	maxPasswordLen = 128
)

// Credentials hold what a user typed, and from where.
type Credentials struct {
	Username string // as it goes on the wire
	Password string
	// ClientAddress is sent as Calling-Station-Id; empty means that it is not.
	ClientAddress string
	// Share names the logins with which this one shares places where too many wait for
	// a server; the zero value is a share of its own.
	Share fairshare.Share
	// Attributes are added to the request.
	Attributes radius.Attributes
	// Answers is the challenge that Password answers; nil for a new login. Only an
	// answer may be empty.
	Answers *Challenged
}

// Challenged names the challenge that is answered.
type Challenged struct {
	Host   string // server that asked, as the verdict named it: only that one can go on
	Server string // its address and port
	State  []byte // as the server sent it; nil if it sent none
}

// checkPassword is CheckPassword or, if a challenge is answered, CheckResponse.
func (c Credentials) checkPassword() error {
	if c.Answers != nil {
		return CheckResponse(c.Password)
	}
	return CheckPassword(c.Password)
}

// CheckUsername returns an error if a User-Name cannot carry the name: 1 to 253
// octets of UTF-8 without control characters (RFC 2865 section 5.1). The error
// advises and names no part of the value.
func CheckUsername(name string) error {
	switch {
	case name == "":
		return errors.New("username cannot be empty")
	case len(name) > maxUsernameLen:
		return fmt.Errorf("username is longer than %d octets, the most that RADIUS can carry", maxUsernameLen)
	case !utf8.ValidString(name):
		return errors.New("username is not valid UTF-8")
	case strings.ContainsFunc(name, unicode.IsControl):
		return errors.New("username contains a control character")
	}
	return nil
}

// CheckPassword returns an error if a User-Password cannot carry the password of a
// new login: 1 to 128 octets without NUL, which would look like the padding (RFC
// 2865 section 5.2). The error advises and never shows the value.
func CheckPassword(password string) error {
	if password == "" {
		return errors.New("password cannot be empty")
	}
	return CheckResponse(password)
}

// CheckResponse is CheckPassword for the answer to a challenge, which may be empty:
// a server that sends a push asks to confirm it, and then to press Enter.
func CheckResponse(password string) error {
	switch {
	case len(password) > maxPasswordLen:
		return fmt.Errorf("password is longer than %d octets, the most that RADIUS can carry", maxPasswordLen)
	case strings.ContainsRune(password, 0):
		return errors.New("password contains a NUL character, which RADIUS cannot carry")
	}
	return nil
}
