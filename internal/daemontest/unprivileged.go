package daemontest

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Unprivileged returns the first of the users that there is, for a program that does not
// run as root; nil means the user of this process, which is not root.
func Unprivileged(program string, users ...string) (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	for _, name := range users {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(found.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(found.Gid, 10, 32)
		if err := errors.Join(uidErr, gidErr); err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, fmt.Errorf("%s does not run as root, and there is no user %s", program, strings.Join(users, " or "))
}

// DataFolder makes the folder "data" in dir for a program that runs as that user; nil
// means the user of this process.
func DataFolder(program, dir string, runAs *syscall.Credential) (data string, err error) {
	if dir, err = filepath.Abs(dir); err != nil {
		return "", fmt.Errorf("%s folder: %w", program, err)
	}
	data = filepath.Join(dir, "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		return "", fmt.Errorf("%s folder: %w", program, err)
	}
	if runAs == nil {
		return data, nil
	}
	err = errors.Join(
		os.Chown(data, int(runAs.Uid), int(runAs.Gid)),
		os.Chmod(dir, 0o711),               // #nosec G302 -- its user has to get through
		os.Chmod(filepath.Dir(dir), 0o711), // #nosec G302 -- the same
	)
	if err != nil {
		return "", fmt.Errorf("%s folder: %w", program, err)
	}
	return data, nil
}
