package main

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/semver"
)

const (
	// fipsTag is what the tag of the FIPS variant's image has after the version.
	fipsTag = "-fips140"
	// longestTag is what a registry takes (OCI distribution specification).
	longestTag = 128
)

// checkVersion returns an error unless the version is one that Vault takes for a plugin, and a
// registry for a tag: v, three numbers, and perhaps a pre-release.
func checkVersion(version string) error {
	switch {
	case version == "":
		return errors.New("VERSION is missing: give a semantic version, such as make release VERSION=v0.1.0")
	case !strings.HasPrefix(version, "v"):
		return fmt.Errorf("VERSION is %q: a version begins with v, such as v0.1.0", version)
	case strings.Contains(version, "+"):
		return fmt.Errorf("VERSION is %q: the tag of an image cannot have build metadata, leave out what begins with +", version)
	case !semver.IsValid(version) || semver.Canonical(version) != version:
		return fmt.Errorf("VERSION is %q: give three numbers, and perhaps a pre-release, such as v0.1.0 or v0.1.0-rc.1", version)
	case strings.HasSuffix(version, fipsTag):
		return fmt.Errorf("VERSION is %q: an image has that tag already, the FIPS variant of %s", version, strings.TrimSuffix(version, fipsTag))
	case len(version)+len(fipsTag) > longestTag:
		return fmt.Errorf("VERSION has %d characters: give %d at most, since it is the tag of an image", len(version), longestTag-len(fipsTag))
	}
	return nil
}
