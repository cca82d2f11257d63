package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var verifyScript, _ = filepath.Abs(filepath.Join(repository, "scripts", "verify-release.sh"))

// verify runs scripts/verify-release.sh, with a keyring of its own that is empty.
func verify(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	return verifyWith(t, t.TempDir(), arguments...)
}

// verifyWith runs it with the keyring in a folder.
func verifyWith(t *testing.T, keyring string, arguments ...string) (string, error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), verifyScript, arguments...)
	command.Env = append(os.Environ(), "GNUPGHOME="+keyring, "TMPDIR="+t.TempDir())
	out, err := command.CombinedOutput()
	return string(out), err
}

// smallRelease returns the files of a release whose binaries are a few octets.
func smallRelease(t *testing.T, of ...target) map[string][]byte {
	t.Helper()
	release, sums := map[string][]byte{}, checksums{}
	add := func(name string, content []byte) { release[name] = content; sums.add(name, content) }
	r := releaseForTest()
	for _, to := range of {
		for _, p := range to.programs() {
			binary := []byte("binary of " + p.name + " for " + to.String())
			sums.add(p.archivedBinary(to), binary)
			archive, err := pack(to, []file{
				{path: p.archivedBinary(to), content: binary, mode: executable},
				{path: to.name() + "/README.md", content: []byte("text"), mode: document},
			}, archivedAt)
			require.NoError(t, err)
			add(p.archive("v0.1.0", to), archive)
			add(p.sbom("v0.1.0", to), []byte("{}"))
		}
	}
	image, err := r.newImage(targets[0], []byte("binary"))
	require.NoError(t, err)
	folder := t.TempDir()
	require.NoError(t, r.writeLayout(filepath.Join(folder, layoutFolder), []*platformImage{image}))
	for name, content := range contentOf(t, folder) {
		release[name] = content
	}
	sums.add("oci/index.json", release["oci/index.json"])
	sums.add("oci/oci-layout", release["oci/oci-layout"])
	add(provenanceFile, []byte("{}"))
	release[checksumsFile] = sums.text()
	return release
}

func writeRelease(t *testing.T, folder string, release map[string][]byte) {
	t.Helper()
	for name, content := range release {
		path := filepath.Join(folder, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, content, 0o600))
	}
}

func TestReleaseIsVerifiedAndSaysHowToRegister(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	all := []target{{os: "linux", arch: "amd64"}, {os: "linux", arch: "amd64", fips: true}, {os: "windows", arch: "amd64"}}
	writeRelease(t, folder, smallRelease(t, all...))
	out, err := verify(t, folder)
	require.NoError(t, err, out)
	require.Contains(t, out, "not signed")
	for _, to := range all {
		sum := checksums{}.add("", []byte("binary of vault-plugin-auth-radius for "+to.String()))
		require.Contains(t, out, "vault plugin register -version=v0.1.0 \\\n    -sha256="+sum+" \\\n    -command="+plugin.binary(to)+" auth radius")
	}

	// coreutils alone do it, too, where the archive was unpacked.
	_, err = output(t.Context(), folder, nil, "tar", "-xzf", plugin.archive("v0.1.0", targets[0]))
	require.NoError(t, err)
	out, err = output(t.Context(), folder, nil, "sha256sum", "--ignore-missing", "-c", checksumsFile)
	require.NoError(t, err)
	require.Contains(t, out, "linux_amd64/vault-plugin-auth-radius: OK")
	out, err = verify(t, filepath.Join(folder, plugin.archive("v0.1.0", targets[0])))
	require.NoError(t, err, out)
	require.Contains(t, out, "linux_amd64/vault-plugin-auth-radius: OK")
	require.NoError(t, os.WriteFile(filepath.Join(folder, "linux_amd64/vault-plugin-auth-radius"), []byte("other"), 0o600))
	out, err = verify(t, filepath.Join(folder, plugin.archive("v0.1.0", targets[0])))
	require.Error(t, err)
	require.Contains(t, out, "linux_amd64/vault-plugin-auth-radius is not what SHA256SUMS lists")
}

// A flipped bit is found in any file, of the image's blobs and of SHA256SUMS, too, and so is another sum.
func TestFlippedBitIsFound(t *testing.T) {
	t.Parallel()
	release := smallRelease(t, targets[0])
	refused := func(name, file string, content []byte) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			writeRelease(t, folder, release)
			require.NoError(t, os.WriteFile(filepath.Join(folder, file), content, 0o600))
			out, err := verify(t, folder)
			require.Error(t, err, out)
			require.NotContains(t, out, "plugin register")
		})
	}
	for _, name := range slices.Sorted(maps.Keys(release)) {
		content := bytes.Clone(release[name])
		content[len(content)/2] ^= 1
		refused(name, name, content)
	}
	number := 0
	for line := range bytes.Lines(release[checksumsFile]) { // of each, the sum, or the name
		damaged := bytes.Clone(line)
		if number++; number%3 == 0 {
			damaged[len(line)-4] ^= 1
		} else {
			damaged = append([]byte(strings.Repeat("0", 64)), line[64:]...)
		}
		refused(fmt.Sprintf("line %d", number), checksumsFile, bytes.Replace(release[checksumsFile], line, damaged, 1))
	}
}

func TestWhatIsMissingOrNotListedIsRefused(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	writeRelease(t, folder, smallRelease(t, targets[0]))
	archive := filepath.Join(folder, plugin.archive("v0.1.0", targets[0]))
	out, err := verify(t, archive, filepath.Join(folder, "radius-login_v0.1.0_linux_arm64.tar.gz"))
	require.Error(t, err)
	require.Contains(t, out, "radius-login_v0.1.0_linux_arm64.tar.gz is missing")

	require.NoError(t, os.WriteFile(filepath.Join(folder, "plugin_v0.1.0_linux_amd64.tar.gz"), nil, 0o600))
	out, err = verify(t, folder)
	require.Error(t, err)
	require.Contains(t, out, "not listed in SHA256SUMS")

	require.NoError(t, os.Remove(filepath.Join(folder, checksumsFile)))
	out, err = verify(t, archive)
	require.Error(t, err)
	require.Contains(t, out, "SHA256SUMS is missing")
}

// Other sums than those of a release do not pass for it, nor what is no file.
func TestWhatMakesNoReleaseIsRefused(t *testing.T) {
	t.Parallel()
	release := smallRelease(t, targets[0])
	anySum := strings.Repeat("0", 64)
	blob := ""
	for name := range release {
		if strings.HasPrefix(name, "oci/blobs/") {
			blob = name
		}
	}
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	require.NoError(t, os.WriteFile(elsewhere, []byte("other"), 0o600))
	addSum := func(name string) func(*testing.T, string) {
		return func(t *testing.T, folder string) {
			content := append(bytes.Clone(release[checksumsFile]), anySum+"  "+name+"\n"...)
			require.NoError(t, os.WriteFile(filepath.Join(folder, checksumsFile), content, 0o600))
		}
	}
	link := func(name string) func(*testing.T, string) {
		return func(t *testing.T, folder string) {
			require.NoError(t, os.RemoveAll(filepath.Join(folder, name)))
			require.NoError(t, os.Symlink(elsewhere, filepath.Join(folder, name)))
		}
	}
	for name, test := range map[string]struct {
		change  func(*testing.T, string)
		problem string
	}{
		"two sums of a name":    {addSum(provenanceFile), "two sums of " + provenanceFile},
		"a name that leads out": {addSum("linux_amd64/../../file"), "no sum"},
		"a name with a space":   {addSum("a file"), "no sum"},
		"a name like a flag":    {addSum("--file"), "no sum"},
		"a name from the root":  {addSum("/etc/passwd"), "no sum"},
		"a link":                {link("extra"), "not listed"},
		"a link for a blob":     {link(blob), "not what its name says"},
		"no blob":               {func(t *testing.T, folder string) { require.NoError(t, os.Remove(filepath.Join(folder, blob))) }, "is missing"},
		"a space before a name": {link(" " + provenanceFile), "not listed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			writeRelease(t, folder, release)
			test.change(t, folder)
			out, err := verify(t, folder)
			require.Error(t, err, out)
			require.Contains(t, out, test.problem)
			require.NotContains(t, out, "plugin register")
		})
	}
}

// The image of a published release is in a tar archive, whose sum is not listed.
func TestPublishedImageIsVerified(t *testing.T) {
	t.Parallel()
	release := smallRelease(t, targets[0])
	var image []file
	for _, name := range slices.Sorted(maps.Keys(release)) {
		if strings.HasPrefix(name, "oci/") {
			image = append(image, file{path: name, content: release[name], mode: document})
			delete(release, name)
		}
	}
	publish := func(image []file) (string, error) {
		archive, err := tarball(image, archivedAt)
		require.NoError(t, err)
		folder := t.TempDir()
		release["oci_v0.1.0.tar"] = archive
		writeRelease(t, folder, release)
		return verify(t, folder)
	}
	out, err := publish(image)
	require.NoError(t, err, out)
	require.Contains(t, out, "oci_v0.1.0.tar: OK")
	for i := range image {
		changed := slices.Clone(image)
		changed[i].content = append(bytes.Clone(image[i].content), 0)
		out, err = publish(changed)
		require.Error(t, err, image[i].path)
		out2, err := publish(slices.Delete(slices.Clone(image), i, i+1))
		require.Error(t, err, image[i].path)
		require.NotContains(t, out+out2, "plugin register")
	}
	out, err = publish(append(slices.Clone(image), file{path: "oci/../../file", mode: document}))
	require.Error(t, err)
	require.Contains(t, out, "no part of an image")
}

// The folder that is named is meant, not one of the same name that cd would find first.
func TestReleaseIsVerifiedInItsFolder(t *testing.T) {
	folder, other := t.TempDir(), t.TempDir()
	writeRelease(t, filepath.Join(folder, "dist"), smallRelease(t, targets[0]))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "dist", "extra"), nil, 0o600))
	writeRelease(t, filepath.Join(other, "dist"), smallRelease(t, targets[0]))
	t.Chdir(folder)
	t.Setenv("CDPATH", other)
	out, err := verify(t, "dist")
	require.Error(t, err, out)
	require.Contains(t, out, "dist/extra is not listed")
}

func TestSignatureIsMadeAndVerified(t *testing.T) {
	t.Parallel()
	folder, keyring := t.TempDir(), shortFolder(t)
	writeRelease(t, folder, smallRelease(t, targets[0]))
	key := filepath.Join(t.TempDir(), "key.asc")
	gpg(t, keyring, "--quick-gen-key", "Release <release@example.org>", "ed25519", "sign", "never")
	require.NoError(t, os.WriteFile(key, gpg(t, keyring, "--armor", "--export"), 0o600))
	other := filepath.Join(t.TempDir(), "other.asc")
	otherKeyring := shortFolder(t)
	gpg(t, otherKeyring, "--quick-gen-key", "Other <other@example.org>", "ed25519", "sign", "never")
	require.NoError(t, os.WriteFile(other, gpg(t, otherKeyring, "--armor", "--export"), 0o600))

	for _, arguments := range [][]string{{"--signed"}, {"--gpg-key", key}, {"--cosign-key", key}} {
		out, err := verify(t, append(arguments, folder)...)
		require.Error(t, err)
		require.Contains(t, out, "is not signed with")
	}
	signature := gpg(t, keyring, "--armor", "--local-user", "release@example.org", "--output", "-", "--detach-sign", filepath.Join(folder, checksumsFile))
	require.NoError(t, os.WriteFile(filepath.Join(folder, checksumsFile+".asc"), signature, 0o600))

	out, err := verify(t, "--gpg-key", key, folder)
	require.NoError(t, err, out)
	require.Contains(t, out, "signed by Release <release@example.org>")
	out, err = verifyWith(t, keyring, "--signed", folder)
	require.NoError(t, err, out)
	out, err = verifyWith(t, keyring, "--gpg-key", other, folder)
	require.Error(t, err, "the key that is named counts, not those of the keyring")
	require.NotContains(t, out, "OK")
	out, err = verifyWith(t, otherKeyring, "--signed", folder)
	require.Error(t, err)
	require.NotContains(t, out, "OK")
	out, err = verify(t, folder)
	require.NoError(t, err, out)
	require.Contains(t, out, "NOT verified")

	// A key that has expired since.
	gpg(t, keyring, "--faked-system-time", "20200101T000000", "--quick-gen-key", "Old <old@example.org>", "ed25519", "sign", "1y")
	old := filepath.Join(t.TempDir(), "old.asc")
	require.NoError(t, os.WriteFile(old, gpg(t, keyring, "--armor", "--export", "old@example.org"), 0o600))
	expired := gpg(t, keyring, "--faked-system-time", "20200201T000000", "--armor", "--local-user", "old@example.org",
		"--output", "-", "--detach-sign", filepath.Join(folder, checksumsFile))
	require.NoError(t, os.WriteFile(filepath.Join(folder, checksumsFile+".asc"), expired, 0o600))
	for _, arguments := range [][]string{{}, {"--signed"}, {"--gpg-key", old}} {
		out, err = verifyWith(t, keyring, append(arguments, folder)...)
		require.Error(t, err)
		require.Contains(t, out, "is not a good signature")
	}
	require.NoError(t, os.WriteFile(filepath.Join(folder, checksumsFile+".asc"), signature, 0o600))

	// Other sums than those that were signed, all right among themselves.
	sums, err := os.ReadFile(filepath.Join(folder, checksumsFile))
	require.NoError(t, err)
	_, rest, _ := bytes.Cut(sums, []byte("\n"))
	require.NoError(t, os.WriteFile(filepath.Join(folder, checksumsFile), rest, 0o600))
	for _, arguments := range [][]string{{}, {"--signed"}, {"--gpg-key", key}} {
		out, err = verifyWith(t, keyring, append(arguments, folder)...)
		require.Error(t, err)
		require.Contains(t, out, "is not a good signature")
	}
}

// The release is signed with the keys that are given.
func TestReleaseIsSignedWithGivenKeys(t *testing.T) {
	folder, keyring := t.TempDir(), shortFolder(t)
	require.NoError(t, os.WriteFile(filepath.Join(folder, checksumsFile), []byte("sums\n"), 0o600))
	signatures, err := sign(t.Context(), folder, keys{})
	require.NoError(t, err)
	require.Empty(t, signatures)

	gpg(t, keyring, "--quick-gen-key", "Release <release@example.org>", "ed25519", "sign", "never")
	t.Setenv("GNUPGHOME", keyring)
	signatures, err = sign(t.Context(), folder, keys{gpg: "release@example.org"})
	require.NoError(t, err)
	require.Equal(t, []string{"SHA256SUMS.asc"}, signatures)
	gpg(t, keyring, "--verify", filepath.Join(folder, "SHA256SUMS.asc"), filepath.Join(folder, checksumsFile))
	_, err = sign(t.Context(), folder, keys{gpg: "nobody@example.org"})
	require.ErrorContains(t, err, "GPG_KEY")

	tools := t.TempDir()
	t.Setenv("PATH", tools)
	_, err = sign(t.Context(), folder, keys{cosign: "cosign.key"})
	require.ErrorContains(t, err, "no cosign is on PATH")
	script := "#!/bin/sh\necho \"$@\" >called\n"
	require.NoError(t, os.WriteFile(filepath.Join(tools, "cosign"), []byte(script), 0o700))
	signatures, err = sign(t.Context(), folder, keys{cosign: "cosign.key"})
	require.NoError(t, err)
	require.Equal(t, []string{"SHA256SUMS.sig"}, signatures)
	called, err := os.ReadFile(filepath.Join(folder, "called"))
	require.NoError(t, err)
	require.Equal(t, "sign-blob --yes --key cosign.key --tlog-upload=false --output-signature SHA256SUMS.sig SHA256SUMS",
		strings.TrimSpace(string(called)))
}

// gpg runs gpg with a keyring and returns what it prints.
func gpg(t *testing.T, keyring string, arguments ...string) []byte {
	t.Helper()
	command := exec.CommandContext(t.Context(), "gpg", append([]string{"--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""}, arguments...)...)
	command.Env = append(os.Environ(), "GNUPGHOME="+keyring)
	stderr := &bytes.Buffer{}
	command.Stderr = stderr
	out, err := command.Output()
	require.NoError(t, err, stderr.String())
	return out
}

// shortFolder returns a folder for a keyring, whose agent's socket has a path of bounded length. The
// agent ends with the test.
func shortFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "gpg")
	require.NoError(t, err)
	t.Cleanup(func() {
		command := exec.Command("gpgconf", "--kill", "all")
		command.Env = append(os.Environ(), "GNUPGHOME="+folder)
		_ = command.Run() // there may be none
		_ = os.RemoveAll(folder)
	})
	return folder
}
