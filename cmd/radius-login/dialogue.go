package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"unicode"
)

// question is what the user is asked.
type question struct {
	what    string // for an error if there is no answer, such as "the password"
	message string // of the server, on a line of its own; may be empty
	prompt  string
	echo    bool // the answer may be shown
}

// inputError is an answer that cannot be read.
type inputError struct {
	what string
	err  error
}

func (e *inputError) Error() string { return fmt.Sprintf("%s is missing: %v", e.what, e.err) }

func (e *inputError) Unwrap() error { return e.err }

// dialogue asks questions, at a terminal or with the lines of standard input.
type dialogue struct {
	descriptor int
	original   *terminalModes // nil: there is no terminal
	lines      *lineReader
	out        io.Writer
}

// newDialogue returns a dialogue. At a terminal, close ends it.
func newDialogue(in *os.File, out io.Writer) *dialogue {
	d := &dialogue{descriptor: int(in.Fd()), lines: newLineReader(in), out: out} // #nosec G115 -- descriptors are small
	if modes, err := modesOf(d.descriptor); err == nil {
		d.original = modes
	}
	return d
}

func (d *dialogue) atTerminal() bool { return d.original != nil }

// begin hides what is typed from now on, also between questions.
func (d *dialogue) begin() error { return d.setEcho(false) }

// end sets the terminal to what it was.
func (d *dialogue) end() {
	if d.atTerminal() {
		_ = setModes(d.descriptor, d.original) // fails if the terminal is gone
	}
}

func (d *dialogue) setEcho(echo bool) error {
	if !d.atTerminal() {
		return nil
	}
	if err := setModes(d.descriptor, withEcho(*d.original, echo)); err != nil {
		return fmt.Errorf("the terminal cannot be told whether to show what is typed: %w", err)
	}
	return nil
}

// ask returns the answer. The echo is set before anything of the question is shown: who is
// quick would see the password else.
func (d *dialogue) ask(ctx context.Context, q question) (string, error) {
	if err := d.setEcho(q.echo); err != nil {
		return "", err
	}
	defer d.hide()
	if q.message != "" {
		fmt.Fprintln(d.out, printable(q.message))
	}
	answer, err := d.read(ctx, q)
	if d.atTerminal() && (err != nil || !q.echo) {
		fmt.Fprintln(d.out) // the end of the line was not shown
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "", fmt.Errorf("%s was not typed in time", q.what)
	case err != nil:
		return "", &inputError{what: q.what, err: err}
	}
	return answer, nil
}

// read shows the prompt and returns what is typed. A shell that takes the process to the
// foreground again may have set the echo: it is set anew, and the prompt shown again.
func (d *dialogue) read(ctx context.Context, q question) (string, error) {
	continued := make(chan os.Signal, 1)
	if d.atTerminal() {
		notifyContinued(continued)
		defer signal.Stop(continued)
		fmt.Fprint(d.out, q.prompt)
	}
	for {
		select {
		case read := <-d.lines.next():
			d.lines.taken()
			return read.text, read.err
		case <-ctx.Done():
			return "", ctx.Err()
		case <-continued:
			if err := d.setEcho(q.echo); err != nil {
				return "", err
			}
			fmt.Fprint(d.out, "\n"+q.prompt)
		}
	}
}

// hide hides what is typed after an answer. If that fails, the next question does, too.
func (d *dialogue) hide() { _ = d.setEcho(false) }

// printable returns the text without what would control the terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return -1
	}, text)
}
