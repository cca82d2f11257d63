package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestProvenanceSaysWhatWasMadeOfWhat(t *testing.T) {
	t.Parallel()
	r := releaseForTest()
	r.builder, r.sourceURL = "https://ci.example.org/release", "https://git.example.org/me"
	sums := checksums{"b.tar.gz": strings.Repeat("b", 64), "a.tar.gz": strings.Repeat("a", 64)}
	text, err := r.provenance(sums)
	require.NoError(t, err)
	require.JSONEq(t, `{
		"_type": "https://in-toto.io/Statement/v1",
		"subject": [
			{"name": "a.tar.gz", "digest": {"sha256": "`+strings.Repeat("a", 64)+`"}},
			{"name": "b.tar.gz", "digest": {"sha256": "`+strings.Repeat("b", 64)+`"}}],
		"predicateType": "https://slsa.dev/provenance/v1",
		"predicate": {
			"buildDefinition": {
				"buildType": "pkg:golang/example.org/me#release/v1",
				"externalParameters": {"VERSION": "v0.1.0", "RELEASE_PLATFORMS": ["linux/amd64"], "SOURCE_DATE_EPOCH": 1700000001},
				"internalParameters": {"go": "go1.26.8", "module": "example.org/me", "fips140": "v1.0.0", "differences": [],
					"environment": ["CGO_ENABLED=0", "GO386=sse2", "GOAMD64=v1", "GOARM=7", "GOARM64=v8.0", "GOPPC64=power8", "GORISCV64=rva20u64"]},
				"resolvedDependencies": [{"uri": "git+https://git.example.org/me", "digest": {"gitCommit": "`+strings.Repeat("a", 40)+`"}}]},
			"runDetails": {"builder": {"id": "https://ci.example.org/release"}}}}`, string(text))

	r.builder, r.sourceURL, r.source.warnings = "", "", []string{"no tag v0.1.0 in this clone"}
	text, err = r.provenance(sums)
	require.NoError(t, err)
	var s statement
	require.NoError(t, json.Unmarshal(text, &s))
	require.Equal(t, "pkg:golang/example.org/me@v0.1.0#Makefile", s.Predicate.RunDetails.Builder.ID)
	require.Equal(t, "pkg:golang/example.org/me@v0.1.0", s.Predicate.BuildDefinition.ResolvedDependencies[0].URI)
	require.Equal(t, []string{"no tag v0.1.0 in this clone"}, s.Predicate.BuildDefinition.InternalParameters.Differences)
}

func TestChecksumsAreSorted(t *testing.T) {
	t.Parallel()
	sums := checksums{}
	sums.add("b", nil)
	sums.add("a/b", []byte("x"))
	require.Equal(t, "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881  a/b\n"+
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  b\n", string(sums.text()))
}
