// Command bench compares this plugin's RADIUS client with Client.Exchange of
// layeh.com/radius, called the way Vault's built-in method calls it.
//
//	go run ./bench                       the table, in a minute
//	go run ./bench -loss                 logins while packets are lost, in a bit over two minutes
//	go run ./bench -failover             logins while the first of two servers dies, twice, in two minutes, and rare ones in virtual time
//	go run ./bench -soak 1h              the plugin in a Vault for an hour: memory, goroutines, files, times; package soak
//	go run ./bench -only radclient/64    one row; either half may be left out
//	go run ./bench -only radclient/64 -rounds 1 -time 10s -cpuprofile cpu.out
//
// # What is measured
//
// An exchange is one login: build an Access-Request with a User-Password, send
// it, wait, check the answer. So many workers, each with one exchange after
// another, keep 1, 16, 64 or 512 of them in flight. The table has
//
//   - exchanges per second, and the median and 99th percentile of their times;
//   - heap allocations, their octets and system calls, per exchange;
//   - processor time per exchange, of the client and of the server beside it.
//
// Every answer must be an Access-Accept. An exchange that ends otherwise is a
// failure: failures are counted, and make the exit code 1. Both clients wait for
// 10 s; ours may send copies of a request meanwhile, and if it did, that is said.
//
// # How
//
// The server is a process of its own that answers on loopback with as little
// work as it can. It is not counted, but it shares the processors with the
// client: where its own time is not small, the table shows less of a difference
// than there is. Every cell runs in fresh processes. The clients alternate, round
// by round, so that a noisy machine troubles both, and the table has the medians
// of the rounds. Ratios can be compared between machines, figures cannot.
//
// System calls are counted by strace in runs of their own: those of a run with
// many exchanges, less those of a run with one for each worker. They include the
// Go scheduler's. strace slows every system call down, so that a client that
// takes several datagrams with one call finds more of them: its count is too good.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"vault-plugin-auth-radius/bench/soak"
)

// The parts for which the program starts itself again.
const (
	stubPart   = "stub"
	clientPart = "client"
	rarePart   = "rare"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 2 && args[0] == stubPart {
		return runStub(args[1], os.Stdin, os.Stdout)
	}
	if len(args) > 0 && args[0] == clientPart {
		return runClient(ctx, args[1:], os.Stdout)
	}
	if len(args) == 1 && args[0] == rarePart {
		runRare() // ends the process
	}
	settings, err := parseSettings(args)
	switch {
	case err != nil:
		return err
	case settings.loss:
		return compareUnderLoss(ctx, os.Stdout)
	case settings.failover:
		return errors.Join(watchFailover(ctx, os.Stdout), watchRareLogins(ctx, os.Stdout))
	case settings.soak > 0:
		return soak.Run(ctx, settings.soak, os.Stdout)
	default:
		return compare(ctx, settings, os.Stdout)
	}
}
