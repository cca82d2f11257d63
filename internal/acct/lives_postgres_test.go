//go:build protocol

package acct

import (
	"testing"

	"vault-plugin-auth-radius/internal/longtest"
)

func TestPostgresStoreAgreesWithTheTruthOfWrongClocks(t *testing.T) {
	t.Parallel()
	testLives(t, newPostgresStore(t), longtest.Choose(60, 10_000))
}
