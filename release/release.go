package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// release is what is made, and of what.
type release struct {
	version   string
	targets   []target
	source    *source
	toolchain *toolchain
	builder   string // URI of whoever makes it
	sourceURL string
	keys      keys
	log       io.Writer
}

// layoutFolder has the OCI image layout.
const layoutFolder = "oci"

// write makes the release in the folder, in place of an earlier one. A release that fails leaves
// the earlier one as it was.
func (r *release) write(ctx context.Context, folder string) error {
	if err := checkReplaceable(folder); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil { // #nosec G301 -- holds what is published
		return err
	}
	work, err := os.MkdirTemp(filepath.Dir(folder), ".release-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	finished := filepath.Join(work, "dist")
	if err := os.Mkdir(finished, 0o755); err != nil { // #nosec G301 -- holds what is published
		return err
	}
	if err := r.writeFiles(ctx, work, finished); err != nil {
		return err
	}
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	return os.Rename(finished, folder)
}

// checkReplaceable returns an error if the folder has something else than a release.
func checkReplaceable(folder string) error {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(folder, checksumsFile)); err != nil {
		return fmt.Errorf("%s is not empty and has no %s, so it is no release, and is not replaced by one", folder, checksumsFile)
	}
	return nil
}

// writeFiles builds in the work folder, and writes all files of the release into dist.
func (r *release) writeFiles(ctx context.Context, work, dist string) error {
	sums := checksums{}
	var images []*platformImage
	for _, t := range r.targets {
		for _, p := range t.programs() {
			fmt.Fprintf(r.log, "%s for %s\n", p.name, t)
			binary, err := r.writeProgram(ctx, p, t, work, dist, sums)
			if err != nil {
				return fmt.Errorf("%s for %s: %w", p.name, t, err)
			}
			if p.name != plugin.name || t.os != "linux" {
				continue
			}
			image, err := r.newImage(t, binary)
			if err != nil {
				return err
			}
			images = append(images, image)
		}
	}
	if len(images) > 0 {
		if err := r.writeImages(dist, images, sums); err != nil {
			return err
		}
	}
	content, err := r.provenance(sums)
	if err != nil {
		return err
	}
	if err := writeSummed(dist, provenanceFile, content, sums); err != nil {
		return err
	}
	if err := writeFile(filepath.Join(dist, checksumsFile), sums.text()); err != nil {
		return err
	}
	signatures, err := sign(ctx, dist, r.keys)
	if err != nil {
		return err
	}
	if len(signatures) == 0 {
		signatures = []string{"not signed, GPG_KEY or COSIGN_KEY would"}
	}
	fmt.Fprintf(r.log, "%s: %d sums; %s\n", checksumsFile, len(sums), strings.Join(signatures, ", "))
	return nil
}

// writeProgram writes a program's archive and SBOM, and returns its binary.
func (r *release) writeProgram(ctx context.Context, p program, t target, work, dist string, sums checksums) ([]byte, error) {
	name := filepath.Join(work, p.base(r.version, t))
	if err := r.compile(ctx, p, t, name); err != nil {
		return nil, err
	}
	binary, err := os.ReadFile(name) // #nosec G304 -- just written
	if err != nil {
		return nil, err
	}
	linked, err := r.linkedModules(ctx, p, t, name)
	if err != nil {
		return nil, err
	}
	files, err := r.contents(ctx, p, t, binary, linked)
	if err != nil {
		return nil, err
	}
	archive, err := pack(t, files, r.source.time)
	if err != nil {
		return nil, err
	}
	bom, err := r.sbom(p, sums.add(p.archivedBinary(t), binary), linked)
	if err != nil {
		return nil, err
	}
	if err := writeSummed(dist, p.archive(r.version, t), archive, sums); err != nil {
		return nil, err
	}
	if err := writeSummed(dist, p.sbom(r.version, t), bom, sums); err != nil {
		return nil, err
	}
	return binary, os.Remove(name)
}

// writeImages writes the image layout. Blobs are named by their sums; those of the two files that lead
// to them are added.
func (r *release) writeImages(dist string, images []*platformImage, sums checksums) error {
	if err := r.writeLayout(filepath.Join(dist, layoutFolder), images); err != nil {
		return err
	}
	for _, name := range []string{layoutFolder + "/index.json", layoutFolder + "/oci-layout"} {
		content, err := os.ReadFile(filepath.Join(dist, filepath.FromSlash(name))) // #nosec G304 -- just written
		if err != nil {
			return err
		}
		sums.add(name, content)
	}
	return nil
}

func writeSummed(folder, name string, content []byte, sums checksums) error {
	sums.add(name, content)
	return writeFile(filepath.Join(folder, name), content)
}

func writeFile(path string, content []byte) error {
	return os.WriteFile(path, content, 0o644) // #nosec G306 -- for everyone
}
