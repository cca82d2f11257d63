package login

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWarmLoginReadsNoStorage(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.saveUser("alice", nil)
	f.requireAccepted("alice")
	before := f.storage.readCount()
	f.requireAccepted("alice")
	f.requireDenied("alice", "wrong", "login refused by its source")
	require.Equal(t, before, f.storage.readCount())
}
