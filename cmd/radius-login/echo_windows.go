package main

import (
	"os"

	"golang.org/x/sys/windows"
)

// terminalModes are the modes of a console.
type terminalModes = uint32

// modesOf returns the modes of a console; an error if the descriptor is none.
func modesOf(descriptor int) (*terminalModes, error) {
	var modes terminalModes
	if err := windows.GetConsoleMode(windows.Handle(descriptor), &modes); err != nil {
		return nil, err
	}
	return &modes, nil
}

func setModes(descriptor int, modes *terminalModes) error {
	return windows.SetConsoleMode(windows.Handle(descriptor), *modes)
}

// withEcho returns modes that differ in whether the console shows what is typed.
func withEcho(modes terminalModes, echo bool) *terminalModes {
	modes &^= windows.ENABLE_ECHO_INPUT
	if echo {
		modes |= windows.ENABLE_ECHO_INPUT
	}
	modes |= windows.ENABLE_LINE_INPUT | windows.ENABLE_PROCESSED_INPUT
	return &modes
}

// notifyContinued does nothing: a process is not stopped from a console.
func notifyContinued(chan<- os.Signal) {}
