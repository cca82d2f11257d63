package main

import "golang.org/x/sys/unix"

// Requests to the terminal.
const (
	getModes    = unix.TCGETS
	setModesNow = unix.TCSETS
)
