package postgrestest

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"syscall"

	"vault-plugin-auth-radius/internal/daemontest"
)

// StartReplica makes a copy of a running primary in dir, which receives what the primary
// writes, and runs it until Stop or until ctx ends. It only reads until Promote.
func StartReplica(ctx context.Context, dir string, primary *Postgres, settings ...string) (*Postgres, error) {
	runAs, err := daemontest.Unprivileged("PostgreSQL", "postgres", "nobody")
	if err != nil {
		return nil, err
	}
	data, err := daemontest.DataFolder("PostgreSQL", dir, runAs)
	if err != nil {
		return nil, err
	}
	program := filepath.Join(filepath.Dir(primary.Program), "pg_basebackup")
	command := exec.CommandContext(ctx, program, // #nosec G204 -- found beside the server
		"-D", data, "-d", primary.URL("postgres"), "--checkpoint=fast", "--write-recovery-conf", "--no-sync")
	command.SysProcAttr = &syscall.SysProcAttr{Credential: runAs}
	command.Dir = data
	if output, err := command.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("pg_basebackup: %w: %s", err, output)
	}
	return run(ctx, primary.Program, data, runAs, settings)
}

// Promote makes a replica a primary, and returns when it writes.
func (p *Postgres) Promote(ctx context.Context) error {
	program := filepath.Join(filepath.Dir(p.Program), "pg_ctl")
	command := exec.CommandContext(ctx, program, "promote", "-w", "-D", p.data) // #nosec G204 -- found beside the server
	command.SysProcAttr = &syscall.SysProcAttr{Credential: p.RunAs}
	command.Dir = p.data
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("pg_ctl promote: %w: %s", err, output)
	}
	return nil
}
