// Package longtest chooses between the figures of a test that everyone runs and
// those of `make test-long`, which takes real time.
package longtest

import "os"

// variable is the environment variable that `make test-long` sets.
const variable = "LONG"

// Enabled reports whether the tests run with their long figures.
func Enabled() bool { return os.Getenv(variable) != "" }

// Choose returns the short figure, or the long one if the tests run with those.
func Choose[T any](short, long T) T {
	if Enabled() {
		return long
	}
	return short
}
