package radiusauth

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Only the root package knows Vault: the inner rooms can be read, tested and
// used without it.
func TestInternalPackagesDoNotImportVault(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "./internal/...").CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), modulePath+"/internal/radclient")
	require.NotContains(t, string(out), "hashicorp/vault/")
}

// roomImports are the rooms that each room of internal imports, its tests left out: one
// that is not here may not be imported.
var roomImports = map[string][]string{
	"acct":          {"fips", "kv"},
	"attempts":      {"decision"},
	"batch":         {"acct", "kv", "passwd", "username"},
	"bindaddress":   {},
	"cache":         {},
	"catalog":       {"cache", "dictionary", "kv", "profile"},
	"certificates":  {},
	"challenge":     {"cache", "kv"},
	"daemontest":    {},
	"decision":      {},
	"dictionary":    {},
	"directory":     {"bindaddress", "certificates", "fairshare", "fips"},
	"directorytest": {"daemontest", "tlstest"},
	"fairshare":     {},
	"fips":          {},
	"fipstest":      {"daemontest"},
	"gate":          {},
	"kv":            {},
	"lockout":       {"fairshare", "username"},
	"login": {
		"catalog", "challenge", "decision", "dictionary", "directory", "fairshare", "fips", "kv", "lockout", "passwd",
		"profile", "radclient", "source", "throttle", "username", "users", "validate",
	},
	"logintime":      {},
	"longtest":       {},
	"mariadbtest":    {"daemontest"},
	"metrics":        {"acct", "decision", "directory", "radclient", "source"},
	"orphan":         {},
	"passwd":         {"fairshare", "fips"},
	"postgrestest":   {"daemontest", "tlstest"},
	"profile":        {"dictionary", "logintime"},
	"radclient":      {"bindaddress", "certificates", "fairshare", "fips"},
	"radiustest":     {"daemontest", "tlstest"},
	"rlmrest":        {"acct", "dictionary", "profile"},
	"prometheustest": {"daemontest"},
	"source": {
		"bindaddress", "cache", "certificates", "dictionary", "directory", "kv", "passwd", "radclient", "username", "validate",
	},
	"throttle": {},
	"tlstest":  {},
	"username": {},
	"users":    {"cache", "kv", "passwd", "username"},
	"validate": {"acct"},
}

// goPackage is a package as go list describes it.
type goPackage struct {
	ImportPath, Export string
	Imports            []string
}

func listPackages(t *testing.T, arguments ...string) (packages []goPackage) {
	t.Helper()
	arguments = append([]string{"list", "-json=ImportPath,Export,Imports"}, arguments...)
	out, err := exec.CommandContext(t.Context(), "go", arguments...).Output()
	require.NoError(t, err)
	for decoder := json.NewDecoder(bytes.NewReader(out)); decoder.More(); {
		var next goPackage
		require.NoError(t, decoder.Decode(&next))
		packages = append(packages, next)
	}
	return packages
}

func TestRoomsImportOnlyWhatTheyMay(t *testing.T) {
	t.Parallel()
	internal := modulePath + "/internal/"
	found := map[string][]string{}
	for _, room := range listPackages(t, "./internal/...") {
		imports := []string{}
		for _, path := range room.Imports {
			if name, inside := strings.CutPrefix(path, internal); inside {
				imports = append(imports, name)
			}
		}
		found[strings.TrimPrefix(room.ImportPath, internal)] = imports
	}
	require.Equal(t, roomImports, found)
}

// maxKnot is how many files of the root may all reach each other by what they refer to.
const maxKnot = 6

// backend.go is left out: it has the type that all files share, and its wiring.
func TestFilesOfTheRootAreNoKnot(t *testing.T) {
	t.Parallel()
	largest := slices.MaxFunc(knots(fileReferences(t)), func(a, b []string) int { return len(a) - len(b) })
	slices.Sort(largest)
	require.LessOrEqual(t, len(largest), maxKnot, "%v", largest)
}

func TestKnotsAreSetsThatReachEachOther(t *testing.T) {
	t.Parallel()
	found := knots(map[string]map[string]bool{
		"a": {"b": true}, "b": {"c": true, "d": true}, "c": {"a": true}, "d": {"e": true}, "e": {}, "f": {"f": true, "a": true},
	})
	for _, knot := range found {
		slices.Sort(knot)
	}
	require.ElementsMatch(t, [][]string{{"a", "b", "c"}, {"d"}, {"e"}, {"f"}}, found)
}

// fileReferences returns the files of this package, tests left out, and those that declare
// what each refers to.
func fileReferences(t *testing.T) map[string]map[string]bool {
	t.Helper()
	exports := map[string]string{}
	for _, each := range listPackages(t, "-export", "-deps", ".") {
		exports[each.ImportPath] = each.Export
	}
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	positions := token.NewFileSet()
	var files []*ast.File
	references := map[string]map[string]bool{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(positions, name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		files, references[name] = append(files, file), map[string]bool{}
	}
	open := func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) }
	config := types.Config{Importer: importer.ForCompiler(positions, "gc", open)}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	root, err := config.Check(modulePath, positions, files, info)
	require.NoError(t, err)
	for identifier, object := range info.Uses {
		from, to := positions.Position(identifier.Pos()).Filename, positions.Position(object.Pos()).Filename
		if object.Pkg() == root && from != to && from != "backend.go" && to != "backend.go" {
			references[from][to] = true
		}
	}
	return references
}

// knots returns the strongly connected sets of a graph, by Tarjan's algorithm.
func knots(references map[string]map[string]bool) (found [][]string) {
	index, lowest, onStack := map[string]int{}, map[string]int{}, map[string]bool{}
	var stack []string
	var visit func(file string)
	visit = func(file string) {
		index[file], lowest[file] = len(index), len(index)
		stack, onStack[file] = append(stack, file), true
		for other := range references[file] {
			if _, seen := index[other]; !seen {
				visit(other)
				lowest[file] = min(lowest[file], lowest[other])
			} else if onStack[other] {
				lowest[file] = min(lowest[file], index[other])
			}
		}
		if lowest[file] < index[file] {
			return
		}
		at := slices.Index(stack, file)
		found = append(found, slices.Clone(stack[at:]))
		for _, member := range stack[at:] {
			onStack[member] = false
		}
		stack = stack[:at]
	}
	for _, file := range slices.Sorted(maps.Keys(references)) {
		if _, seen := index[file]; !seen {
			visit(file)
		}
	}
	return found
}
