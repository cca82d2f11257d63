package main

import (
	"context"
	"fmt"
	"path"
	"strings"
)

// licencesFile has the licences of the modules that a binary is made of.
const licencesFile = "THIRD-PARTY-LICENSES.txt"

// contents returns the files of a program's archive, all in the folder of the target.
func (r *release) contents(ctx context.Context, p program, t target, binary []byte, linked *modules) ([]file, error) {
	files := []file{{path: p.archivedBinary(t), content: binary, mode: executable}}
	paths, err := r.source.files(ctx, p.documents...)
	if err != nil {
		return nil, err
	}
	for _, wanted := range p.documents {
		if !hasPath(paths, wanted) {
			return nil, fmt.Errorf("%s belongs into the archives of %s, and is in no commit of this clone", wanted, p.name)
		}
	}
	for _, name := range paths {
		content, err := r.source.read(name)
		if err != nil {
			return nil, err
		}
		files = append(files, file{path: path.Join(t.name(), archivedPath(p, name)), content: content, mode: document})
	}
	licences, err := linked.licences(r.toolchain)
	if err != nil {
		return nil, err
	}
	return append(files, file{path: path.Join(t.name(), licencesFile), content: licences, mode: document}), nil
}

// archivedPath returns the place of a document in the archive: what is the program's own lies beside it.
func archivedPath(p program, name string) string { return strings.TrimPrefix(name, "cmd/"+p.name+"/") }

func hasPath(paths []string, wanted string) bool {
	for _, name := range paths {
		if name == wanted || strings.HasPrefix(name, wanted+"/") {
			return true
		}
	}
	return false
}
