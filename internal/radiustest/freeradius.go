package radiustest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	// startTimeout is how long FreeRADIUS may take to be ready. It takes a
	// tenth of a second on an idle machine.
	startTimeout = 30 * time.Second

	// portAttempts is how many ports are tried: one that was free may be taken
	// by the time FreeRADIUS binds it.
	portAttempts = 5
)

// freeRADIUSPrograms are the names of the server program. A user's PATH may not
// lead to where packages install it.
var freeRADIUSPrograms = []string{
	"freeradius", "radiusd",
	"/usr/sbin/freeradius", "/usr/sbin/radiusd",
	"/usr/local/sbin/freeradius", "/usr/local/sbin/radiusd",
}

// errPortTaken means that somebody else has the port.
var errPortTaken = errors.New("the port is in use")

// FreeRADIUSOptions say how a FreeRADIUS behaves.
type FreeRADIUSOptions struct {
	Secret string            // shared secret; no quotes, backslashes or dollar signs
	Users  map[string]string // User-Name to password: any octets but NUL

	// Codes are one-time codes by User-Name, asked for after the password (PAP)
	// with an Access-Challenge.
	Codes map[string]string

	// SignAnswers puts Message-Authenticator first in every answer. FreeRADIUS
	// 3.2.1 sends none otherwise.
	SignAnswers bool

	// RequireMessageAuthenticator drops requests without Message-Authenticator.
	RequireMessageAuthenticator bool

	// ReplyAttributes are reply items of the Access-Accept by User-Name, in the
	// syntax of the users file: `Class := 0x61646d`. An attribute that
	// FreeRADIUS does not know goes missing; Log says so.
	ReplyAttributes map[string][]string
}

// FreeRADIUS is a running FreeRADIUS 3.2 on loopback. Its methods may be called
// by several goroutines; Stop and SetUsers by one at a time.
type FreeRADIUS struct {
	options FreeRADIUSOptions
	program string
	dir     string
	port    int
	log     *watchedLog

	ctx     context.Context // ends the server; that of StartFreeRADIUS
	process *process        // nil once stopped
}

// StartFreeRADIUS runs FreeRADIUS with a configuration of its own in dir, a
// folder that nothing else uses, and returns when it answers. It runs until Stop
// or until ctx ends.
func StartFreeRADIUS(ctx context.Context, dir string, o FreeRADIUSOptions) (*FreeRADIUS, error) {
	program, err := findFreeRADIUS(freeRADIUSPrograms)
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, fmt.Errorf("FreeRADIUS folder: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("FreeRADIUS folder: %w", err)
	}
	f := &FreeRADIUS{options: o, program: program, dir: dir, log: &watchedLog{}, ctx: ctx}
	for range portAttempts {
		if f.port, err = freePort(); err != nil {
			return nil, err
		}
		if err = f.write(o); err != nil {
			return nil, err
		}
		if err = f.start(); !errors.Is(err, errPortTaken) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Host is the IP address the server listens on.
func (f *FreeRADIUS) Host() string { return "127.0.0.1" }

// Port is the UDP port the server listens on.
func (f *FreeRADIUS) Port() int { return f.port }

// Log is everything the server has logged, over restarts.
func (f *FreeRADIUS) Log() string { return f.log.String() }

// SetUsers replaces the users. The server restarts on the same port and is
// ready when SetUsers returns; users that cannot be written change nothing.
func (f *FreeRADIUS) SetUsers(users map[string]string) error {
	changed := f.options
	changed.Users = users
	if err := f.write(changed); err != nil {
		return err
	}
	f.options = changed
	if err := f.Stop(); err != nil {
		return err
	}
	return f.start()
}

// Stop ends the server and waits for it. Stopping it again does nothing.
func (f *FreeRADIUS) Stop() error {
	if f.process == nil {
		return nil
	}
	err := f.process.stop()
	f.process = nil
	return err
}

// write writes the files that the server reads when it starts.
func (f *FreeRADIUS) write(o FreeRADIUSOptions) error {
	settings := freeRADIUSSettings{FreeRADIUSOptions: o, UsersFile: filepath.Join(f.dir, "users"), Port: f.port}
	config, err := settings.config()
	if err != nil {
		return err
	}
	users, err := usersFile(o.Users, o.Codes, o.ReplyAttributes)
	if err != nil {
		return err
	}
	if err := os.WriteFile(settings.UsersFile, []byte(users), 0o600); err != nil {
		return fmt.Errorf("FreeRADIUS users: %w", err)
	}
	if err := os.WriteFile(filepath.Join(f.dir, "radiusd.conf"), []byte(config), 0o600); err != nil {
		return fmt.Errorf("FreeRADIUS configuration: %w", err)
	}
	return nil
}

// start runs the server and waits until it is ready.
func (f *FreeRADIUS) start() error {
	ready := f.log.watch("Ready to process requests")
	logged := len(f.Log())
	p, err := startProcess(f.ctx, f.log, f.program, "-f", "-d", f.dir, "-n", "radiusd", "-l", "stdout")
	if err != nil {
		return err
	}
	if err := f.await(p, ready); err != nil {
		log := f.Log()[logged:]
		if strings.Contains(log, "Address already in use") {
			err = errPortTaken
		}
		return fmt.Errorf("start FreeRADIUS on port %d: %w; its log:\n%s", f.port, err, log)
	}
	f.process = p
	return nil
}

// await returns when the process is ready; one that does not become ready is
// ended.
func (f *FreeRADIUS) await(p *process, ready <-chan struct{}) error {
	timer := time.NewTimer(startTimeout)
	defer timer.Stop()
	reason := errors.New("it ended")
	select {
	case <-ready:
		return nil
	case <-p.ended:
	case <-timer.C:
		reason = fmt.Errorf("not ready after %s", startTimeout)
	}
	if err := errors.Join(f.ctx.Err(), p.stop()); err != nil {
		reason = err
	}
	return reason
}

// findFreeRADIUS returns the path of the first program there is.
func findFreeRADIUS(names []string) (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("FreeRADIUS is not installed: on Debian, install the package freeradius")
}

// freePort returns a UDP port of 127.0.0.1 that is free at this moment.
func freePort() (int, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return 0, fmt.Errorf("find a free UDP port: %w", err)
	}
	port := conn.LocalAddr().(*net.UDPAddr).Port
	return port, conn.Close()
}
