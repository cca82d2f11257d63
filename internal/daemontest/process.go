package daemontest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
)

// process is a running program and the goroutine that waits for it.
type process struct {
	program *os.Process
	ending  syscall.Signal // asks it to end
	cancel  context.CancelFunc
	ended   chan struct{} // closed when the program has ended
	err     error         // why it ended; set before ended is closed
}

// start runs the daemon's program until ctx ends.
func (d *Daemon) start(ctx context.Context) (*process, error) {
	ctx, cancel := context.WithCancel(ctx)
	command := exec.CommandContext(ctx, d.Program, d.Arguments...) // #nosec G204 -- found by FindProgram
	var output io.Writer = &d.log
	if d.Output != nil {
		output = io.MultiWriter(output, d.Output)
	}
	command.Stdout, command.Stderr = output, output
	command.Env = append(command.Environ(), d.Environment...)
	ending := cmp.Or(d.Ending, syscall.SIGTERM)
	if d.Kill {
		ending = syscall.SIGKILL
	}
	command.Cancel = func() error { return command.Process.Signal(ending) }
	command.WaitDelay = cmp.Or(d.EndsWithin, stopTimeout)
	command.SysProcAttr = &syscall.SysProcAttr{Credential: d.RunAs}
	if err := command.Start(); err != nil {
		cancel()
		return nil, fmt.Errorf("start %s: %w", d.Program, err)
	}
	p := &process{program: command.Process, ending: ending, cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		p.err = command.Wait()
	}()
	return p, nil
}

// stop ends the program, if it still runs, and waits for it. It returns an error only if
// the program has not ended because of that.
func (p *process) stop() error {
	p.cancel()
	<-p.ended
	var exit *exec.ExitError
	switch {
	case errors.Is(p.err, context.Canceled), errors.Is(p.err, context.DeadlineExceeded):
		return nil
	case errors.As(p.err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == p.ending:
		return nil
	}
	return p.err
}

// crash kills the program, if it still runs, and waits for it.
func (p *process) crash() error {
	defer p.cancel()
	if err := p.program.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-p.ended
	return nil
}

// watchedLog keeps what a program writes and waits for certain texts in it.
type watchedLog struct {
	keep int // octets, the latest; 0: all. Set before the program starts

	mu      sync.Mutex
	text    bytes.Buffer // guarded by mu
	dropped int          // octets that are not kept any more; guarded by mu
	watches []watch      // guarded by mu
}

type watch struct {
	text  []byte
	from  int // where in the log to look, counted from its beginning
	found chan struct{}
}

// watch returns a channel that is closed when text is written after this call.
func (l *watchedLog) watch(text string) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := watch{text: []byte(text), from: l.dropped + l.text.Len(), found: make(chan struct{})}
	l.watches = append(l.watches, w)
	return w.found
}

// Write implements io.Writer.
func (l *watchedLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, err := l.text.Write(b)
	l.watches = slices.DeleteFunc(l.watches, func(w watch) bool {
		found := bytes.Contains(l.text.Bytes()[max(0, w.from-l.dropped):], w.text)
		if found {
			close(w.found)
		}
		return found
	})
	if l.keep > 0 && l.text.Len() > 2*l.keep {
		l.dropped += len(l.text.Next(l.text.Len() - l.keep))
	}
	return n, err
}

// length returns how many octets were written so far.
func (l *watchedLog) length() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dropped + l.text.Len()
}

// since returns what was written after so many octets, and is kept.
func (l *watchedLog) since(length int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text.Bytes()[max(0, length-l.dropped):])
}

// String returns everything that is kept.
func (l *watchedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
