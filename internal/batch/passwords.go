package batch

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/big"
	"strings"

	"golang.org/x/sync/errgroup"

	"vault-plugin-auth-radius/internal/passwd"
)

// passwordLetters are the letters of generated passwords: none looks like another. 12 of them
// have 69 bits.
const passwordLetters = "23456789abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"

// The lengths of generated passwords. 64 bits take 12 letters.
const (
	MinPasswordLength = 12
	MaxPasswordLength = 64
)

// generatePassword returns a password of random letters, all equally likely.
func generatePassword(length int) string {
	count := big.NewInt(int64(len(passwordLetters)))
	letters := make([]byte, length)
	for i := range letters {
		index, err := rand.Int(rand.Reader, count)
		if err != nil {
			panic(err) // never: reading random octets ends the process if it fails
		}
		letters[i] = passwordLetters[index.Int64()]
	}
	return string(letters)
}

// isGenerated reports whether a text can be a generated password, and is not a hash.
func isGenerated(text string) bool {
	const hexDigits, shortestHash = "0123456789abcdefABCDEF", 32
	isHash := len(text) >= shortestHash && strings.Trim(text, hexDigits) == ""
	fits := len(text) >= MinPasswordLength && len(text) <= MaxPasswordLength
	return fits && !isHash && strings.Trim(text, passwordLetters) == ""
}

// Hash hashes the passwords of rows: generated ones cheaply, since they cannot be guessed,
// others as those of any user. An error wraps
// [passwd.Hasher.Make]'s, and names the line of a csv.
func Hash(ctx context.Context, hasher *passwd.Hasher, settings passwd.Settings, rows []Row) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	for i := range rows {
		row := &rows[i]
		if row.Password == "" {
			continue
		}
		group.Go(func() (err error) {
			if row.Generated {
				row.Hash, err = hasher.MakeGenerated(row.Password)
			} else {
				row.Hash, err = hasher.Make(ctx, settings, row.Password)
			}
			if err != nil && !row.Generated {
				return fmt.Errorf("line %d: the password: %w", row.line, err)
			}
			return err
		})
	}
	return group.Wait()
}
