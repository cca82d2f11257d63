package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// signalError is why a context ended: a signal came.
type signalError struct{ signal os.Signal }

func (e signalError) Error() string { return "ended by a signal: " + e.signal.String() }

// untilSignal returns a context that ends with a signal that asks the process to end.
func untilSignal() (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	go func() {
		select {
		case s := <-signals:
			cancel(signalError{s})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel(nil)
	}
}

// signalCode returns the exit code of a context that a signal has ended, 128 and its number as
// with shells; 0 if none has.
func signalCode(ctx context.Context) int {
	var ended signalError
	if !errors.As(context.Cause(ctx), &ended) {
		return 0
	}
	number, _ := ended.signal.(syscall.Signal)
	return 128 + int(number)
}
