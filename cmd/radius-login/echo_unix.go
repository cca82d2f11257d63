//go:build linux || darwin || freebsd || netbsd || openbsd

package main

import (
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// terminalModes are the modes of a terminal.
type terminalModes = unix.Termios

// modesOf returns the modes of a terminal; an error if the descriptor is none.
func modesOf(descriptor int) (*terminalModes, error) {
	return unix.IoctlGetTermios(descriptor, getModes)
}

func setModes(descriptor int, modes *terminalModes) error {
	return unix.IoctlSetTermios(descriptor, setModesNow, modes)
}

// withEcho returns modes that differ in whether the terminal shows what is typed.
func withEcho(modes terminalModes, echo bool) *terminalModes {
	modes.Lflag &^= unix.ECHO
	if echo {
		modes.Lflag |= unix.ECHO
	}
	modes.Lflag |= unix.ICANON | unix.ISIG
	modes.Iflag |= unix.ICRNL
	return &modes
}

// notifyContinued has the channel told that the process goes on after it was stopped.
func notifyContinued(continued chan<- os.Signal) { signal.Notify(continued, unix.SIGCONT) }
