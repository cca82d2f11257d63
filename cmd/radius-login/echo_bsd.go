//go:build darwin || freebsd || netbsd || openbsd

package main

import "golang.org/x/sys/unix"

// Requests to the terminal.
const (
	getModes    = unix.TIOCGETA
	setModesNow = unix.TIOCSETA
)
