package main

import (
	"bytes"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"
	"github.com/stretchr/testify/require"
)

const listedPackages = `
{"ImportPath":"fmt"}
{"ImportPath":"example.org/b/v2/inner","Imports":["fmt"],"Module":{"Path":"example.org/b/v2","Version":"v2.0.1"}}
{"ImportPath":"example.org/a","Imports":["renamed"],"ImportMap":{"renamed":"example.org/b/v2/inner"},
 "Module":{"Path":"example.org/a","Version":"v1.0.0+incompatible"}}
{"ImportPath":"example.org/me/cmd","Imports":["example.org/a","fmt"],"Module":{"Path":"example.org/me","Main":true}}`

func linkedForTest(t *testing.T) *modules {
	t.Helper()
	packages, err := parsePackages(listedPackages)
	require.NoError(t, err)
	return moduleGraph(packages)
}

var linkedIntoBinary = []*debug.Module{
	{Path: "example.org/a", Version: "v1.0.0+incompatible", Sum: "h1:" + strings.Repeat("A", 43) + "="},
	{Path: "example.org/b/v2", Version: "v2.0.1", Sum: "h1:" + strings.Repeat("A", 43) + "="},
}

func TestModulesNeedWhatTheirPackagesImport(t *testing.T) {
	t.Parallel()
	linked := linkedForTest(t)
	require.Equal(t, []string{"example.org/a"}, linked.needs)
	require.Len(t, linked.list, 2)
	require.Equal(t, []string{"example.org/b/v2"}, linked.list[0].needs)
	require.Empty(t, linked.list[1].needs)
}

// What is listed for a binary is what the binary says of itself.
func TestModulesAreThoseOfTheBinary(t *testing.T) {
	t.Parallel()
	require.NoError(t, linkedForTest(t).take(linkedIntoBinary))
	require.ErrorContains(t, linkedForTest(t).take(linkedIntoBinary[:1]), "1 modules")
	other := []*debug.Module{linkedIntoBinary[0], {Path: "example.org/b/v2", Version: "v2.0.2"}}
	require.ErrorContains(t, linkedForTest(t).take(other), "example.org/b/v2 v2.0.1")
	replaced := []*debug.Module{linkedIntoBinary[0], {Path: "example.org/b/v2", Version: "v2.0.1", Replace: &debug.Module{Path: "../b"}}}
	require.ErrorContains(t, linkedForTest(t).take(replaced), "../b")
}

// A folder that stands in for a module is of this repository: it has the licence and the version of the main module.
func TestFoldersThatStandInAreNoModules(t *testing.T) {
	t.Parallel()
	packages, err := parsePackages(`
{"ImportPath":"example.org/c","Imports":["example.org/a"],"Module":{"Path":"example.org/c","Version":"v1.1.0","Replace":{"Path":"./c"}}}` +
		listedPackages)
	require.NoError(t, err)
	linked := moduleGraph(packages)
	require.Equal(t, linkedForTest(t), linked)
	standIn := &debug.Module{Path: "example.org/c", Version: "v1.1.0", Replace: &debug.Module{Path: "./c", Version: "(devel)"}}
	require.NoError(t, linked.take(append(slices.Clone(linkedIntoBinary), standIn)))
	for _, outside := range []string{"./../c", "../c", "/c", "example.org/fork"} {
		standIn.Replace.Path = outside
		require.ErrorContains(t, linked.take(append(slices.Clone(linkedIntoBinary), standIn)), outside)
	}
}

func TestSBOMHasModulesAndWhatTheyNeed(t *testing.T) {
	t.Parallel()
	linked := linkedForTest(t)
	require.NoError(t, linked.take(linkedIntoBinary))
	r := releaseForTest()
	text, err := r.sbom(plugin, strings.Repeat("c", 64), linked)
	require.NoError(t, err)
	again, err := r.sbom(plugin, strings.Repeat("c", 64), linked)
	require.NoError(t, err)
	require.Equal(t, string(text), string(again))

	var bom cyclonedx.BOM
	require.NoError(t, cyclonedx.NewBOMDecoder(bytes.NewReader(text), cyclonedx.BOMFileFormatJSON).Decode(&bom))
	require.Empty(t, bom.SerialNumber)
	require.Equal(t, "2023-11-14T22:13:21Z", bom.Metadata.Timestamp)
	require.Equal(t, "pkg:golang/example.org/me@v0.1.0#cmd/vault-plugin-auth-radius", bom.Metadata.Component.PackageURL)
	require.Equal(t, strings.Repeat("c", 64), (*bom.Metadata.Component.Hashes)[0].Value)
	var urls []string
	for _, component := range *bom.Components {
		urls = append(urls, component.PackageURL)
	}
	a, b, std := "pkg:golang/example.org/a@v1.0.0%2Bincompatible", "pkg:golang/example.org/b/v2@v2.0.1", "pkg:golang/std@1.26.8"
	require.Equal(t, []string{std, a, b}, urls)
	require.Equal(t, strings.Repeat("0", 64), (*(*bom.Components)[1].Hashes)[0].Value)
	needs := map[string][]string{}
	for _, dependency := range *bom.Dependencies {
		if dependency.Dependencies != nil {
			needs[dependency.Ref] = *dependency.Dependencies
		}
	}
	require.Equal(t, map[string][]string{bom.Metadata.Component.BOMRef: {std, a}, a: {std, b}, b: {std}}, needs)
}

func releaseForTest() *release {
	return &release{
		version: "v0.1.0", targets: targets[:1],
		source:    &source{module: "example.org/me", commit: strings.Repeat("a", 40), time: time.Unix(1_700_000_001, 0).UTC()},
		toolchain: &toolchain{version: "go1.26.8"},
	}
}
