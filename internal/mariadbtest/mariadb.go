// Package mariadbtest runs a real MariaDB for tests: with data and an account of its
// own, on loopback.
package mariadbtest

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
	"syscall"

	"vault-plugin-auth-radius/internal/daemontest"
)

// The account of every server. No other can connect: they are for the Unix socket,
// which there is not.
const (
	Superuser = "root"
	Password  = "super-secret/100" // #nosec G101 -- of a server for tests
)

// setup runs at each start, before the first connection.
const setup = `CREATE OR REPLACE USER '` + Superuser + `'@'127.0.0.1' IDENTIFIED BY '` + Password + `';
GRANT ALL PRIVILEGES ON *.* TO '` + Superuser + `'@'127.0.0.1' WITH GRANT OPTION;
`

// MariaDB is a running MariaDB on loopback. Its methods may be called by several
// goroutines; Stop and Restart by one at a time.
type MariaDB struct {
	daemontest.Daemon
	client string
	port   int
}

// Start makes a data directory in dir, a folder that nothing else uses, runs MariaDB
// on it and returns when it answers. It runs until Stop or until ctx ends, which kill
// it. MariaDB does not run as root by default: then it runs as the user mysql or
// "nobody", and dir and its parent are opened for it. There is no InnoDB, which would
// take seconds to make its files.
func Start(ctx context.Context, dir string) (*MariaDB, error) {
	server, err := daemontest.FindProgram("MariaDB", "mariadb-server-core", []string{"mariadbd", "/usr/sbin/mariadbd"})
	if err != nil {
		return nil, err
	}
	client, err := daemontest.FindProgram("MariaDB's client", "mariadb-client-core", []string{"mariadb"})
	if err != nil {
		return nil, err
	}
	runAs, err := daemontest.Unprivileged("MariaDB", "mysql", "nobody")
	if err != nil {
		return nil, err
	}
	data, err := prepare(dir, runAs)
	if err != nil {
		return nil, err
	}
	if err := initialize(ctx, data, runAs); err != nil {
		return nil, err
	}
	m := &MariaDB{client: client, Daemon: daemontest.Daemon{
		Name:    "MariaDB",
		Program: server,
		Ready:   []string{"ready for connections"},
		Kill:    true, // it recovers at a restart
		RunAs:   runAs,
	}}
	for range daemontest.PortAttempts {
		if m.port, err = daemontest.FreePort(ctx); err != nil {
			return nil, err
		}
		m.Arguments = []string{
			"--no-defaults", "--datadir=" + data, "--tmpdir=" + data, "--pid-file=" + filepath.Join(data, "pid"),
			"--skip-innodb", "--default-storage-engine=Aria", "--init-file=" + filepath.Join(data, "setup.sql"),
			"--bind-address=127.0.0.1", "--port=" + strconv.Itoa(m.port), "--socket=", "--skip-name-resolve",
		}
		if err = m.Daemon.Start(ctx); !errors.Is(err, daemontest.ErrPortTaken) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}

// prepare makes the folder for the data, with the statements of setup.
func prepare(dir string, runAs *syscall.Credential) (data string, err error) {
	if data, err = daemontest.DataFolder("MariaDB", dir, runAs); err != nil {
		return "", err
	}
	statements := filepath.Join(data, "setup.sql")
	err = os.WriteFile(statements, []byte(setup), 0o600)
	if err == nil && runAs != nil {
		err = os.Chown(statements, int(runAs.Uid), int(runAs.Gid))
	}
	if err != nil {
		return "", fmt.Errorf("MariaDB setup: %w", err)
	}
	return data, nil
}

// initialize makes the system tables. Like the server it has a temporary folder of its
// own: a MariaDB that starts empties the one it has.
func initialize(ctx context.Context, data string, runAs *syscall.Credential) error {
	program, err := daemontest.FindProgram("MariaDB", "mariadb-server-core", []string{"mariadb-install-db"})
	if err != nil {
		return err
	}
	command := exec.CommandContext(ctx, program, // #nosec G204 -- found by FindProgram
		"--no-defaults", "--datadir="+data, "--tmpdir="+data, "--skip-test-db", "--skip-name-resolve",
		"--skip-innodb", "--default-storage-engine=Aria")
	command.SysProcAttr = &syscall.SysProcAttr{Credential: runAs}
	command.Dir = data
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("mariadb-install-db: %w: %s", err, output)
	}
	return nil
}

// Host returns the IP address the server listens on.
func (m *MariaDB) Host() string { return "127.0.0.1" }

// Port returns the TCP port the server listens on.
func (m *MariaDB) Port() int { return m.port }

// Exec runs statements, between semicolons, as the superuser; database may be "".
func (m *MariaDB) Exec(ctx context.Context, database, sql string) error {
	_, err := m.Query(ctx, database, sql)
	return err
}

// Query runs statements as Exec does and returns their rows, with a tab between
// columns.
func (m *MariaDB) Query(ctx context.Context, database, sql string) ([]string, error) {
	command := exec.CommandContext(ctx, m.client, // #nosec G204 -- found by FindProgram
		"--no-defaults", "--protocol=tcp", "--host="+m.Host(), "--port="+strconv.Itoa(m.port), "--user="+Superuser,
		"--default-character-set=utf8mb4", "--batch", "--skip-column-names", database)
	command.Env = append(os.Environ(), "MYSQL_PWD="+Password)
	command.Stdin = strings.NewReader(sql)
	var out, failure bytes.Buffer
	command.Stdout, command.Stderr = &out, &failure
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("mariadb: %w: %s", err, failure.String())
	}
	if out.Len() == 0 {
		return nil, nil
	}
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n"), nil
}
