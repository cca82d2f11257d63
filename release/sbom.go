package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"path"
	"strings"
	"time"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"
	"github.com/package-url/packageurl-go"
)

// sbom returns the software bill of materials of a binary in CycloneDX's JSON. It has no serial
// number, which would be another one each time.
func (r *release) sbom(p program, sum string, linked *modules) ([]byte, error) {
	main := cyclonedx.Component{
		Type: cyclonedx.ComponentTypeApplication, Name: p.name, Version: r.version, Description: p.title,
		PackageURL: packageURL(r.source.module, r.version, "cmd/"+p.name),
		Hashes:     sha256Hash(sum),
		Licenses:   &cyclonedx.Licenses{{License: &cyclonedx.License{ID: "MPL-2.0"}}},
	}
	main.BOMRef = main.PackageURL
	standard := cyclonedx.Component{
		Type: cyclonedx.ComponentTypeLibrary, Name: "std", Version: strings.TrimPrefix(r.toolchain.version, "go"),
		PackageURL: packageURL("std", strings.TrimPrefix(r.toolchain.version, "go"), ""),
	}
	standard.BOMRef = standard.PackageURL

	components := []cyclonedx.Component{standard}
	references := map[string]string{}
	for _, dependency := range linked.list {
		component := cyclonedx.Component{
			Type: cyclonedx.ComponentTypeLibrary, Name: dependency.path, Version: dependency.version,
			PackageURL: packageURL(dependency.path, dependency.version, ""),
		}
		hash, err := moduleHash(dependency.sum)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", dependency.path, dependency.version, err)
		}
		component.BOMRef, component.Hashes = component.PackageURL, sha256Hash(hash)
		references[dependency.path] = component.BOMRef
		components = append(components, component)
	}
	resolve := func(paths []string) *[]string {
		all := []string{standard.BOMRef}
		for _, path := range paths {
			all = append(all, references[path])
		}
		return &all
	}
	dependencies := []cyclonedx.Dependency{{Ref: main.BOMRef, Dependencies: resolve(linked.needs)}, {Ref: standard.BOMRef}}
	for _, dependency := range linked.list {
		dependencies = append(dependencies, cyclonedx.Dependency{Ref: references[dependency.path], Dependencies: resolve(dependency.needs)})
	}

	bom := cyclonedx.NewBOM()
	bom.Metadata = &cyclonedx.Metadata{Timestamp: r.source.time.Format(time.RFC3339), Component: &main}
	bom.Components, bom.Dependencies = &components, &dependencies
	var out bytes.Buffer
	if err := cyclonedx.NewBOMEncoder(&out, cyclonedx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, cyclonedx.SpecVersion1_6); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// packageURL returns the name of a module, or of a package of it, that databases of vulnerabilities know it by.
func packageURL(module, version, subpath string) string {
	namespace, name := path.Split(module)
	return packageurl.NewPackageURL(packageurl.TypeGolang, strings.TrimSuffix(namespace, "/"), name, version, nil, subpath).ToString()
}

func sha256Hash(sum string) *[]cyclonedx.Hash {
	return &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: sum}}
}

// moduleHash returns the hash that a sum of go.sum is made of, in hexadecimal.
func moduleHash(sum string) (string, error) {
	encoded, found := strings.CutPrefix(sum, "h1:")
	hash, err := base64.StdEncoding.DecodeString(encoded)
	if !found || err != nil {
		return "", fmt.Errorf("the sum %q is none of go.sum", sum)
	}
	return hex.EncodeToString(hash), nil
}
