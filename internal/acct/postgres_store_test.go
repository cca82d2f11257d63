//go:build protocol

package acct

import "testing"

func TestPostgresStore(t *testing.T) {
	t.Parallel()
	for name, test := range storeTests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newPostgresStore(t))
		})
	}
}
