package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"syscall"
	"text/tabwriter"
	"time"

	"vault-plugin-auth-radius/bench/percentile"
	"vault-plugin-auth-radius/internal/daemontest"
	"vault-plugin-auth-radius/internal/radclient"
)

// The course of the first of two servers, both of which answer Status-Server,
// while users log in at a steady rate.
const (
	failoverRate = 200 // logins per second
	diesAfter    = 10 * time.Second
	livesAfter   = 30 * time.Second
	endsAfter    = 60 * time.Second
)

// watched is what became of one login.
type watched struct {
	began, took time.Duration // began counts from the start
	server      string
	err         error
}

// death is a way to end a server, and to bring it back.
type death struct {
	name         string
	kill, revive func(ctx context.Context, server *stub) (*stub, error)
}

// deaths are those watched: a killed process leaves a port that the system
// refuses packets to; a stopped one takes packets and never answers.
var deaths = []death{
	{"its process is killed", killed, restarted},
	{"it is silent", signalled(syscall.SIGSTOP), signalled(syscall.SIGCONT)},
}

func killed(_ context.Context, server *stub) (*stub, error) {
	err := server.process.Process.Kill()
	_ = server.stop() // returns that it was killed
	return server, err
}

func restarted(ctx context.Context, server *stub) (*stub, error) {
	return startStub(ctx, server.address.String())
}

func signalled(signal syscall.Signal) func(context.Context, *stub) (*stub, error) {
	return func(_ context.Context, server *stub) (*stub, error) {
		return server, server.process.Process.Signal(signal)
	}
}

// watchFailover prints what the deaths cost.
func watchFailover(ctx context.Context, stdout io.Writer) error {
	fmt.Fprintf(stdout, "%d logins a second at two servers; the first dies after %s and lives again after %s\n\n",
		failoverRate, diesAfter, livesAfter)
	rows := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(rows, "the first server\tlogins\tfailed\tworst\tmedian before\tmedian 10 s after\tused again after\t")
	for _, death := range deaths {
		logins, err := dieAndLive(ctx, death)
		if err != nil {
			return fmt.Errorf("%s: %w", death.name, err)
		}
		printDeath(rows, death.name, logins)
	}
	return rows.Flush()
}

func printDeath(rows io.Writer, name string, logins []watched) {
	failed, worst, back := 0, time.Duration(0), endsAfter
	var before, after []time.Duration
	for _, login := range logins {
		worst = max(worst, login.took)
		if login.err != nil {
			failed++
		}
		switch {
		case login.began < diesAfter-time.Second:
			before = append(before, login.took)
		case login.began > diesAfter+10*time.Second && login.began < livesAfter:
			after = append(after, login.took)
		case login.began > livesAfter && login.server == logins[0].server:
			back = min(back, login.began)
		}
	}
	slices.Sort(before)
	slices.Sort(after)
	fmt.Fprintf(rows, "%s\t%d\t%d\t%s\t%s\t%s\t%s\t\n", name, len(logins), failed, worst.Round(10*time.Millisecond),
		percentile.Of(before, 50).Round(time.Microsecond), percentile.Of(after, 50).Round(time.Microsecond),
		(back - livesAfter).Round(100*time.Millisecond))
}

// dieAndLive has the first of two servers die and live again meanwhile.
func dieAndLive(ctx context.Context, death death) ([]watched, error) {
	port, err := daemontest.FreePort(ctx) // it is still free when the server lives again
	if err != nil {
		return nil, err
	}
	first, err := startStub(ctx, fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, err
	}
	second, err := startStub(ctx, anyAddress)
	if err != nil {
		return nil, errors.Join(err, first.stop())
	}
	client, err := newPair(first, second)
	if err != nil {
		return nil, errors.Join(err, first.stop(), second.stop())
	}
	defer client.Close()

	logins := make(chan []watched, 1)
	go func() { logins <- logInSteadily(ctx, client) }()
	for _, step := range []struct {
		wait time.Duration
		do   func(context.Context, *stub) (*stub, error)
	}{{diesAfter, death.kill}, {livesAfter - diesAfter, death.revive}} {
		select {
		case <-time.After(step.wait):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if first, err = step.do(ctx, first); err != nil {
			return nil, errors.Join(err, second.stop())
		}
	}
	return <-logins, errors.Join(ctx.Err(), first.stop(), second.stop())
}

// newPair returns our client of two servers.
func newPair(servers ...*stub) (*radclient.Client, error) {
	config := radclient.Config{DialTimeout: dialTimeout, ReadTimeout: readTimeout, ResponseWindow: 5 * time.Second}
	for _, server := range servers {
		config.Servers = append(config.Servers, radclient.Server{
			Host: server.address.Addr().String(), Port: int(server.address.Port()), Secret: radclient.NewSecret(secret),
		})
	}
	return radclient.New(config)
}

// logInSteadily starts logins at the rate, whatever becomes of those before.
func logInSteadily(ctx context.Context, client *radclient.Client) []watched {
	logins := make([]watched, int(endsAfter.Seconds())*failoverRate)
	start := time.Now()
	ticker := time.NewTicker(time.Second / failoverRate)
	defer ticker.Stop()
	var running sync.WaitGroup
	for i := range logins {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
		running.Go(func() {
			began := time.Now()
			verdict, err := client.Authenticate(ctx, radclient.Credentials{Username: username(i), Password: password})
			logins[i] = watched{began: began.Sub(start), took: time.Since(began), server: verdict.Server, err: err}
		})
	}
	running.Wait()
	return logins
}
