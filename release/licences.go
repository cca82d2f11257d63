package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

// licenceName matches the files of a module's root that say how it may be used.
var licenceName = regexp.MustCompile(`(?i)^(licen[cs]e|copying|copyright|notice|patents)([._-].*)?$`)

// licences returns the licences of the modules and of Go itself, which those who hand a binary on
// have to hand on with it.
func (m *modules) licences(g *toolchain) ([]byte, error) {
	var out bytes.Buffer
	if err := appendLicences(&out, "The Go standard library, "+g.version, g.root); err != nil {
		return nil, err
	}
	for _, dependency := range m.list {
		if err := appendLicences(&out, dependency.path+" "+dependency.version, dependency.folder); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}

// appendLicences writes the licences that lie in a folder, under a title.
func appendLicences(out *bytes.Buffer, title, folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	fmt.Fprintf(out, "%s\n\n", title)
	found := false
	for _, entry := range entries {
		if !entry.Type().IsRegular() || !licenceName.MatchString(entry.Name()) || filepath.Ext(entry.Name()) == ".go" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(folder, entry.Name())) // #nosec G304 -- a file of the module cache
		if err != nil {
			return err
		}
		found = true
		fmt.Fprintf(out, "%s:\n\n%s\n\n", entry.Name(), bytes.TrimSpace(text))
	}
	if !found {
		fmt.Fprint(out, "No licence file.\n\n")
	}
	return nil
}
