package main

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// referenceName is the annotation that has an image's tag in a layout.
const referenceName = "org.opencontainers.image.ref.name"

// platformImage is the image of a target.
type platformImage struct {
	target target
	image  v1.Image
}

// newImage returns the image of a target: the plugin's binary at the root, and nothing else.
func (r *release) newImage(t target, binary []byte) (*platformImage, error) {
	archive, err := tarball([]file{{path: plugin.binary(t), content: binary, mode: executable}}, r.source.time)
	if err != nil {
		return nil, err
	}
	content, err := compressed(archive)
	if err != nil {
		return nil, err
	}
	created := v1.Time{Time: r.source.time}
	image, err := mutate.Append(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON),
		mutate.Addendum{
			Layer:   &layer{Layer: static.NewLayer(content, types.OCILayer), archive: archive},
			History: v1.History{Created: created, CreatedBy: "make release"},
		})
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Variant = t.os, t.arch, imageVariants[t.arch]
	config.Created = created
	config.Config.Entrypoint = []string{"/" + plugin.binary(t)}
	config.Config.Labels = r.labels()
	image, err = mutate.ConfigFile(image, config)
	return &platformImage{target: t, image: image}, err
}

// layer is a compressed layer whose uncompressed content is known.
type layer struct {
	v1.Layer
	archive []byte
}

func (l *layer) DiffID() (v1.Hash, error) {
	hash, _, err := v1.SHA256(bytes.NewReader(l.archive))
	return hash, err
}

func (l *layer) Uncompressed() (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(l.archive)), nil
}

// labels are those of each image, and annotations of the index.
func (r *release) labels() map[string]string {
	labels := map[string]string{
		"org.opencontainers.image.title":    plugin.name,
		"org.opencontainers.image.version":  r.version,
		"org.opencontainers.image.revision": r.source.commit,
		"org.opencontainers.image.licenses": "MPL-2.0",
		"org.opencontainers.image.created":  r.source.time.Format(time.RFC3339),
	}
	if r.sourceURL != "" {
		labels["org.opencontainers.image.source"] = r.sourceURL
	}
	return labels
}

// plainImage is an image that is no artifact: without this an index would have the type of its config
// as one, which tools that copy the index drop, and with it the digest.
type plainImage struct{ v1.Image }

func (plainImage) ArtifactType() (string, error) { return "", nil }

// newIndex returns the index of images, each with its platform.
func (r *release) newIndex(images []*platformImage) v1.ImageIndex {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, i := range images {
		platform := &v1.Platform{OS: i.target.os, Architecture: i.target.arch, Variant: imageVariants[i.target.arch]}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: plainImage{i.image}, Descriptor: v1.Descriptor{Platform: platform}})
	}
	return mutate.Annotations(index, r.labels()).(v1.ImageIndex)
}

// writeLayout writes an OCI image layout with an index for each tag: that of the version, and
// that of its FIPS variant. A registry has no other place for the variant: platforms do not tell
// them apart.
func (r *release) writeLayout(folder string, images []*platformImage) error {
	byTag := map[string][]*platformImage{}
	for _, i := range images {
		tag := r.version
		if i.target.fips {
			tag += fipsTag
		}
		byTag[tag] = append(byTag[tag], i)
	}
	path, err := layout.Write(filepath.Clean(folder), empty.Index)
	if err != nil {
		return err
	}
	for _, tag := range []string{r.version, r.version + fipsTag} {
		if len(byTag[tag]) == 0 {
			continue
		}
		if err := path.AppendIndex(r.newIndex(byTag[tag]), layout.WithAnnotations(map[string]string{referenceName: tag})); err != nil {
			return err
		}
	}
	return makeReadable(folder)
}

// makeReadable gives the folder, and what is in it, the permissions of what is published, whatever
// the library and the umask have made of them.
func makeReadable(folder string) error {
	return filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			return os.Chmod(path, 0o755) // #nosec G302 -- for everyone
		}
		return os.Chmod(path, document)
	})
}
