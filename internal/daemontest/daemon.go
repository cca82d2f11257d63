// Package daemontest runs server programs for tests: FreeRADIUS, slapd and others,
// with a configuration of their own, on loopback.
package daemontest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

const (
	// startTimeout and stopTimeout are how long a server may take to be ready, and
	// to end before it is killed. Both take a tenth of a second on an idle machine:
	// the limits only end what hangs.
	startTimeout = 2 * time.Minute
	stopTimeout  = time.Minute

	// PortAttempts is how many ports are tried: a program that is no test may take
	// one before the server binds it.
	PortAttempts = 5
)

// ErrPortTaken means that another program has the port.
var ErrPortTaken = errors.New("the port is in use")

// Daemon is a server program that can be started again after it was stopped. Its
// methods may be called by several goroutines; Start, Stop and Restart by one at
// a time.
type Daemon struct {
	Name      string // in errors
	Program   string
	Arguments []string
	Ready     []string            // what it logs, in any order, until it is ready
	Kill      bool                // it does not end as long as it is at work
	Accepts   string              // a TCP address that takes connections then; empty: none
	Ending    syscall.Signal      // asks it to end; 0: SIGTERM
	RunAs     *syscall.Credential // nil: as this process

	Environment []string  // variables, as in "NAME=value", beside those of this process
	Output      io.Writer // is written what the program logs, as well; nil: nothing is

	// Keep is how many octets of the log are kept at least, the latest, of a server that logs for days;
	// 0: all of it.
	Keep int

	EndsWithin time.Duration // of being asked to, or it is killed; 0: a minute

	log     watchedLog
	ctx     context.Context // ends the program
	process *process        // nil while it is stopped
}

// Log returns everything the server has logged, over restarts, or what Keep has kept of it.
func (d *Daemon) Log() string { return d.log.String() }

// Stop ends the server and waits for it. Stopping it again does nothing.
func (d *Daemon) Stop() error {
	if d.process == nil {
		return nil
	}
	err := d.process.stop()
	d.process = nil
	return err
}

// Crash ends the server at once with SIGKILL, as the system does when memory is short,
// and waits for it.
func (d *Daemon) Crash() error {
	if d.process == nil {
		return nil
	}
	err := d.process.crash()
	d.process = nil
	return err
}

// PID returns the process id of the running server; 0 while it is stopped.
func (d *Daemon) PID() int {
	if d.process == nil {
		return 0
	}
	return d.process.program.Pid
}

// Restart stops the server, if it runs, and starts it again on the same ports.
func (d *Daemon) Restart() error {
	if err := d.Stop(); err != nil {
		return err
	}
	return d.Start(d.ctx)
}

// Start runs the server and waits until it is ready. It runs until Stop or until
// ctx ends. An ErrPortTaken means that it could not have its port.
func (d *Daemon) Start(ctx context.Context) error {
	d.ctx, d.log.keep = ctx, d.Keep
	signs := make([]<-chan struct{}, 0, len(d.Ready))
	for _, text := range d.Ready {
		signs = append(signs, d.log.watch(text))
	}
	logged := d.log.length()
	p, err := d.start(d.ctx)
	if err != nil {
		return err
	}
	if err := d.await(p, signs); err != nil {
		log := d.log.since(logged)
		if strings.Contains(strings.ToLower(log), "address already in use") {
			err = ErrPortTaken
		}
		return fmt.Errorf("start %s: %w; its log:\n%s", d.Name, err, log)
	}
	d.process = p
	return nil
}

// await returns when the process has given all signs and takes connections; one
// that does not is ended.
func (d *Daemon) await(p *process, signs []<-chan struct{}) error {
	timer := time.NewTimer(startTimeout)
	defer timer.Stop()
	if d.Accepts != "" {
		ctx, cancel := context.WithCancel(d.ctx)
		defer cancel()
		signs = append(signs, connects(ctx, d.Accepts))
	}
	for _, sign := range signs {
		reason := errors.New("it ended")
		select {
		case <-sign:
			continue
		case <-p.ended:
		case <-timer.C:
			reason = fmt.Errorf("not ready after %s", startTimeout)
		}
		if err := errors.Join(d.ctx.Err(), p.stop()); err != nil {
			reason = err
		}
		return reason
	}
	return nil
}

// connects returns a channel that is closed when a TCP connection was made. It
// tries until ctx ends.
func connects(ctx context.Context, address string) <-chan struct{} {
	connected := make(chan struct{})
	go func() {
		ticker := time.NewTicker(10 * time.Millisecond)
		defer ticker.Stop()
		for ctx.Err() == nil {
			if conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address); err == nil {
				_ = conn.Close()
				close(connected)
				return
			}
			select {
			case <-ticker.C:
			case <-ctx.Done():
			}
		}
	}()
	return connected
}

// FindProgram returns the path of the first program there is. The error names the
// Debian package to install.
func FindProgram(name, debianPackage string, programs []string) (string, error) {
	for _, program := range programs {
		if path, err := exec.LookPath(program); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed: on Debian, install the package %s", name, debianPackage)
}
