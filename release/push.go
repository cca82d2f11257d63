package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// push writes every index of a layout to a registry, under its tag, with the credentials of
// `docker login`, and says by which digest it is found.
func push(ctx context.Context, folder, image string, out io.Writer) error {
	if image == "" {
		return errors.New("IMAGE is missing: name the repository, such as make push IMAGE=registry.example.org/vault-plugin-auth-radius")
	}
	repository, err := name.NewRepository(image)
	if err != nil {
		return fmt.Errorf("IMAGE is %q: give a repository without a tag, which is the version: %w", image, err)
	}
	path, err := layout.FromPath(folder)
	if err != nil {
		return fmt.Errorf("%s is no OCI image layout, make release writes one: %w", folder, err)
	}
	index, err := path.ImageIndex()
	if err != nil {
		return err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return err
	}
	for _, descriptor := range manifest.Manifests {
		tagged, err := index.ImageIndex(descriptor.Digest)
		if err != nil {
			return err
		}
		reference := repository.Tag(descriptor.Annotations[referenceName])
		err = remote.WriteIndex(reference, tagged, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain))
		if err != nil {
			return fmt.Errorf("%s: %w", reference, err)
		}
		fmt.Fprintf(out, "%s@%s\n", reference, descriptor.Digest)
	}
	return nil
}
