package passwd

import (
	"fmt"
	"strings"

	"github.com/go-crypt/crypt/algorithm"
	"github.com/go-crypt/crypt/algorithm/argon2"
	"github.com/go-crypt/crypt/algorithm/bcrypt"
)

// The parameters of the argon2id hashes that [Hasher.Make] returns. OWASP's password
// storage cheat sheet recommends 19 MiB, 2 passes and one lane; the passes are the cost.
const (
	argon2Memory    = 19 * 1024 // KiB
	argon2Lanes     = 1
	newSaltLen      = 16 // octets; bcrypt's is as long
	argon2DigestLen = 32 // octets
)

// The lengths of passwords, in octets.
const (
	// MaxPassword is the longest password that has a hash: a longer one never
	// verifies. The time that SHA-crypt takes grows with it. 64 characters of any
	// script fit.
	MaxPassword = 256
	// maxBcryptPassword is what bcrypt reads of a password.
	maxBcryptPassword = 72
)

// Settings holds how passwords are hashed that are set from now on.
type Settings struct {
	// Algorithm is Argon2id, also if empty, or Bcrypt.
	Algorithm Scheme
	// Cost is the number of passes over 19 MiB of memory for argon2id, 1 to 10, 2
	// if 0, and the logarithm of the number of rounds for bcrypt, 10 to 15, 12 if
	// 0. The time grows with the passes, and doubles with bcrypt's cost.
	Cost int
}

// costs holds the bounds of an algorithm's cost, and its default.
type costs struct{ least, most, usual int }

var costLimits = map[Scheme]costs{
	Argon2id: {least: 1, most: maxPasses, usual: 2},
	Bcrypt:   {least: 10, most: maxLogRounds, usual: 12},
}

// Check returns an [InputError] for an algorithm or a cost that is not possible.
func (s Settings) Check() error {
	s = s.withAlgorithm()
	costs, ok := costLimits[s.Algorithm]
	if !ok {
		return InputError("the algorithm for password hashes is unknown: use argon2id or bcrypt")
	}
	if s.Cost != 0 && (s.Cost < costs.least || s.Cost > costs.most) {
		return InputError(fmt.Sprintf("the cost of %s is %d: use %d to %d, or 0 for %d",
			s.Algorithm, s.Cost, costs.least, costs.most, costs.usual))
	}
	return nil
}

func (s Settings) withAlgorithm() Settings {
	if s.Algorithm == "" {
		s.Algorithm = Argon2id
	}
	return s
}

// withDefaults returns the settings without zeros.
func (s Settings) withDefaults() Settings {
	s = s.withAlgorithm()
	if s.Cost == 0 {
		s.Cost = costLimits[s.Algorithm].usual
	}
	return s
}

// checkPassword returns an [InputError] for a password that the algorithm cannot hash.
func (s Settings) checkPassword(password string) error {
	if s.Algorithm == Bcrypt && len(password) > maxBcryptPassword {
		return InputError(fmt.Sprintf("the password is longer than %d octets, of which bcrypt reads no more: "+
			"set a shorter one, or argon2id for the algorithm", maxBcryptPassword))
	}
	return checkPassword(password)
}

func checkPassword(password string) error {
	switch {
	case password == "":
		return InputError("the password is empty: set one")
	case len(password) > MaxPassword:
		return InputError(fmt.Sprintf("the password is longer than %d octets: set a shorter one", MaxPassword))
	}
	return nil
}

// function returns the function that hashes. The settings have no zeros.
func (s Settings) function() (algorithm.Hash, error) {
	if s.Algorithm == Bcrypt {
		return bcrypt.New(bcrypt.WithIterations(s.Cost))
	}
	return argon2.New(
		argon2.WithVariantID(), argon2.WithM(argon2Memory), argon2.WithT(s.Cost), argon2.WithP(argon2Lanes),
		argon2.WithS(newSaltLen), argon2.WithK(argon2DigestLen),
	)
}

// dummy returns a hash as [Hasher.Make] returns them, of no password that is known: its
// salt and its digest are zeros. The settings have no zeros.
func (s Settings) dummy() (Hash, error) {
	if s.Algorithm == Bcrypt {
		return Parse(fmt.Sprintf("$2b$%02d$%s", s.Cost, strings.Repeat(".", 53)))
	}
	return Parse(fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s",
		argon2Memory, s.Cost, argon2Lanes, strings.Repeat("A", 22), strings.Repeat("A", 43)))
}

// checkedDummy does as dummy, for settings that were not checked.
func (s Settings) checkedDummy() (Hash, error) {
	if err := s.Check(); err != nil {
		return Hash{}, err
	}
	hash, err := s.withDefaults().dummy()
	if err != nil {
		return Hash{}, fmt.Errorf("preparing a dummy hash: %w", err)
	}
	return hash, nil
}
