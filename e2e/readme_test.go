package e2e

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The README begins with a session. Here its commands run, and print what it shows, but for
// what is new each time: tokens, addresses, durations.
func TestREADMEShowsARealSession(t *testing.T) {
	t.Parallel()
	session := readmeSession(t)
	require.Greater(t, len(session), 2)
	require.Equal(t, "make dev", session[0].command)

	output := startDev(t)
	replace := compareOutput(t, session[0], output)
	environment := append(os.Environ(), "HOME="+t.TempDir())
	for _, line := range output {
		if variables, found := strings.CutPrefix(strings.TrimSpace(line), "export "); found && strings.Contains(variables, "VAULT_ADDR=") {
			environment = append(environment, strings.Fields(variables)...)
		}
	}
	environment = append(environment, "PATH="+vaultOnPath(t))
	for _, step := range session[1:] {
		// The README names what an earlier step has printed there.
		for shown, printed := range replace {
			step.command = strings.ReplaceAll(step.command, shown, printed)
		}
		ctx, cancel := context.WithTimeout(t.Context(), readyWithin)
		command := exec.CommandContext(ctx, "bash", "-c", step.command)
		command.Env = environment
		printed, err := command.CombinedOutput()
		cancel()
		if err != nil && !strings.Contains(string(printed), "Errors:") {
			t.Fatalf("%s: %v\n%s", step.command, err, printed)
		}
		replace = compareOutput(t, step, strings.Split(string(printed), "\n"))
	}

	mount := exec.CommandContext(t.Context(), vaultBinary(t), "read", "-field=type", "sys/auth/radius")
	mount.Env = environment
	kind, err := mount.Output()
	require.NoError(t, err)
	require.Equal(t, "radius", string(kind), "the name that the install gives the plugin")
}

// sessionStep is a command, and the lines that it prints.
type sessionStep struct {
	command string
	output  []string
}

// readmeSession returns the commands of the README's first section, with what they are said to print.
func readmeSession(t *testing.T) []sessionStep {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	section := strings.Split(string(text), "\n## ")[1]
	var session []sessionStep
	inside := false
	for line := range strings.Lines(section) {
		line = strings.TrimSuffix(line, "\n")
		command, isCommand := strings.CutPrefix(line, "$ ")
		switch {
		case strings.HasPrefix(line, "```"):
			inside = !inside
		case inside && isCommand:
			session = append(session, sessionStep{command: command})
		case inside:
			last := &session[len(session)-1]
			last.output = append(last.output, line)
		}
	}
	return session
}

// startDev runs `make dev` until it is up, with the tests' Vault, and returns the lines that it has
// printed. It ends with the test, as by Ctrl-C.
func startDev(t *testing.T) []string {
	t.Helper()
	command := exec.Command("make", "-C", "..", "--no-print-directory", "dev")
	command.Env = append(os.Environ(), "VAULT_BIN="+vaultBinary(t))
	command.Env = slices.DeleteFunc(command.Env, func(variable string) bool {
		return slices.ContainsFunc([]string{"MAKEFLAGS=", "MFLAGS=", "MAKELEVEL=", "BAO_BIN="}, func(name string) bool {
			return strings.HasPrefix(variable, name)
		})
	})
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	log := newServerLog()
	command.Stderr = log
	stdout, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	up, end := make(chan []string, 1), make(chan string, 1)
	go followDev(stdout, up, end)
	t.Cleanup(func() {
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGINT)
		select {
		case last := <-end:
			_ = command.Wait() // make says that it was interrupted
			if last != "Stopped; nothing is left behind." {
				t.Errorf("the last line of make dev is %q", last)
			}
		case <-time.After(readyWithin):
			_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL)
			t.Error("make dev did not end")
		}
	})
	select {
	case lines := <-up:
		if len(lines) == 0 {
			t.Fatalf("make dev ended by itself:\n%s", log.tail(40))
		}
		return lines
	case <-time.After(2 * readyWithin):
		t.Fatalf("make dev was not up in time:\n%s", log.tail(40))
	}
	return nil
}

// followDev sends the lines up to the one that says how to end make dev, or none if that never
// comes, and the last line.
func followDev(stdout io.Reader, up chan<- []string, end chan<- string) {
	var lines []string
	sent := false
	for scanner := bufio.NewScanner(stdout); scanner.Scan(); {
		lines = append(lines, scanner.Text())
		if scanner.Text() == "Ctrl-C stops everything." {
			up <- slices.Clone(lines)
			sent = true
		}
	}
	if !sent {
		up <- nil
	}
	end <- strings.Join(lines[max(0, len(lines)-1):], "")
}

// vaultOnPath returns a PATH on which vault is the tests' Vault.
func vaultOnPath(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, os.Symlink(vaultBinary(t), filepath.Join(folder, "vault")))
	return folder + string(os.PathListSeparator) + os.Getenv("PATH")
}

// newEachTime are the parts of a line that no two sessions share.
var newEachTime = regexp.MustCompile(`hvs\.\S+|127\.0\.0\.1:\d+|/tmp/\S*radius-dev\.\w+|PATH=\S+` +
	`|^(?:token_accessor|challenge_id) +\S+|\b\d+h\b`)

var portTaken = regexp.MustCompile(`^Port \d+ or \d+ is taken\.$`)

// shape returns a line without what is new each time, and without the widths of columns.
func shape(line string) string {
	return newEachTime.ReplaceAllString(strings.Join(strings.Fields(line), " "), "…")
}

// compareOutput fails unless a command has printed what the README shows; "..." stands for
// any further lines. It returns what was printed for each word that is new each time.
func compareOutput(t *testing.T, step sessionStep, printed []string) map[string]string {
	t.Helper()
	shown, printed := sessionLines(step.output), sessionLines(printed)
	if last := len(shown) - 1; shown[last] == "..." {
		shown = shown[:last]
		printed = printed[:min(len(printed), last)]
	}
	var wantShape, shapes []string
	for _, line := range shown {
		wantShape = append(wantShape, shape(line))
	}
	for _, line := range printed {
		shapes = append(shapes, shape(line))
	}
	require.Equal(t, wantShape, shapes, "README.md: what %q prints", step.command)

	replace := map[string]string{}
	for i := range shown {
		words, printedWords := strings.Fields(shown[i]), strings.Fields(printed[i])
		for j := range words {
			if words[j] != printedWords[j] {
				replace[words[j]] = printedWords[j]
			}
		}
	}
	return replace
}

// sessionLines returns the lines that a session always has: not those without text, nor those about
// ports of others. The metadata of a token come in any order: they are sorted.
func sessionLines(lines []string) []string {
	var out []string
	for _, line := range lines {
		if strings.TrimSpace(line) != "" && !portTaken.MatchString(line) {
			out = append(out, line)
		}
	}
	isMetadata := func(line string) bool { return strings.HasPrefix(strings.TrimSpace(line), "token_meta_") }
	if first := slices.IndexFunc(out, isMetadata); first >= 0 {
		after := first
		for after < len(out) && isMetadata(out[after]) {
			after++
		}
		slices.Sort(out[first:after])
	}
	return out
}
