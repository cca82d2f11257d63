// Package fipstest runs tests in FIPS 140 mode, which a process has from its start or never.
package fipstest

import (
	"crypto/fips140"
	"os"
	"regexp"
	"strings"
	"testing"

	"vault-plugin-auth-radius/internal/daemontest"
)

// Only reports whether the test runs with GODEBUG=fips140=only. Where it does not, Only runs it
// again in a process of its own that does, and fails it if it fails there: return then.
func Only(t *testing.T) bool { return in(t, "only") }

// On does as Only with GODEBUG=fips140=on, where functions that are not approved still work.
func On(t *testing.T) bool { return in(t, "on") }

func in(t *testing.T, mode string) bool {
	t.Helper()
	if fips140.Enabled() && fips140.Enforced() == (mode == "only") {
		return true
	}
	child, err := daemontest.Self(t.Context(), "-test.run=^"+regexp.QuoteMeta(t.Name())+"$", "-test.v=true", "-test.count=1")
	if err != nil {
		t.Fatal(err)
	}
	child.Env = append(os.Environ(), "GODEBUG=fips140="+mode)
	output, err := child.CombinedOutput()
	switch {
	case err != nil:
		t.Fatalf("in FIPS 140 mode (%s): %v\n%s", mode, err, output)
	case !strings.Contains(string(output), "--- PASS: "+t.Name()+" "):
		t.Fatalf("in FIPS 140 mode (%s) it did not run:\n%s", mode, output)
	}
	return false
}
