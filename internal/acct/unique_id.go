package acct

import (
	"crypto/md5" // #nosec G501 -- FreeRADIUS's policy acct_unique is defined on MD5
	"encoding/hex"
	"net/netip"
	"strings"

	"vault-plugin-auth-radius/internal/fips"
)

// maxUniqueIDLen is the length of FreeRADIUS's unique ids, and of the narrowest
// columns that other programs make for them.
const maxUniqueIDLen = 32

// uniqueID computes the Acct-Unique-Session-Id as FreeRADIUS's policy acct_unique
// does: a NAS's session ids are unique among its own only.
func uniqueID(p Packet) string {
	nas := ""
	for _, address := range []netip.Addr{p.NASAddress, p.NASIPv6Address} { // the latter goes first
		if address.IsValid() {
			nas = address.String()
		}
	}
	identity := strings.Join([]string{p.Username, p.SessionID, nas, p.NASIdentifier, p.NASPortID, p.NASPort}, ",")
	if mark, ok := sessionMark(p.Class); ok {
		identity = mark + "," + p.SessionID
	}
	return digestOf(identity)
}

// digestOf returns an identifier of 32 hex digits.
func digestOf(text string) (digest string) {
	fips.Identifier(func() {
		sum := md5.Sum([]byte(text)) // #nosec G401 -- see the import
		digest = hex.EncodeToString(sum[:])
	})
	return digest
}

// sessionMark returns the hex digits of a Class that FreeRADIUS has made for a
// session at its login: "ai:" and 32 of them.
func sessionMark(class string) (string, bool) {
	if digits, ok := strings.CutPrefix(class, "0x"); ok { // octets, as FreeRADIUS prints them
		if raw, err := hex.DecodeString(digits); err == nil {
			class = string(raw)
		}
	}
	rest, ok := strings.CutPrefix(class, "ai:")
	if !ok || len(rest) < 32 {
		return "", false
	}
	if _, err := hex.DecodeString(rest[:32]); err != nil {
		return "", false
	}
	return rest[:32], true
}
