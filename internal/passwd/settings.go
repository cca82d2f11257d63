package passwd

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
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
	// Algorithm is Argon2id, Bcrypt, PBKDF2SHA256, or empty for DefaultAlgorithm.
	Algorithm Scheme
	// Cost is the number of passes over 19 MiB of memory for argon2id, 1 to 10, 2
	// if 0; the logarithm of the number of rounds for bcrypt, 10 to 15, 12 if 0; the
	// number of iterations for PBKDF2, 100,000 to 2,000,000, 600,000 if 0. The time grows
	// with the passes and the iterations, and doubles with bcrypt's cost.
	Cost int
}

// costs holds the bounds of an algorithm's cost, and its default.
type costs struct{ least, most, usual int }

var costLimits = map[Scheme]costs{
	Argon2id: {least: 1, most: maxPasses, usual: 2},
	Bcrypt:   {least: 10, most: maxLogRounds, usual: 12},
	// OWASP's password storage cheat sheet recommends 600,000 iterations with SHA-256.
	PBKDF2SHA256: {least: 100_000, most: maxIterations, usual: 600_000},
}

// Check returns an [InputError] for an algorithm or a cost that is not possible.
func (s Settings) Check() error {
	s = s.withAlgorithm()
	costs, ok := costLimits[s.Algorithm]
	if !ok {
		return InputError("the algorithm for password hashes is unknown: use argon2id or bcrypt, or pbkdf2_sha256")
	}
	if err := CheckAlgorithm(s.Algorithm); err != nil {
		return err
	}
	if s.Cost != 0 && (s.Cost < costs.least || s.Cost > costs.most) {
		return InputError(fmt.Sprintf("the cost of %s is %d: use %d to %d, or 0 for %d",
			s.Algorithm, s.Cost, costs.least, costs.most, costs.usual))
	}
	return nil
}

func (s Settings) withAlgorithm() Settings {
	if s.Algorithm == "" {
		s.Algorithm = DefaultAlgorithm()
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

// hash returns the text of a password's hash. The settings have no zeros.
func (s Settings) hash(password string) (string, error) {
	if s.Algorithm == PBKDF2SHA256 {
		return newPBKDF2(password, s.Cost)
	}
	function, err := s.function()
	if err != nil {
		return "", err
	}
	digest, err := function.Hash(password)
	if err != nil {
		return "", err
	}
	return digest.Encode(), nil
}

// function returns the function that hashes with argon2id or bcrypt. The settings have no zeros.
func (s Settings) function() (algorithm.Hash, error) {
	if s.Algorithm == Bcrypt {
		return bcrypt.New(bcrypt.WithIterations(s.Cost))
	}
	return argon2.New(
		argon2.WithVariantID(), argon2.WithM(argon2Memory), argon2.WithT(s.Cost), argon2.WithP(argon2Lanes),
		argon2.WithS(newSaltLen), argon2.WithK(argon2DigestLen),
	)
}

// newPBKDF2 returns the text of a new hash of PBKDF2 with SHA-256, as Django writes it. Its salt has
// 128 random bits or more (SP 800-132 section 5.1), as characters.
func newPBKDF2(password string, iterations int) (string, error) {
	salt := rand.Text()
	key, err := pbkdf2.Key(sha256.New, password, []byte(salt), iterations, sha256.Size)
	if err != nil {
		return "", err
	}
	return textOfPBKDF2(iterations, salt, key), nil
}

// textOfPBKDF2 returns the text of a hash of PBKDF2 with SHA-256.
func textOfPBKDF2(iterations int, salt string, key []byte) string {
	return fmt.Sprintf("%s$%d$%s$%s", PBKDF2SHA256, iterations, salt, base64.StdEncoding.EncodeToString(key))
}

// dummy returns a hash as [Hasher.Make] returns them, of no password that is known: its
// salt and its digest are the same always. The settings have no zeros.
func (s Settings) dummy() (Hash, error) {
	switch s.Algorithm {
	case Bcrypt:
		return Parse(fmt.Sprintf("$2b$%02d$%s", s.Cost, strings.Repeat(".", 53)))
	case PBKDF2SHA256:
		return Parse(textOfPBKDF2(s.Cost, strings.Repeat("A", 26), make([]byte, sha256.Size)))
	}
	return Parse(fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s",
		argon2Memory, s.Cost, argon2Lanes, strings.Repeat("A", 22), strings.Repeat("A", 43)))
}

// MakesDearer reports whether a hash that is made now takes more time than this one.
func (s Settings) MakesDearer(hash Hash) bool {
	dummy, err := s.checkedDummy()
	return err == nil && hash.check() == nil && hash.digest.work() < dummy.digest.work()
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
