package main

import (
	"debug/buildinfo"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whoever makes a release of a commit makes the same one, in any folder and kind of clone, whatever the
// environment says about builds. With long figures: of all platforms, each time with an empty build
// cache; the variable RELEASE_PLATFORMS names fewer.
func TestReleaseIsTheSameAnywhere(t *testing.T) {
	t.Parallel()
	platforms := "RELEASE_PLATFORMS=linux/amd64"
	long := os.Getenv("LONG") != ""
	if long {
		platforms = "RELEASE_PLATFORMS=" + os.Getenv("RELEASE_PLATFORMS")
	}
	environments := [][]string{
		{platforms},
		{
			platforms, "GOFLAGS=-tags=other -ldflags=-X=main.version=v9.9.9", "GOAMD64=v3", "GOARM=5", "GO386=softfloat",
			"GOEXPERIMENT=jsonv2", "GODEBUG=tarinsecurepath=0", "GOFIPS140=latest", "CGO_ENABLED=1", "TZ=Asia/Tokyo", "LC_ALL=C.UTF-8",
			"UMASK=077",
		},
	}
	folders := []string{filepath.Join(t.TempDir(), "clone"), filepath.Join(t.TempDir(), "deeper", "other")}
	copyRepository(t, folders[0])
	_, err := output(t.Context(), t.TempDir(), nil, "git", "clone", "--quiet", "--depth=1", "--config=core.autocrlf=true",
		"file://"+folders[0], folders[1])
	require.NoError(t, err)
	releases := make([]map[string][]byte, len(environments))
	made := t.Run("make", func(t *testing.T) {
		for i, variables := range environments {
			t.Run(filepath.Base(folders[i]), func(t *testing.T) {
				if !long { // the disk is needed for the other
					t.Parallel()
				}
				cache := filepath.Join(t.TempDir(), "cache")
				if long {
					variables = append(variables, "GOCACHE="+cache)
				}
				require.NoError(t, makeRelease(t.Context(), folders[i], variables...))
				require.NoError(t, os.RemoveAll(cache))
				releases[i] = contentOf(t, filepath.Join(folders[i], "dist"))
				require.NoError(t, os.RemoveAll(folders[i]))
			})
		}
	})
	require.True(t, made)
	require.Equal(t, slices.Sorted(maps.Keys(releases[0])), slices.Sorted(maps.Keys(releases[1])))
	for name := range releases[0] {
		if string(releases[0][name]) != string(releases[1][name]) {
			t.Errorf("%s differs", name)
		}
	}
	verifyRelease(t, releases[0])
	requireBinary(t, releases[0])
}

// requireBinary fails unless the plugin of linux/amd64 has its version, and nothing of this machine.
func requireBinary(t *testing.T, release map[string][]byte) {
	t.Helper()
	folder := t.TempDir()
	archive := filepath.Join(folder, "archive.tar.gz")
	require.NoError(t, os.WriteFile(archive, release["vault-plugin-auth-radius_v0.1.0_linux_amd64.tar.gz"], 0o600))
	_, err := output(t.Context(), folder, nil, "tar", "-xzf", archive)
	require.NoError(t, err)
	for _, name := range []string{"LICENSE", "NOTICE", "README.md", "docs/operating.md", licencesFile} {
		require.FileExists(t, filepath.Join(folder, "linux_amd64", name))
	}
	binary := filepath.Join(folder, "linux_amd64", "vault-plugin-auth-radius")
	version, err := exec.CommandContext(t.Context(), binary, "-version").Output()
	require.NoError(t, err)
	require.Equal(t, "v0.1.0\n", string(version))
	info, err := buildinfo.ReadFile(binary)
	require.NoError(t, err)
	for _, setting := range info.Settings {
		require.NotContains(t, setting.Key, "vcs")
		require.NotContains(t, []string{"-tags", "GOEXPERIMENT", "GOFIPS140", "DefaultGODEBUG"}, setting.Key, setting.Value)
	}
	content, err := os.ReadFile(binary)
	require.NoError(t, err)
	here, err := filepath.Abs(repository)
	require.NoError(t, err)
	require.NotContains(t, string(content), here)
	buildID, err := output(t.Context(), folder, nil, "go", "tool", "buildid", binary)
	require.NoError(t, err)
	require.Empty(t, buildID)
}

// verifyRelease has the release verified by the script that users have.
func verifyRelease(t *testing.T, release map[string][]byte) {
	t.Helper()
	folder := t.TempDir()
	writeRelease(t, folder, release)
	out, err := verify(t, folder)
	require.NoError(t, err, out)
	require.Contains(t, out, "vault plugin register -version=v0.1.0")
}

// What is made from something else than the tagged commit is made, and says so.
func TestReleaseSaysWhatIsNotTagged(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for _, arguments := range [][]string{
		{"init", "--quiet"},
		{"-c", "user.name=me", "-c", "user.email=me@example.org", "commit", "--quiet", "--allow-empty", "--no-gpg-sign", "--message=first"},
		{"tag", "v0.1.0"},
	} {
		_, err := output(t.Context(), folder, nil, "git", arguments...)
		require.NoError(t, err)
	}
	s := &source{folder: folder}
	commit, err := s.git(t.Context(), "rev-parse", "HEAD")
	require.NoError(t, err)
	s.commit = commit
	differences, err := s.differences(t.Context(), "v0.1.0")
	require.NoError(t, err)
	require.Empty(t, differences)

	require.NoError(t, os.WriteFile(filepath.Join(folder, "new"), nil, 0o600))
	s.commit = strings.Repeat("1", 40)
	differences, err = s.differences(t.Context(), "v0.1.0")
	require.NoError(t, err)
	require.Len(t, differences, 2)
	require.Contains(t, differences[0], "not committed")
	require.Contains(t, differences[1], "the tag v0.1.0 is at "+commit)
	differences, err = s.differences(t.Context(), "v0.2.0")
	require.NoError(t, err)
	require.Contains(t, differences[1], "no tag v0.2.0")
}

func TestReleaseReplacesNothingButARelease(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	require.NoError(t, checkReplaceable(filepath.Join(folder, "new")))
	require.NoError(t, checkReplaceable(folder))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "letter.txt"), nil, 0o600))
	require.ErrorContains(t, checkReplaceable(folder), "no release")
	require.NoError(t, os.WriteFile(filepath.Join(folder, checksumsFile), nil, 0o600))
	require.NoError(t, checkReplaceable(folder))
}
