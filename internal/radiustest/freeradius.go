package radiustest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"vault-plugin-auth-radius/internal/daemontest"
	"vault-plugin-auth-radius/internal/tlstest"
)

// MaxHold is how long FreeRADIUS can hold an answer back.
const MaxHold = 90 * time.Second

// freeRADIUSPrograms are the names of the server program. A user's PATH may not
// lead to where packages install it.
var freeRADIUSPrograms = []string{
	"freeradius", "radiusd",
	"/usr/sbin/freeradius", "/usr/sbin/radiusd",
	"/usr/local/sbin/freeradius", "/usr/local/sbin/radiusd",
}

// FreeRADIUSOptions say how a FreeRADIUS behaves.
type FreeRADIUSOptions struct {
	Secret string            // shared secret; no quotes, backslashes or dollar signs
	Users  map[string]string // User-Name to password: any octets but NUL

	// Codes are one-time codes by User-Name, asked for after the password (PAP)
	// with an Access-Challenge.
	Codes map[string]string

	// LDAP and SQL, if set, have users beside those of Users.
	LDAP *FreeRADIUSLDAP
	SQL  *FreeRADIUSSQL

	// SignAnswers puts Message-Authenticator first in every answer. FreeRADIUS
	// 3.2.1 sends none otherwise.
	SignAnswers bool

	// RequireMessageAuthenticator drops requests without Message-Authenticator.
	RequireMessageAuthenticator bool

	// IgnoreStatusServer leaves Status-Server unanswered, as some servers do.
	IgnoreStatusServer bool

	// Holds are how long answers are held back, by User-Name, whatever they are;
	// no longer than MaxHold. Each keeps one of 32 threads busy, and Stop cuts them
	// short: it kills such a server.
	Holds map[string]time.Duration

	// KeepLog is how many octets of the log are kept at least; 0: all.
	KeepLog int

	// Port is where to listen for UDP. Zero means any free port here and below:
	// set that of a server that was stopped to start another in its place.
	Port int

	// TCP listens for RADIUS over TCP too (RFC 6613), at TCPPort.
	TCP     bool
	TCPPort int

	// TLS, if set, listens for RADIUS over TLS too (RFC 6614), at TLSPort. The
	// shared secret is "radsec" there.
	TLS     *tlstest.Identity
	TLSPort int

	// ReplyAttributes are reply items of the Access-Accept by User-Name, in the
	// syntax of the users file: `Class := 0x61646d`. An attribute that
	// FreeRADIUS does not know goes missing; Log says so.
	ReplyAttributes map[string][]string
}

// FreeRADIUS is a running FreeRADIUS 3.2 on loopback. Its methods may be called
// by several goroutines; Stop, Restart and SetUsers by one at a time.
type FreeRADIUS struct {
	daemontest.Daemon
	options FreeRADIUSOptions
	dir     string
}

// StartFreeRADIUS runs FreeRADIUS with a configuration of its own in dir, a
// folder that nothing else uses, and returns when it answers. It runs until Stop
// or until ctx ends.
func StartFreeRADIUS(ctx context.Context, dir string, o FreeRADIUSOptions) (*FreeRADIUS, error) {
	program, err := daemontest.FindProgram("FreeRADIUS", "freeradius", freeRADIUSPrograms)
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, fmt.Errorf("FreeRADIUS folder: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("FreeRADIUS folder: %w", err)
	}
	f := &FreeRADIUS{dir: dir, Daemon: daemontest.Daemon{
		Name:      "FreeRADIUS",
		Program:   program,
		Arguments: []string{"-f", "-d", dir, "-n", "radiusd", "-l", "stdout"},
		Ready:     []string{"Ready to process requests"},
		Kill:      len(o.Holds) > 0,
		Keep:      o.KeepLog,
	}}
	for range daemontest.PortAttempts {
		if f.options, err = o.withPorts(ctx); err != nil {
			return nil, err
		}
		if err = f.write(f.options); err != nil {
			return nil, err
		}
		if err = f.Start(ctx); !errors.Is(err, daemontest.ErrPortTaken) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

// withPorts chooses the ports that are not given.
func (o FreeRADIUSOptions) withPorts(ctx context.Context) (FreeRADIUSOptions, error) {
	var err error
	if o.Port == 0 {
		o.Port, err = daemontest.FreePort(ctx)
	}
	if o.TCP && o.TCPPort == 0 && err == nil {
		o.TCPPort, err = daemontest.FreePort(ctx)
	}
	if o.TLS != nil && o.TLSPort == 0 && err == nil {
		o.TLSPort, err = daemontest.FreePort(ctx)
	}
	return o, err
}

// Host returns the IP address the server listens on.
func (f *FreeRADIUS) Host() string { return "127.0.0.1" }

// Port returns the UDP port the server listens on.
func (f *FreeRADIUS) Port() int { return f.options.Port }

// TCPPort returns the port for RADIUS over TCP, if the server listens for it.
func (f *FreeRADIUS) TCPPort() int { return f.options.TCPPort }

// TLSPort returns the port for RADIUS over TLS, if the server listens for it.
func (f *FreeRADIUS) TLSPort() int { return f.options.TLSPort }

// SetUsers replaces the users. The server restarts on the same port and is
// ready when SetUsers returns; users that cannot be written change nothing.
func (f *FreeRADIUS) SetUsers(users map[string]string) error {
	changed := f.options
	changed.Users = users
	if err := f.write(changed); err != nil {
		return err
	}
	f.options = changed
	return f.Restart()
}

// write writes the files that the server reads when it starts.
func (f *FreeRADIUS) write(o FreeRADIUSOptions) error {
	settings := freeRADIUSSettings{FreeRADIUSOptions: o, Dir: f.dir}
	config, err := settings.config()
	if err != nil {
		return err
	}
	users, err := o.usersFile()
	if err != nil {
		return err
	}
	if err := o.TLS.Write(f.dir, "server"); err != nil {
		return err
	}
	for name, text := range map[string]string{"users": users, "radiusd.conf": config} {
		if err := os.WriteFile(filepath.Join(f.dir, name), []byte(text), 0o600); err != nil {
			return fmt.Errorf("FreeRADIUS configuration: %w", err)
		}
	}
	return nil
}
