package dictionary

import (
	"bytes"
	"crypto/md5" // #nosec G501 -- RFC 2865 section 5.2 and RFC 2868 section 3.5 hide values with MD5
	"errors"
	"fmt"
)

// How values are hidden (encrypt= in a dictionary).
const (
	encryptUserPassword   = 1 // RFC 2865 section 5.2
	encryptTunnelPassword = 2 // RFC 2868 section 3.5
	encryptAscendSecret   = 3 // of Ascend-Send-Secret: one block
)

const (
	hidingBlock    = md5.Size
	maxPasswordLen = 128 // RFC 2865 section 5.2
	saltLen        = 2

	// maxTunnelText is the longest text of encrypt=2 in octets: whole blocks,
	// the first octet for the length of the value.
	maxTunnelText = 240
)

// chain returns octets hidden, or hidden ones revealed: each block is combined with MD5
// over the secret and the hidden block before it, the first one with MD5 over
// the secret and what the seeds hold. Octets are whole blocks.
func chain(octets []byte, reveal bool, secret []byte, seeds ...[]byte) []byte {
	result := make([]byte, len(octets))
	sum := md5.New() // #nosec G401 -- the protocol's own
	sum.Write(secret)
	for _, seed := range seeds {
		sum.Write(seed)
	}
	var key [md5.Size]byte
	for at := 0; at < len(octets); at += hidingBlock {
		sum.Sum(key[:0])
		for i, k := range key {
			result[at+i] = octets[at+i] ^ k
		}
		hidden := result
		if reveal {
			hidden = octets
		}
		sum.Reset()
		sum.Write(secret)
		sum.Write(hidden[at : at+hidingBlock])
	}
	return result
}

// padded returns octets, filled up with zeros to whole blocks, at least one.
func padded(octets []byte) []byte {
	blocks := max(1, (len(octets)+hidingBlock-1)/hidingBlock)
	return append(octets[:len(octets):len(octets)], make([]byte, blocks*hidingBlock-len(octets))...)
}

// errNoSecret means that a value cannot be hidden.
var errNoSecret = errors.New("a shared secret is needed to hide its value")

// hide returns a plain value hidden. The salt is for encrypt=2.
func (a *Attribute) hide(value []byte, salt [saltLen]byte, keys Keys) ([]byte, error) {
	if len(keys.Secret) == 0 {
		return nil, errNoSecret
	}
	authenticator := keys.RequestAuthenticator[:]
	switch a.Encrypt {
	case encryptUserPassword:
		if len(value) > maxPasswordLen {
			return nil, fmt.Errorf("its value has %d octets: at most %d are possible", len(value), maxPasswordLen)
		}
		return chain(padded(value), false, keys.Secret, authenticator), nil
	case encryptTunnelPassword:
		if len(value) >= maxTunnelText {
			return nil, fmt.Errorf("its value has %d octets: at most %d are possible", len(value), maxTunnelText-1)
		}
		text := append([]byte{byte(len(value))}, value...) // #nosec G115 -- checked above
		return append(salt[:], chain(padded(text), false, keys.Secret, authenticator, salt[:])...), nil
	default:
		if len(value) > hidingBlock {
			return nil, fmt.Errorf("its value has %d octets: at most %d are possible", len(value), hidingBlock)
		}
		return ascendSecret(padded(value), keys), nil
	}
}

// reveal returns the plain value of a hidden one.
func (a *Attribute) reveal(hidden []byte, keys Keys) (value []byte, ok bool) {
	if len(keys.Secret) == 0 {
		return nil, false
	}
	authenticator := keys.RequestAuthenticator[:]
	switch a.Encrypt {
	case encryptUserPassword:
		if len(hidden) == 0 || len(hidden) > maxPasswordLen || len(hidden)%hidingBlock != 0 {
			return nil, false
		}
		return a.unpadded(chain(hidden, true, keys.Secret, authenticator)), true
	case encryptTunnelPassword:
		if len(hidden) < saltLen+hidingBlock || (len(hidden)-saltLen)%hidingBlock != 0 {
			return nil, false
		}
		text := chain(hidden[saltLen:], true, keys.Secret, authenticator, hidden[:saltLen])
		if int(text[0]) > len(text)-1 {
			return nil, false
		}
		return text[1 : 1+text[0]], true
	default:
		if len(hidden) != hidingBlock {
			return nil, false
		}
		return a.unpadded(ascendSecret(hidden, keys)), true
	}
}

// unpadded returns a value without the zeros that filled it up when it was hidden. Those
// at the end of octets of a fixed size are part of it.
func (a *Attribute) unpadded(value []byte) []byte {
	if a.size > 0 {
		return value[:min(int(a.size), len(value))]
	}
	return bytes.TrimRight(value, "\x00")
}

// ascendSecret returns one block hidden, or revealed. Unlike elsewhere, the secret is
// behind the authenticator.
func ascendSecret(block []byte, keys Keys) []byte {
	sum := md5.New() // #nosec G401 -- the protocol's own
	sum.Write(keys.RequestAuthenticator[:])
	sum.Write(keys.Secret)
	result := sum.Sum(nil)
	for i := range result {
		result[i] ^= block[i]
	}
	return result
}
