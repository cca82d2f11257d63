package radclient

import (
	"fmt"
	"io"
)

// redacted stands for a secret wherever one would be printed.
const redacted = "[redacted]"

// Secret is a secret shared with a RADIUS server. It is a struct, not a
// string, so that no formatting verb, logger or encoder can print it.
type Secret struct{ raw string }

// NewSecret wraps a shared secret.
func NewSecret(raw string) Secret { return Secret{raw: raw} }

// Empty reports whether no secret is set. RFC 2865 section 3 forbids an empty one.
func (s Secret) Empty() bool { return s.raw == "" }

// Format implements [fmt.Formatter] for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText implements [encoding.TextMarshaler].
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

func (s Secret) bytes() []byte { return []byte(s.raw) }
