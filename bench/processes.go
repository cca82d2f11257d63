package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// do has a fresh client process do a task at a fresh stub server. If wrapper is
// given, that program runs the client: its name and arguments.
func do(ctx context.Context, t task, wrapper ...string) (result, error) {
	server, err := startStub(ctx, anyAddress)
	if err != nil {
		return result{}, fmt.Errorf("starting the stub server: %w", err)
	}
	t.server = server.address
	r, err := runTask(ctx, t, wrapper)
	if err := errors.Join(err, server.stop()); err != nil {
		return result{}, fmt.Errorf("%s with %d in flight: %w", t.client, t.inFlight, err)
	}
	r.StubTime = processorTime(server.process)
	return r, nil
}

func runTask(ctx context.Context, t task, wrapper []string) (result, error) {
	process, err := self(ctx, wrapper, t.args()...)
	if err != nil {
		return result{}, err
	}
	var stdout bytes.Buffer
	process.Stdout = &stdout
	if err := process.Run(); err != nil {
		return result{}, err
	}
	var r result
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		return result{}, err
	}
	r.ClientTime = processorTime(process)
	return r, nil
}

// stub is a running stub server.
type stub struct {
	address netip.AddrPort
	process *exec.Cmd
	stdin   io.Closer // ends it
}

// anyAddress is a free port on loopback.
const anyAddress = "127.0.0.1:0"

func startStub(ctx context.Context, address string) (*stub, error) {
	process, err := self(ctx, nil, stubPart, address)
	if err != nil {
		return nil, err
	}
	stdin, err := process.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := process.Start(); err != nil {
		return nil, err
	}
	s := &stub{process: process, stdin: stdin}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err == nil {
		s.address, err = netip.ParseAddrPort(strings.TrimSpace(line))
	}
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

// stop ends the server and waits for it.
func (s *stub) stop() error {
	return errors.Join(s.stdin.Close(), s.process.Wait())
}

// self prepares to run this program again.
func self(ctx context.Context, wrapper []string, args ...string) (*exec.Cmd, error) {
	executable, err := os.Executable()
	if err != nil {
		return nil, err
	}
	line := slices.Concat(wrapper, []string{executable}, args)
	process := exec.CommandContext(ctx, line[0], line[1:]...) // #nosec G204 -- this program itself, or strace with it
	process.Stderr = os.Stderr
	return process, nil
}

// processorTime returns what a process that has ended used, its start included.
func processorTime(process *exec.Cmd) time.Duration {
	return process.ProcessState.UserTime() + process.ProcessState.SystemTime()
}
