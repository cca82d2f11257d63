package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// source is the clone that a release is made of.
type source struct {
	folder   string
	module   string // path of the main module
	commit   string
	time     time.Time // of everything in the release
	warnings []string  // why others may not be able to make the same release
}

// readSource describes the clone in the folder, for a release of the version. The time is that
// of SOURCE_DATE_EPOCH, or of the commit.
func readSource(ctx context.Context, folder, version, epoch string) (*source, error) {
	s := &source{folder: folder}
	var err error
	if s.module, err = output(ctx, folder, nil, "go", "list", "-m"); err != nil {
		return nil, err
	}
	if s.commit, err = s.git(ctx, "rev-parse", "HEAD"); err != nil {
		return nil, fmt.Errorf("a release is made of a clone with git: %w", err)
	}
	if epoch == "" {
		if epoch, err = s.git(ctx, "show", "-s", "--format=%ct", "HEAD"); err != nil {
			return nil, err
		}
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil || seconds < 0 {
		return nil, fmt.Errorf("SOURCE_DATE_EPOCH is %q: give seconds since 1970", epoch)
	}
	s.time = time.Unix(seconds, 0).UTC()
	s.warnings, err = s.differences(ctx, version)
	return s, err
}

// differences returns how the folder differs from what is tagged with the version.
func (s *source) differences(ctx context.Context, version string) ([]string, error) {
	var all []string
	changes, err := s.git(ctx, "status", "--porcelain")
	if err != nil {
		return nil, err
	}
	if changes != "" {
		all = append(all, "the clone has changes that are not committed: what is released is in no commit")
	}
	tagged, err := s.git(ctx, "rev-parse", "--verify", "--quiet", "refs/tags/"+version+"^{commit}")
	switch exit := (*exec.ExitError)(nil); {
	case errors.As(err, &exit):
		all = append(all, "no tag "+version+" in this clone")
	case err != nil:
		return nil, err
	case tagged != s.commit:
		all = append(all, fmt.Sprintf("the tag %s is at %s, and this is %s", version, tagged, s.commit))
	}
	return all, nil
}

// files returns the committed files under paths of the repository, by their paths, in order.
func (s *source) files(ctx context.Context, paths ...string) ([]string, error) {
	list, err := s.git(ctx, append([]string{"ls-files", "-z", "--"}, paths...)...)
	if err != nil {
		return nil, err
	}
	return strings.FieldsFunc(list, func(r rune) bool { return r == 0 }), nil
}

func (s *source) read(path string) ([]byte, error) {
	return os.ReadFile(filepath.Join(s.folder, filepath.FromSlash(path))) // #nosec G304 -- a file of the clone
}

func (s *source) git(ctx context.Context, arguments ...string) (string, error) {
	return output(ctx, s.folder, nil, "git", arguments...)
}

// output runs a program in a folder, with the environment or else that of this process, and returns
// what it prints, without the end of the last line.
func output(ctx context.Context, folder string, environment []string, name string, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, name, arguments...) // #nosec G204 -- git, go and the programs that sign
	command.Dir, command.Env = folder, environment
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", name, strings.Join(arguments, " "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSuffix(stdout.String(), "\n"), nil
}
