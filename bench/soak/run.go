// Package soak keeps a Vault with the plugin at work for hours, with all that it does, and tells what has
// grown or become slower: go run ./bench -soak 1h.
//
// The load is steady and modest, some hundred requests a second: logins of all kinds, renewals, revocations,
// FreeRADIUS's requests, batches, writes of everything that can be configured, and reads. One of the RADIUS
// servers is stopped and started again all the time; another one forges answers. All names are of bounded
// sets, and what is stored has an end, so that what grows is a leak.
package soak

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// pluginFile is the plugin that is tried, which make build builds.
const pluginFile = "bin/" + pluginName

// vaultScript prints the path of a Vault or OpenBao.
const vaultScript = "scripts/vault.sh"

// Run soaks the plugin for a time and writes what it has seen. It returns an error if a request was lost that
// no absence of its server explains, or if the end is beyond the limits. It is run in the root of the
// repository. All that it starts has ended when it returns.
func Run(ctx context.Context, length time.Duration, out io.Writer) error {
	plan, err := NewPlan(length)
	if err != nil {
		return err
	}
	program, err := findVault(ctx)
	if err != nil {
		return err
	}
	folder, err := makeFolder()
	if err != nil {
		return err
	}
	err = runIn(ctx, plan, folder, program, out)
	return errors.Join(err, os.RemoveAll(folder))
}

// findVault returns the Vault to run on.
func findVault(ctx context.Context) (string, error) {
	command := exec.CommandContext(ctx, "./"+vaultScript)
	command.Stderr = os.Stderr
	path, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("%s, which is run in the root of the repository: %w", vaultScript, err)
	}
	// What is left of these would be for the user's own Vault.
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, "VAULT_") || strings.HasPrefix(name, "BAO_") {
			if err := os.Unsetenv(name); err != nil {
				return "", err
			}
		}
	}
	return strings.TrimSpace(string(path)), nil
}

// makeFolder makes the folder of a run. Vault refuses plugins behind a symbolic link.
func makeFolder() (string, error) {
	folder, err := os.MkdirTemp("", "radius-soak-")
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(folder)
}

// runIn is Run with a folder.
func runIn(ctx context.Context, plan Plan, folder, program string, out io.Writer) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := func(server func() error) {
		if problem := server(); problem != nil && ctx.Err() == nil {
			err = errors.Join(err, problem)
		}
	}
	s, err := startServers(ctx, folder, plan.Length)
	if err != nil {
		return err
	}
	defer stop(s.stop)
	v, err := startVault(ctx, folder, program, pluginFile)
	if err != nil {
		return err
	}
	defer stop(v.stop)
	if err := setUp(ctx, v, s); err != nil {
		return err
	}
	r := soak(ctx, plan, v, s)
	r.print(out)
	if r.interrupted {
		return errors.New("interrupted: the run did not reach its end")
	}
	if problems := r.problems(); len(problems) > 0 {
		return fmt.Errorf("%s\nthe end of Vault's log:\n%s", strings.Join(problems, "\n"), tail(v.server.Log(), 40))
	}
	return nil
}

// soak keeps the load up as long as the plan says.
func soak(ctx context.Context, plan Plan, v *vault, s *servers) report {
	started := time.Now()
	running, cancel := context.WithDeadline(ctx, started.Add(plan.Length))
	defer cancel()
	away := &outages{}
	l := &load{vault: v, servers: s, tally: newTally(plan, started, away), running: running, ctx: ctx}
	l.start(tasks())
	w := &watch{load: l}
	l.senders.Go(w.run)
	if err := s.restart(running, plan, away); err != nil {
		l.tally.note(err)
	}
	l.senders.Wait()
	w.sample() // what the last packets of the run were
	return report{
		plan: plan, result: l.tally.result(), samples: w.samples,
		outages: away.count(restartedServer), forged: s.forged.Load(), dropped: w.dropped, interrupted: ctx.Err() != nil,
	}
}

// tail returns the last lines of a text.
func tail(text string, count int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-count):], "\n")
}
