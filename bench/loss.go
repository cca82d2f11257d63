package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"text/tabwriter"
	"time"

	"vault-plugin-auth-radius/bench/percentile"
	"vault-plugin-auth-radius/internal/radiustest"
)

// The logins under loss are each of another user: the User-Name decides which packets
// are lost.
const (
	lossRate     = 0.2
	lossSeed     = 1
	lossLogins   = 1000
	lossParallel = 32
)

// outcome is what became of the logins of one client.
type outcome struct {
	accepted int
	sends    int             // packets, copies included
	times    []time.Duration // of all logins; of a failed one, until it failed
}

// compareUnderLoss lets each client log the same users in, at a server that
// loses the same share. The peer sends one packet, and a login that was lost
// waits for the whole read timeout: about a third of them, which takes two
// minutes.
func compareUnderLoss(ctx context.Context, stdout io.Writer) error {
	fmt.Fprintf(stdout, "%d logins, %d in parallel, read timeout %s, %.0f %% of the packets lost in each direction\n\n",
		lossLogins, lossParallel, readTimeout, 100*lossRate)
	rows := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(rows, "client\taccepted\tmedian\tp99\tpackets sent\t")
	for _, name := range clientNames {
		o, err := logInUnderLoss(ctx, name)
		if err != nil {
			return err
		}
		slices.Sort(o.times)
		fmt.Fprintf(rows, "%s\t%d\t%s\t%s\t%d\t\n", name, o.accepted,
			percentile.Of(o.times, 50).Round(10*time.Microsecond), percentile.Of(o.times, 99).Round(time.Millisecond), o.sends)
	}
	return rows.Flush()
}

// logInUnderLoss logs every user in once.
func logInUnderLoss(ctx context.Context, client string) (outcome, error) {
	users := radiustest.Users{}
	for i := range lossLogins {
		users[username(i)] = radiustest.User{Password: password}
	}
	server, err := radiustest.Start(radiustest.Options{
		Secret:  secret,
		Handler: users.Handler(),
		Loss:    radiustest.Loss{Rate: lossRate, Seed: lossSeed},
	})
	if err != nil {
		return outcome{}, err
	}
	login, err := newLogin(client, server.Addr())
	if err != nil {
		return outcome{}, errors.Join(err, server.Close())
	}

	var mu sync.Mutex
	var o outcome // guarded by mu
	next := make(chan int)
	var workers sync.WaitGroup
	for range lossParallel {
		workers.Go(func() {
			for i := range next {
				start := time.Now()
				sends, err := login(ctx, username(i))
				took := time.Since(start)

				mu.Lock()
				o.times = append(o.times, took)
				o.sends += sends
				if err == nil {
					o.accepted++
				}
				mu.Unlock()
			}
		})
	}
	for i := range lossLogins {
		next <- i
	}
	close(next)
	workers.Wait()
	return o, errors.Join(ctx.Err(), server.Close())
}
