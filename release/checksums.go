package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
)

// checksumsFile has the SHA-256 of every file of a release, and of the binaries in its archives.
const checksumsFile = "SHA256SUMS"

// checksums are SHA-256 sums in hexadecimal, by name.
type checksums map[string]string

// add adds the sum of a content, and returns it.
func (c checksums) add(name string, content []byte) string {
	sum := sha256.Sum256(content)
	c[name] = hex.EncodeToString(sum[:])
	return c[name]
}

func (c checksums) names() []string { return slices.Sorted(maps.Keys(c)) }

// text returns the sums as sha256sum -c takes them.
func (c checksums) text() []byte {
	var out bytes.Buffer
	for _, name := range c.names() {
		fmt.Fprintf(&out, "%s  %s\n", c[name], name)
	}
	return out.Bytes()
}
