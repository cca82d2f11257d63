// Command rename gives the module of a clone another path: see scripts/rename-module.sh.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			os.Exit(2)
		}
		fmt.Fprintln(os.Stderr, "rename-module.sh:", err)
		os.Exit(1)
	}
}

// run reads the arguments and does what they say.
func run(arguments []string, out, log io.Writer) error {
	flags := flag.NewFlagSet("rename-module.sh", flag.ContinueOnError)
	flags.SetOutput(log)
	source := flags.String("source", ".", "clone that is changed")
	force := flags.Bool("force", false, "write also where changes are not committed")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return errors.New("give one module path, such as example.org/you/vault-plugin-auth-radius")
	}
	path := flags.Arg(0)
	if err := check(path); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(*source, "go.mod"))
	if err != nil {
		return err
	}
	old := modfile.ModulePath(text)
	if old == "" {
		return errors.New("go.mod names no module")
	}
	if old == path {
		_, err := fmt.Fprintf(out, "The module is %s already.\n", path)
		return err
	}
	changed, err := renameTree(*source, old, path, *force)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s is now %s, in %d files. Look at git diff, and run make test.\n", old, path, changed)
	return err
}

// check returns an error unless the go command can fetch a module of this path.
func check(path string) error {
	if err := module.CheckPath(path); err != nil {
		return fmt.Errorf("%w: a path begins with a domain, as example.org/you/name does, and ends in /v2, /v3 and so on "+
			"from version 2 on", err)
	}
	return nil
}

// renameTree changes the files of a clone, and returns how many. All are read before the first
// is written.
func renameTree(source, old, path string, force bool) (int, error) {
	status, err := git(source, "status", "--porcelain")
	if err != nil {
		return 0, err
	}
	if len(status) > 0 && !force {
		return 0, fmt.Errorf("changes are not committed: commit or stash them, or give -force\n%s", bytes.TrimRight(status, "\n"))
	}
	listed, err := git(source, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	if err != nil {
		return 0, err
	}
	files := slices.DeleteFunc(strings.Split(string(listed), "\x00"), func(file string) bool { return file == "" })
	renaming := newRenaming(old, path, files)
	results := map[string][]byte{}
	for _, file := range files {
		text, err := readRegular(filepath.Join(source, file))
		if err != nil {
			return 0, err
		}
		renamed, err := renaming.file(file, text)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", file, err)
		}
		if !bytes.Equal(renamed, text) {
			results[file] = renamed
		}
	}
	for file, text := range results {
		// The file exists: its mode stays.
		if err := os.WriteFile(filepath.Join(source, file), text, 0o600); err != nil {
			return 0, err
		}
	}
	return len(results), nil
}

// readRegular returns nothing for what is no regular file, or gone: git lists links, and files
// that were removed.
func readRegular(file string) ([]byte, error) {
	info, err := os.Lstat(file)
	if errors.Is(err, os.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(file)
}

func git(folder string, arguments ...string) ([]byte, error) {
	command := exec.Command("git", append([]string{"-C", folder}, arguments...)...)
	out, err := command.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil, fmt.Errorf("git %s: %s", arguments[0], bytes.TrimSpace(exit.Stderr))
	}
	return out, err
}
