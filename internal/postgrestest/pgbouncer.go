package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"vault-plugin-auth-radius/internal/daemontest"
)

// PgBouncer is a running PgBouncer on loopback, which lends connections to a PostgreSQL
// for a transaction each.
type PgBouncer struct {
	daemontest.Daemon
	port int
}

// StartPgBouncer runs a PgBouncer with its files in dir, a folder that nothing else uses,
// before a server. Settings are lines of its section [pgbouncer].
func StartPgBouncer(ctx context.Context, dir string, server *Postgres, settings ...string) (*PgBouncer, error) {
	program, err := daemontest.FindProgram("PgBouncer", "pgbouncer", []string{"pgbouncer", "/usr/sbin/pgbouncer"})
	if err != nil {
		return nil, err
	}
	runAs, err := daemontest.Unprivileged("PgBouncer", "postgres", "nobody")
	if err != nil {
		return nil, err
	}
	folder, err := daemontest.DataFolder("PgBouncer", dir, runAs)
	if err != nil {
		return nil, err
	}
	b := &PgBouncer{Daemon: daemontest.Daemon{
		Name:    "PgBouncer",
		Program: program,
		Ready:   []string{"process up"},
		Kill:    true, // it waits for clients, or fails
		RunAs:   runAs,
	}}
	config, users := filepath.Join(folder, "pgbouncer.ini"), filepath.Join(folder, "users.txt")
	b.Arguments = []string{config}
	for range daemontest.PortAttempts {
		if b.port, err = daemontest.FreePort(ctx); err != nil {
			return nil, err
		}
		text := fmt.Sprintf("[databases]\n* = host=%s port=%d\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\n"+
			"unix_socket_dir =\nauth_type = plain\nauth_file = %s\npool_mode = transaction\n", server.Host(), server.port, b.port, users)
		for _, setting := range settings {
			text += setting + "\n"
		}
		err = errors.Join(
			writeFile(config, text, runAs),
			writeFile(users, fmt.Sprintf("%q %q\n", Superuser, Password), runAs),
		)
		if err != nil {
			return nil, err
		}
		if err = b.Start(ctx); !errors.Is(err, daemontest.ErrPortTaken) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	return b, nil
}

// URL returns the URL with which the superuser connects to a database.
func (b *PgBouncer) URL(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(Superuser, Password),
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(b.port)), Path: "/" + database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// writeFile writes a file that a user may read; nil means the user of this process.
func writeFile(path, text string, runAs *syscall.Credential) error {
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil || runAs == nil {
		return err
	}
	return os.Chown(path, int(runAs.Uid), int(runAs.Gid))
}
