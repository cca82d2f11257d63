package main

import (
	"fmt"
	"slices"
	"strings"
)

// fipsModule is the version of Go's cryptographic module that the FIPS variant is built with: the
// one that has been validated.
const fipsModule = "v1.0.0"

// target is what a program is built for.
type target struct {
	os, arch string
	fips     bool // with Go's FIPS 140-3 module, which is on from the start
}

// targets are those of a release: where Vault and OpenBao run.
var targets = []target{
	{os: "linux", arch: "amd64"},
	{os: "linux", arch: "arm64"},
	{os: "linux", arch: "arm"},
	{os: "linux", arch: "386"},
	{os: "linux", arch: "ppc64le"},
	{os: "linux", arch: "s390x"},
	{os: "linux", arch: "riscv64"},
	{os: "darwin", arch: "amd64"},
	{os: "darwin", arch: "arm64"},
	{os: "freebsd", arch: "amd64"},
	{os: "freebsd", arch: "arm64"},
	{os: "windows", arch: "amd64"},
	{os: "windows", arch: "arm64"},
	{os: "linux", arch: "amd64", fips: true},
	{os: "linux", arch: "arm64", fips: true},
}

// architectureLevels are the variables that say which instructions of an architecture may be used:
// Go's defaults, whatever the environment says. ARM is the exception: Go's default depends on the
// machine that builds.
var architectureLevels = []string{
	"GO386=sse2",
	"GOAMD64=v1",
	"GOARM=7",
	"GOARM64=v8.0",
	"GOPPC64=power8",
	"GORISCV64=rva20u64",
}

// imageVariants are the variants of an architecture in an image index. OpenBao compares them
// with those of its own machine, exactly: an arm64 without one would never be found.
var imageVariants = map[string]string{"arm": "v7", "arm64": "v8"}

// name is that of the target's folders and in names of files, such as linux_amd64.
func (t target) name() string {
	if t.fips {
		return t.os + "_" + t.arch + "_fips140"
	}
	return t.os + "_" + t.arch
}

// String returns the target as RELEASE_PLATFORMS has it, such as linux/amd64/fips140.
func (t target) String() string { return strings.ReplaceAll(t.name(), "_", "/") }

// environment returns the variables that Go builds for the target with.
func (t target) environment() []string {
	fips := "off"
	if t.fips {
		fips = fipsModule
	}
	return slices.Concat([]string{"GOOS=" + t.os, "GOARCH=" + t.arch, "CGO_ENABLED=0", "GOFIPS140=" + fips}, architectureLevels)
}

// programs returns what is released for the target: users have no need of a FIPS variant of
// radius-login, which knows no algorithm but those of TLS.
func (t target) programs() []program {
	if t.fips {
		return []program{plugin}
	}
	return []program{plugin, login}
}

// chooseTargets returns those that a list such as "linux/amd64 linux/arm64" names; all if it is empty.
func chooseTargets(list string) ([]target, error) {
	names := strings.Fields(list)
	if len(names) == 0 {
		return targets, nil
	}
	var chosen []target
	for _, name := range names {
		i := slices.IndexFunc(targets, func(t target) bool { return t.String() == name })
		if i < 0 {
			return nil, fmt.Errorf("RELEASE_PLATFORMS has %q: there are %s", name, joinTargets(targets, ", "))
		}
		if slices.Contains(chosen, targets[i]) {
			return nil, fmt.Errorf("RELEASE_PLATFORMS has %q twice", name)
		}
		chosen = append(chosen, targets[i])
	}
	return chosen, nil
}

func joinTargets(list []target, separator string) string {
	var names []string
	for _, t := range list {
		names = append(names, t.String())
	}
	return strings.Join(names, separator)
}
