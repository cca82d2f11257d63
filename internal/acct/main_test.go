package acct

import (
	"os"
	"testing"
)

// atExit is what to do after all tests.
var atExit []func()

func TestMain(m *testing.M) {
	if dir := os.Getenv(writerVariable); dir != "" {
		os.Exit(write(dir))
	}
	code := m.Run()
	for _, do := range atExit {
		do()
	}
	os.Exit(code)
}
