package main

import (
	"cmp"
	"context"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
)

// module is a Go module whose packages a binary has.
type module struct {
	path, version string
	sum           string   // as go.sum has it
	folder        string   // in the module cache
	needs         []string // paths of modules whose packages its own import
}

// modules are those of a binary, without the main one.
type modules struct {
	list  []module // by path
	needs []string // of the main module
}

// listedPackage is a package as `go list` describes it.
type listedPackage struct {
	ImportPath string
	Imports    []string
	ImportMap  map[string]string
	Module     *struct {
		Path, Version, Dir string
		Main               bool
		Replace            *struct{ Path string }
	}
}

// isOurs reports whether the package is source of this repository: of the main module, or of a folder
// that stands in for a module.
func (p listedPackage) isOurs() bool {
	return p.Module != nil && (p.Module.Main || p.Module.Replace != nil && isFolderOfSource(p.Module.Replace.Path))
}

// isFolderOfSource reports whether what replaces a module is a folder below go.mod.
func isFolderOfSource(replacement string) bool {
	inside, found := strings.CutPrefix(replacement, "./")
	return found && filepath.IsLocal(inside)
}

// linkedModules returns the modules that a binary says it is made of, with what packages of them
// import: less than go.mod lists, which has what tests and other platforms need.
func (r *release) linkedModules(ctx context.Context, p program, t target, binary string) (*modules, error) {
	text, err := r.toolchain.run(ctx, r.source.folder, t, "list", "-deps",
		"-json=ImportPath,Imports,ImportMap,Module", "./cmd/"+p.name)
	if err != nil {
		return nil, err
	}
	packages, err := parsePackages(text)
	if err != nil {
		return nil, err
	}
	linked := moduleGraph(packages)
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", binary, err)
	}
	return linked, linked.take(info.Deps)
}

func parsePackages(text string) ([]listedPackage, error) {
	var packages []listedPackage
	decoder := json.NewDecoder(strings.NewReader(text))
	for {
		var next listedPackage
		switch err := decoder.Decode(&next); {
		case errors.Is(err, io.EOF):
			return packages, nil
		case err != nil:
			return nil, fmt.Errorf("go list: %w", err)
		}
		packages = append(packages, next)
	}
}

// moduleGraph returns the modules of packages, without what is source of this repository; which needs
// which goes by the imports.
func moduleGraph(packages []listedPackage) *modules {
	moduleOf := map[string]string{} // of a package; the standard library has none
	byPath := map[string]*module{}
	for _, listed := range packages {
		if listed.Module == nil || listed.isOurs() {
			continue
		}
		moduleOf[listed.ImportPath] = listed.Module.Path
		byPath[listed.Module.Path] = &module{path: listed.Module.Path, version: listed.Module.Version, folder: listed.Module.Dir}
	}
	graph := &modules{}
	needs := map[string]map[string]bool{}
	for _, listed := range packages {
		if listed.Module == nil {
			continue
		}
		from := moduleOf[listed.ImportPath] // "" is the main module
		for _, imported := range listed.Imports {
			to := moduleOf[cmp.Or(listed.ImportMap[imported], imported)]
			if to == "" || to == from {
				continue
			}
			if needs[from] == nil {
				needs[from] = map[string]bool{}
			}
			needs[from][to] = true
		}
	}
	graph.needs = slices.Sorted(maps.Keys(needs[""]))
	for _, path := range slices.Sorted(maps.Keys(byPath)) {
		m := byPath[path]
		m.needs = slices.Sorted(maps.Keys(needs[path]))
		graph.list = append(graph.list, *m)
	}
	return graph
}

// take adds the sums that the binary has of its modules; an error if it has others than
// the list does.
func (m *modules) take(linked []*debug.Module) error {
	sums := map[string]string{}
	for _, dependency := range linked {
		if dependency.Replace != nil && isFolderOfSource(dependency.Replace.Path) {
			continue
		}
		if dependency.Replace != nil {
			return fmt.Errorf("%s is replaced by %s: a release is made of published modules and this repository",
				dependency.Path, dependency.Replace.Path)
		}
		sums[dependency.Path+"@"+dependency.Version] = dependency.Sum
	}
	if len(sums) != len(m.list) {
		return fmt.Errorf("the binary has %d modules, and go list says %d", len(sums), len(m.list))
	}
	for i := range m.list {
		sum, found := sums[m.list[i].path+"@"+m.list[i].version]
		if !found {
			return fmt.Errorf("the binary does not have %s %s, which go list says", m.list[i].path, m.list[i].version)
		}
		m.list[i].sum = sum
	}
	return nil
}
