package passwd

import (
	"fmt"
	"strings"

	"github.com/go-crypt/crypt/algorithm"
	"github.com/go-crypt/crypt/algorithm/argon2"
	"github.com/go-crypt/crypt/algorithm/bcrypt"
)

// What [Hasher.Make] makes of argon2id. 19 MiB, 2 passes and one lane are what
// OWASP's password storage cheat sheet gives; the passes are the cost.
const (
	madeMemory    = 19 * 1024 // KiB
	madeLanes     = 1
	madeSaltLen   = 16 // octets; bcrypt's is as long
	madeDigestLen = 32 // octets
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

// Settings say how passwords are hashed that are set from now on.
type Settings struct {
	// Algorithm is Argon2id, also if empty, or Bcrypt.
	Algorithm Scheme
	// Cost is the number of passes over 19 MiB of memory for argon2id, 1 to 10, 2
	// if 0, and the logarithm of the number of rounds for bcrypt, 10 to 15, 12 if
	// 0. The time grows with the passes, and doubles with bcrypt's cost.
	Cost int
}

// costs are what an algorithm's cost may be.
type costs struct{ least, most, usual int }

var costsOf = map[Scheme]costs{
	Argon2id: {least: 1, most: maxPasses, usual: 2},
	Bcrypt:   {least: 10, most: maxLogRounds, usual: 12},
}

// Check says what is wrong, as an [InputError].
func (s Settings) Check() error {
	s = s.withAlgorithm()
	costs, ok := costsOf[s.Algorithm]
	if !ok {
		return InputError("the algorithm for password hashes is not known: use argon2id or bcrypt")
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

// withDefaults gives settings without zeros.
func (s Settings) withDefaults() Settings {
	s = s.withAlgorithm()
	if s.Cost == 0 {
		s.Cost = costsOf[s.Algorithm].usual
	}
	return s
}

// checkPassword tells whether the algorithm can hash the password.
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

// function is what hashes. The settings have no zeros.
func (s Settings) function() (algorithm.Hash, error) {
	if s.Algorithm == Bcrypt {
		return bcrypt.New(bcrypt.WithIterations(s.Cost))
	}
	return argon2.New(
		argon2.WithVariantID(), argon2.WithM(madeMemory), argon2.WithT(s.Cost), argon2.WithP(madeLanes),
		argon2.WithS(madeSaltLen), argon2.WithK(madeDigestLen),
	)
}

// nothing is a hash as [Hasher.Make] makes them, of no password that is known:
// its salt and its digest are zeros. The settings have no zeros.
func (s Settings) nothing() (Hash, error) {
	if s.Algorithm == Bcrypt {
		return Parse(fmt.Sprintf("$2b$%02d$%s", s.Cost, strings.Repeat(".", 53)))
	}
	return Parse(fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s",
		madeMemory, s.Cost, madeLanes, strings.Repeat("A", 22), strings.Repeat("A", 43)))
}

// checkedNothing is nothing for settings as they were given.
func (s Settings) checkedNothing() (Hash, error) {
	if err := s.Check(); err != nil {
		return Hash{}, err
	}
	hash, err := s.withDefaults().nothing()
	if err != nil {
		return Hash{}, fmt.Errorf("preparing the hash of nothing: %w", err)
	}
	return hash, nil
}
