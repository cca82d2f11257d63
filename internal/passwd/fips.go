package passwd

import (
	"fmt"

	"vault-plugin-auth-radius/internal/fips"
)

// What SP 800-132 wants of PBKDF2: section 5.1 of the salt, section 5.2 of the iterations.
const (
	minFIPSSalt       = 16 // octets
	minFIPSIterations = 1000
)

// DefaultAlgorithm returns the algorithm for passwords unless another is set: Argon2id, or in FIPS
// 140 mode PBKDF2SHA256.
func DefaultAlgorithm() Scheme {
	if fips.Enabled() {
		return PBKDF2SHA256
	}
	return Argon2id
}

// CheckAlgorithm returns an [InputError] if FIPS 140 mode is on and has no place for the algorithm.
func CheckAlgorithm(algorithm Scheme) error {
	if !fips.Enabled() || algorithm == PBKDF2SHA256 {
		return nil
	}
	return InputError(fips.Refused(string(algorithm),
		"which has a place for PBKDF2 with SHA-2 alone", "use "+string(PBKDF2SHA256)))
}

// Approved returns the settings, or in FIPS 140 mode those of DefaultAlgorithm in place of ones
// that it has no place for.
func (s Settings) Approved() Settings {
	if CheckAlgorithm(s.withAlgorithm().Algorithm) != nil {
		return Settings{}
	}
	return s
}

// CheckFIPS returns an [InputError] if FIPS 140 mode is on and has no place for the hash. The zero
// Hash has nothing that could be refused.
func (h Hash) CheckFIPS() error {
	if !fips.Enabled() || h.Empty() {
		return nil
	}
	if why := h.unapproved(); why != "" {
		return InputError(fips.Refused("a hash of "+string(h.scheme), why, "set a new password"))
	}
	return nil
}

// unapproved returns why FIPS 140 mode has no place for the hash; "" if it has one.
func (h Hash) unapproved() string {
	derived, isPBKDF2 := h.digest.(pbkdf2Digest)
	switch {
	case !isPBKDF2 || h.scheme != PBKDF2SHA256:
		return "which has a place for PBKDF2 with SHA-2 alone"
	case len(derived.salt) < minFIPSSalt:
		return fmt.Sprintf("which wants a salt of %d octets or more", minFIPSSalt)
	case derived.iterations < minFIPSIterations:
		return fmt.Sprintf("which wants %d iterations or more", minFIPSIterations)
	}
	return ""
}
