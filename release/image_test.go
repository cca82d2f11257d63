package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/stretchr/testify/require"
)

// localPlatforms are what OpenBao takes its own machine for, as containerd's platforms package
// formats it: of ARM with the variant of the processor.
var localPlatforms = map[string]string{
	"linux/amd64": "linux/amd64", "linux/arm64": "linux/arm64/v8", "linux/arm": "linux/arm/v7", "linux/386": "linux/386",
	"linux/ppc64le": "linux/ppc64le", "linux/s390x": "linux/s390x", "linux/riscv64": "linux/riscv64",
}

// pushedImages pushes an index of made-up binaries of all Linux targets to a registry on loopback,
// and returns the references by digest, by tag.
func pushedImages(t *testing.T) map[string]name.Digest {
	t.Helper()
	r := releaseForTest()
	r.sourceURL = "https://git.example.org/me"
	var images []*platformImage
	for _, to := range targets {
		if to.os != "linux" {
			continue
		}
		image, err := r.newImage(to, []byte("binary of "+to.String()))
		require.NoError(t, err)
		images = append(images, image)
	}
	folder := filepath.Join(t.TempDir(), layoutFolder)
	require.NoError(t, r.writeLayout(folder, images))

	server := httptest.NewServer(registry.New(registry.Logger(discardLogger())))
	t.Cleanup(server.Close)
	repository := strings.TrimPrefix(server.URL, "http://") + "/me/radius"
	var out bytes.Buffer
	require.NoError(t, push(t.Context(), folder, repository, &out))
	digests := map[string]name.Digest{}
	for line := range strings.Lines(out.String()) {
		tagged, digest, found := strings.Cut(strings.TrimSpace(line), "@")
		require.True(t, found)
		reference, err := name.NewDigest(repository + "@" + digest)
		require.NoError(t, err)
		digests[strings.TrimPrefix(tagged, repository+":")] = reference

		byTag, err := name.NewTag(tagged)
		require.NoError(t, err)
		descriptor, err := remote.Get(byTag)
		require.NoError(t, err)
		require.Equal(t, digest, descriptor.Digest.String())
	}
	return digests
}

// OpenBao 2.6 takes the image of its platform by a match of what the platform says, and looks
// for the binary in the flattened file system.
func TestImageIsWhatOpenBao26LooksFor(t *testing.T) {
	t.Parallel()
	digests := pushedImages(t)
	for to, local := range localPlatforms {
		for _, platform := range []string{to, local} { // with and without the processor's variant
			parsed, err := v1.ParsePlatform(platform)
			require.NoError(t, err)
			image, err := remote.Image(digests["v0.1.0"], remote.WithPlatform(*parsed))
			require.NoError(t, err, platform)
			require.NoError(t, validate.Image(image))
			extracted := mutate.Extract(image)
			binary, err := rootFile(extracted, "vault-plugin-auth-radius")
			require.NoError(t, errors.Join(err, extracted.Close()))
			require.Equal(t, "binary of "+to, binary)
		}
	}
}

// OpenBao 2.7 walks from the index to the image whose platform equals its own in all parts, and
// reads its layers.
func TestImageIsWhatOpenBao27LooksFor(t *testing.T) {
	t.Parallel()
	digests := pushedImages(t)
	require.Len(t, digests, 2)
	for to, local := range localPlatforms {
		binary, err := openBaoExtract(t.Context(), digests["v0.1.0"], local, "")
		require.NoError(t, err, local)
		require.Equal(t, "binary of "+to, binary)
	}
	binary, err := openBaoExtract(t.Context(), digests["v0.1.0-fips140"], "linux/arm64/v8", "vault-plugin-auth-radius")
	require.NoError(t, err)
	require.Equal(t, "binary of linux/arm64/fips140", binary)
	_, err = openBaoExtract(t.Context(), digests["v0.1.0"], "linux/mips64", "")
	require.Error(t, err)
}

// openBaoExtract returns the binary that OpenBao would extract on a platform. Without a name of
// the binary it is that of the entry point.
func openBaoExtract(ctx context.Context, reference name.Digest, platform, binaryName string) (string, error) {
	local, err := v1.ParsePlatform(platform)
	if err != nil {
		return "", err
	}
	index, err := remote.Index(reference, remote.WithContext(ctx))
	if err != nil {
		return "", err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return "", err
	}
	for _, descriptor := range manifest.Manifests {
		// An entry without a platform, or an index in the index, would lead OpenBao astray.
		if descriptor.Platform == nil || !descriptor.MediaType.IsImage() {
			return "", fmt.Errorf("the index has a %s with platform %v", descriptor.MediaType, descriptor.Platform)
		}
		if !descriptor.Platform.Equals(*local) {
			continue
		}
		image, err := index.Image(descriptor.Digest)
		if err != nil {
			return "", err
		}
		return openBaoExtractImage(image, binaryName)
	}
	return "", fmt.Errorf("no image for %s", platform)
}

func openBaoExtractImage(image v1.Image, binaryName string) (string, error) {
	config, err := image.ConfigFile()
	if err != nil {
		return "", err
	}
	if binaryName == "" {
		binaryName = strings.TrimPrefix(config.Config.Entrypoint[0], "/")
	}
	layers, err := image.Layers()
	if err != nil {
		return "", err
	}
	if len(layers) != 1 {
		return "", fmt.Errorf("%d layers", len(layers))
	}
	mediaType, err := layers[0].MediaType()
	if err != nil || mediaType != types.OCILayer {
		return "", errors.Join(err, fmt.Errorf("the layer is %s", mediaType))
	}
	content, err := layers[0].Compressed()
	if err != nil {
		return "", err
	}
	uncompressed, err := gzip.NewReader(content)
	if err != nil {
		return "", err
	}
	binary, err := rootFile(uncompressed, binaryName)
	return binary, errors.Join(err, content.Close())
}

// rootFile returns the content of a regular file at the root of a file system.
func rootFile(archive io.Reader, binaryName string) (string, error) {
	for entries := tar.NewReader(archive); ; {
		header, err := entries.Next()
		if err != nil {
			return "", fmt.Errorf("%s: %w", binaryName, err)
		}
		if strings.TrimPrefix(header.Name, "/") == binaryName && header.Typeflag == tar.TypeReg && header.Mode == 0o755 {
			content, err := io.ReadAll(entries)
			return string(content), err
		}
	}
}

func TestImagesSayWhatTheyAre(t *testing.T) {
	t.Parallel()
	digests := pushedImages(t)
	image, err := remote.Image(digests["v0.1.0"], remote.WithPlatform(v1.Platform{OS: "linux", Architecture: "arm64"}))
	require.NoError(t, err)
	config, err := image.ConfigFile()
	require.NoError(t, err)
	require.Equal(t, []string{"/vault-plugin-auth-radius"}, config.Config.Entrypoint)
	require.Equal(t, "linux/arm64/v8", config.Platform().String())
	require.Equal(t, releaseForTest().source.time, config.Created.UTC())
	require.Equal(t, map[string]string{
		"org.opencontainers.image.title": "vault-plugin-auth-radius", "org.opencontainers.image.version": "v0.1.0",
		"org.opencontainers.image.revision": strings.Repeat("a", 40), "org.opencontainers.image.source": "https://git.example.org/me",
		"org.opencontainers.image.licenses": "MPL-2.0", "org.opencontainers.image.created": "2023-11-14T22:13:21Z",
	}, config.Config.Labels)
	index, err := remote.Index(digests["v0.1.0"])
	require.NoError(t, err)
	require.NoError(t, validate.Index(index))
	mediaType, err := index.MediaType()
	require.NoError(t, err)
	require.Equal(t, types.OCIImageIndex, mediaType)
	manifest, err := index.IndexManifest()
	require.NoError(t, err)
	for _, descriptor := range manifest.Manifests {
		require.Empty(t, descriptor.ArtifactType, "an image is no artifact")
		require.Equal(t, types.OCIManifestSchema1, descriptor.MediaType)
	}
}

// The layout is read by others than those who make it.
func TestLayoutIsReadable(t *testing.T) {
	t.Parallel()
	r := releaseForTest()
	image, err := r.newImage(targets[0], []byte("binary"))
	require.NoError(t, err)
	folder := filepath.Join(t.TempDir(), layoutFolder)
	require.NoError(t, r.writeLayout(folder, []*platformImage{image}))
	require.NoError(t, filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := entry.Info()
		require.NoError(t, err)
		if entry.IsDir() {
			require.Equal(t, executable, info.Mode().Perm(), path)
		} else {
			require.Equal(t, document, info.Mode().Perm(), path)
		}
		return nil
	}))
}

func TestPushNeedsARepository(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, push(t.Context(), t.TempDir(), "", io.Discard), "IMAGE is missing")
	require.ErrorContains(t, push(t.Context(), t.TempDir(), "localhost:5000/radius:v1", io.Discard), "IMAGE")
	require.ErrorContains(t, push(t.Context(), t.TempDir(), "localhost:5000/radius", io.Discard), "make release")
}
