package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTargetsAreWhereVaultAndOpenBaoRun(t *testing.T) {
	t.Parallel()
	require.Equal(t, "linux/amd64 linux/arm64 linux/arm linux/386 linux/ppc64le linux/s390x linux/riscv64 "+
		"darwin/amd64 darwin/arm64 freebsd/amd64 freebsd/arm64 windows/amd64 windows/arm64 "+
		"linux/amd64/fips140 linux/arm64/fips140", joinTargets(targets, " "))
}

func TestTargetsAreChosenByName(t *testing.T) {
	t.Parallel()
	all, err := chooseTargets(" ")
	require.NoError(t, err)
	require.Equal(t, targets, all)
	chosen, err := chooseTargets("linux/arm64  linux/amd64/fips140")
	require.NoError(t, err)
	require.Equal(t, []target{{os: "linux", arch: "arm64"}, {os: "linux", arch: "amd64", fips: true}}, chosen)
	for _, list := range []string{"linux", "plan9/amd64", "linux/amd64,linux/arm64", "windows/amd64/fips140"} {
		_, err := chooseTargets(list)
		require.ErrorContains(t, err, "RELEASE_PLATFORMS", list)
	}
	_, err = chooseTargets("linux/amd64 linux/amd64")
	require.ErrorContains(t, err, "twice")
}

func TestNamesOfFiles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		target                          target
		archive, sbom, binary, platform string
	}{
		{
			target{os: "linux", arch: "amd64"},
			"vault-plugin-auth-radius_v0.1.0_linux_amd64.tar.gz",
			"vault-plugin-auth-radius_v0.1.0_linux_amd64.cdx.json", "linux_amd64/vault-plugin-auth-radius", "linux/amd64",
		},
		{
			target{os: "linux", arch: "amd64", fips: true},
			"vault-plugin-auth-radius_v0.1.0_linux_amd64_fips140.tar.gz",
			"vault-plugin-auth-radius_v0.1.0_linux_amd64_fips140.cdx.json", "linux_amd64_fips140/vault-plugin-auth-radius", "linux/amd64/fips140",
		},
		{
			target{os: "windows", arch: "arm64"},
			"vault-plugin-auth-radius_v0.1.0_windows_arm64.zip",
			"vault-plugin-auth-radius_v0.1.0_windows_arm64.cdx.json", "windows_arm64/vault-plugin-auth-radius.exe", "windows/arm64",
		},
	} {
		require.Equal(t, c.archive, plugin.archive("v0.1.0", c.target))
		require.Equal(t, c.sbom, plugin.sbom("v0.1.0", c.target))
		require.Equal(t, c.binary, plugin.archivedBinary(c.target))
		require.Equal(t, c.platform, c.target.String())
	}
}

func TestVariantsOfFIPSAreOfThePluginAlone(t *testing.T) {
	t.Parallel()
	require.Equal(t, []program{plugin, login}, target{os: "linux", arch: "amd64"}.programs())
	require.Equal(t, []program{plugin}, target{os: "linux", arch: "amd64", fips: true}.programs())
	require.Contains(t, target{os: "linux", arch: "amd64", fips: true}.environment(), "GOFIPS140=v1.0.0")
	require.Contains(t, target{os: "linux", arch: "amd64"}.environment(), "GOFIPS140=off")
}

// What a shell or `go env -w` says about what Go builds does not reach the build.
func TestBuildsKnowNothingOfTheEnvironment(t *testing.T) {
	t.Parallel()
	environment := buildEnvironment([]string{
		"PATH=/bin", "HOME=/home/me", "GOFLAGS=-race", "GOEXPERIMENT=jsonv2", "GODEBUG=fips140=on", "GOTOOLCHAIN=go1.99.0",
		"GOAMD64=v3", "GOARM=5", "GOOS=plan9", "CGO_ENABLED=1", "GOFIPS140=latest", "GOWORK=/x", "CC=clang", "SOURCE_DATE_EPOCH=1",
	}, map[string]string{"GOCACHE": "/cache", "GOPROXY": "off", "GOPRIVATE": ""})
	environment = append(environment, target{os: "linux", arch: "amd64"}.environment()...)
	slices.Sort(environment)
	require.Equal(t, []string{
		"CGO_ENABLED=0", "GO386=sse2", "GOAMD64=v1", "GOARCH=amd64", "GOARM64=v8.0", "GOARM=7", "GOCACHE=/cache", "GODEBUG=",
		"GOENV=off", "GOEXPERIMENT=", "GOFIPS140=off", "GOFLAGS=-mod=readonly", "GOOS=linux", "GOPPC64=power8", "GOPROXY=off",
		"GORISCV64=rva20u64", "GOTOOLCHAIN=local", "GOWORK=off", "HOME=/home/me", "LC_ALL=C", "PATH=/bin",
	}, environment)
}

func TestLinkerFlagsKnowNothingOfTheMachine(t *testing.T) {
	t.Parallel()
	require.Equal(t, "-s -w -buildid= -X example.org/me/plugin.version=v0.1.0",
		linkerFlags(plugin, target{os: "linux", arch: "amd64"}, "example.org/me/plugin", "v0.1.0"))
	require.Equal(t, "-s -w -buildid= -X main.version=v0.1.0",
		linkerFlags(login, target{os: "linux", arch: "amd64"}, "example.org/me/plugin", "v0.1.0"))
	darwin := linkerFlags(plugin, target{os: "darwin", arch: "arm64"}, "example.org/me/plugin", "v0.1.0")
	require.True(t, strings.HasPrefix(darwin, "-s -w -buildid=vault-plugin-auth-radius_v0.1.0_darwin_arm64 "), darwin)
}
