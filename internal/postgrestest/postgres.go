// Package postgrestest runs a real PostgreSQL for tests: with data and roles of its
// own, on loopback.
package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"

	"vault-plugin-auth-radius/internal/daemontest"
	"vault-plugin-auth-radius/internal/tlstest"
)

// The superuser of every server. Passwords are checked by SCRAM.
const (
	Superuser = "postgres"
	Password  = "super secret/100%" // #nosec G101 -- of a server for tests
)

// restartAttempts is how often a killed server is started. It refuses as long as
// processes of the old one hold on to shared memory.
const restartAttempts = 100

// Postgres is a running PostgreSQL on loopback. Its methods may be called by
// several goroutines; Stop, Restart and Kill by one at a time.
type Postgres struct {
	daemontest.Daemon
	port int
	data string // the cluster's folder
}

// Start makes a database cluster in dir, a folder that nothing else uses, runs
// PostgreSQL on it and returns when it answers. It runs until Stop or until ctx
// ends. PostgreSQL refuses to run as root: then it runs as the user postgres or
// "nobody", and dir and its parent are opened to all users. Settings are as in
// postgresql.conf: "fsync=off" is for tests that do not kill it.
func Start(ctx context.Context, dir string, settings ...string) (*Postgres, error) {
	return StartTLS(ctx, dir, nil, settings...)
}

// TLS holds how a PostgreSQL proves its identity, and how clients prove theirs.
type TLS struct {
	Identity *tlstest.Identity // the server's certificate, and the authority of the clients'

	// ClientCertificates demands that clients show a certificate, whose common name is
	// their user, beside the password.
	ClientCertificates bool
}

// StartTLS is Start with TLS, and nothing else: connections without it are refused.
// Without secured it is the same as Start.
func StartTLS(ctx context.Context, dir string, secured *TLS, settings ...string) (*Postgres, error) {
	server, err := findProgram("postgres")
	if err != nil {
		return nil, err
	}
	runAs, err := daemontest.Unprivileged("PostgreSQL", "postgres", "nobody")
	if err != nil {
		return nil, err
	}
	data, err := daemontest.DataFolder("PostgreSQL", dir, runAs)
	if err != nil {
		return nil, err
	}
	if err := initialize(ctx, filepath.Dir(server), data, runAs); err != nil {
		return nil, err
	}
	if secured != nil {
		tlsSettings, err := secured.write(filepath.Dir(data), runAs)
		if err != nil {
			return nil, err
		}
		settings = append(tlsSettings, settings...)
	}
	return run(ctx, server, data, runAs, settings)
}

// run runs the server on a cluster.
func run(ctx context.Context, server, data string, runAs *syscall.Credential, settings []string) (*Postgres, error) {
	p := &Postgres{data: data, Daemon: daemontest.Daemon{
		Name:    "PostgreSQL",
		Program: server,
		Ready:   []string{"database system is ready to accept"}, // connections, or those that only read
		Ending:  syscall.SIGINT,                                 // SIGTERM would wait for clients
		RunAs:   runAs,
	}}
	var err error
	for range daemontest.PortAttempts {
		if p.port, err = daemontest.FreePort(ctx); err != nil {
			return nil, err
		}
		p.Arguments = []string{
			"-D", data, "-p", strconv.Itoa(p.port),
			"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "logging_collector=off",
		}
		for _, setting := range settings {
			p.Arguments = append(p.Arguments, "-c", setting)
		}
		if err = p.Daemon.Start(ctx); !errors.Is(err, daemontest.ErrPortTaken) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// findProgram finds a program of the newest PostgreSQL there is: Debian keeps them
// off the PATH.
func findProgram(name string) (string, error) {
	installed, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if err != nil {
		return "", err
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
		return n
	}
	slices.SortFunc(installed, func(a, b string) int { return version(b) - version(a) })
	return daemontest.FindProgram("PostgreSQL", "postgresql", append(installed, name))
}

// initialize makes the cluster.
func initialize(ctx context.Context, programs, data string, runAs *syscall.Credential) error {
	password, err := os.CreateTemp(data+"/..", "password")
	if err != nil {
		return fmt.Errorf("PostgreSQL folder: %w", err)
	}
	defer func() { _ = os.Remove(password.Name()) }()
	_, err = password.WriteString(Password)
	if runAs != nil {
		err = errors.Join(err, password.Chown(int(runAs.Uid), int(runAs.Gid)))
	}
	if err := errors.Join(err, password.Close()); err != nil {
		return fmt.Errorf("PostgreSQL password: %w", err)
	}
	command := exec.CommandContext(ctx, filepath.Join(programs, "initdb"), // #nosec G204 -- found beside the server
		"-D", data, "-U", Superuser, "--pwfile", password.Name(), "-A", "scram-sha-256", "-E", "UTF8", "--locale", "C", "--no-sync")
	command.SysProcAttr = &syscall.SysProcAttr{Credential: runAs}
	command.Dir = data
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, output)
	}
	return nil
}

// write writes certificates, and the rules of access, into a folder. It returns
// the settings that name them.
func (t *TLS) write(dir string, runAs *syscall.Credential) (settings []string, err error) {
	demand := ""
	if t.ClientCertificates {
		demand = " clientcert=verify-full"
	}
	access := filepath.Join(dir, "hba.conf")
	err = errors.Join(
		t.Identity.Write(dir, "server"),
		os.WriteFile(access, []byte("hostssl all all all scram-sha-256"+demand+"\n"), 0o600),
	)
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL with TLS: %w", err)
	}
	settings = []string{"ssl=on", "hba_file=" + access}
	for setting, name := range map[string]string{"ssl_cert_file": "server.pem", "ssl_key_file": "server.key", "ssl_ca_file": "ca.pem"} {
		settings = append(settings, setting+"="+filepath.Join(dir, name))
	}
	if runAs == nil {
		return settings, nil
	}
	for _, name := range []string{"hba.conf", "server.pem", "server.key", "ca.pem"} {
		if err := os.Chown(filepath.Join(dir, name), int(runAs.Uid), int(runAs.Gid)); err != nil {
			return nil, fmt.Errorf("PostgreSQL with TLS: %w", err)
		}
	}
	return settings, nil
}

// Host returns the IP address the server listens on.
func (p *Postgres) Host() string { return "127.0.0.1" }

// Port returns the TCP port the server listens on.
func (p *Postgres) Port() int { return p.port }

// URL returns the URL with which the superuser connects to a database; "postgres" is always there.
func (p *Postgres) URL(database string) string { return p.URLOf(Superuser, Password, database) }

// URLOf returns the URL with which a user connects to a database.
func (p *Postgres) URLOf(name, password, database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(name, password),
		Host: net.JoinHostPort(p.Host(), strconv.Itoa(p.port)), Path: "/" + database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Exec runs statements, between semicolons, as the superuser.
func (p *Postgres) Exec(ctx context.Context, database, sql string) error {
	conn, err := pgx.Connect(ctx, p.URL(database))
	if err != nil {
		return err
	}
	_, err = conn.PgConn().Exec(ctx, sql).ReadAll()
	return errors.Join(err, conn.Close(ctx))
}

// Kill ends the server and all of its processes with SIGKILL, as a crash of the
// machine would.
func (p *Postgres) Kill() error {
	processes, err := p.processes()
	if err != nil {
		return err
	}
	// The parent first, or it would clean up after its children.
	if err := signalAll(processes, syscall.SIGKILL); err != nil {
		return err
	}
	var killed *exec.ExitError
	if err := p.Stop(); err != nil && !errors.As(err, &killed) {
		return err
	}
	return nil
}

// Restart stops the server, if it runs, and starts it again on the same port.
func (p *Postgres) Restart() error {
	if err := p.Stop(); err != nil {
		return err
	}
	var err error
	for range restartAttempts {
		if err = p.Daemon.Restart(); err == nil || !strings.Contains(err.Error(), "shared memory block") {
			return err
		}
	}
	return err
}

// Freeze stops the server and its processes where they are, as a machine that hangs:
// connections are still taken, and nothing answers. It returns what lets them go on,
// which is to be called before the server is stopped; twice does no harm.
func (p *Postgres) Freeze() (thaw func() error, err error) {
	processes, err := p.processes()
	if err != nil {
		return nil, err
	}
	if err := signalAll(processes, syscall.SIGSTOP); err != nil {
		return nil, err
	}
	return func() error { return signalAll(processes, syscall.SIGCONT) }, nil
}

// processes returns the server's processes, the parent first.
func (p *Postgres) processes() ([]int, error) {
	parent := p.PID()
	if parent == 0 {
		return nil, nil
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", parent, parent))
	if err != nil {
		return nil, fmt.Errorf("processes of PostgreSQL: %w", err)
	}
	processes := []int{parent}
	for _, field := range strings.Fields(string(children)) {
		child, err := strconv.Atoi(field)
		if err != nil {
			return nil, fmt.Errorf("processes of PostgreSQL: %w", err)
		}
		processes = append(processes, child)
	}
	return processes, nil
}

// signalAll sends a signal to processes; those that have ended do not matter.
func signalAll(processes []int, signal syscall.Signal) error {
	for _, process := range processes {
		if err := syscall.Kill(process, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("processes of PostgreSQL: %w", err)
		}
	}
	return nil
}
