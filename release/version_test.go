package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestVersionsThatVaultAndRegistriesTake(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"v0.1.0", "v1.2.3", "v10.20.30-rc.1", "v0.1.0-dev", "v0.1.0-3-g1234567-dirty", "v1.2.3-" + strings.Repeat("a", 113)} {
		require.NoError(t, checkVersion(version), version)
	}
	for version, problem := range map[string]string{
		"":             "VERSION is missing",
		"0.1.0":        "begins with v",
		"release-1":    "begins with v",
		"v1":           "three numbers",
		"v1.2":         "three numbers",
		"v01.2.3":      "three numbers",
		"v1.2.3.4":     "three numbers",
		"v1.2.3-":      "three numbers",
		"v1.2.3+local": "build metadata",
		"v1.2.3 ":      "three numbers",
		"v1.2.3/x":     "three numbers",

		"v1.2.3-fips140":                     "the FIPS variant of v1.2.3",
		"v1.2.3-" + strings.Repeat("a", 114): "120 at most",
	} {
		require.ErrorContains(t, checkVersion(version), problem, version)
	}
}
