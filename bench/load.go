package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"vault-plugin-auth-radius/bench/percentile"
)

// samplesKept is how many times of exchanges a run keeps, over all workers; of
// more, the latest.
const samplesKept = 1 << 18

// load is what the workers of one client do.
type load struct {
	login    login
	inFlight int           // workers, each with one exchange after another
	time     time.Duration // after which they stop
	each     int           // exchanges after which each stops instead; 0: none
}

// result is what a load has shown.
type result struct {
	Before    int // exchanges of the warm-up, of which nothing else is reported
	Exchanges int
	Copies    int // of requests, after the first
	Failures  int
	Failure   string // one of them

	Elapsed     time.Duration
	P50, P99    time.Duration // of one exchange
	Allocations uint64        // on the heap
	Allocated   uint64        // octets

	// Processor time of the processes, warm-up included.
	ClientTime, StubTime time.Duration
}

// worker is one of the clients that log in at the same time, with what it has seen.
type worker struct {
	username string
	samples  []time.Duration // a ring
	seen     result
}

// run runs the load. Making the workers ready is not counted.
func (l load) run(ctx context.Context) result {
	workers := make([]*worker, l.inFlight)
	for i := range workers {
		workers[i] = &worker{
			username: username(i),
			samples:  make([]time.Duration, samplesKept/l.inFlight),
		}
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Now()

	var running sync.WaitGroup
	for _, w := range workers {
		running.Go(func() { w.work(ctx, l, start) })
	}
	running.Wait()

	elapsed := time.Since(start)
	runtime.ReadMemStats(&after)
	total := sum(workers)
	total.Elapsed = elapsed
	total.Allocations = after.Mallocs - before.Mallocs
	total.Allocated = after.TotalAlloc - before.TotalAlloc
	return total
}

func username(i int) string { return fmt.Sprintf("user-%d", i) }

// work makes exchanges until the load is done. Each worker has a context of its
// own, as each request to Vault has: no lock is shared.
func (w *worker) work(ctx context.Context, l load, start time.Time) {
	own, cancel := context.WithCancel(ctx)
	defer cancel()
	begun := start
	for ctx.Err() == nil {
		sends, err := l.login(own, w.username)
		ended := time.Now()
		w.samples[w.seen.Exchanges%len(w.samples)] = ended.Sub(begun)
		w.seen.Exchanges++
		w.seen.Copies += max(0, sends-1)
		if err != nil {
			w.seen.Failures++
			w.seen.Failure = err.Error()
		}
		if l.done(w.seen.Exchanges, ended.Sub(start)) {
			return
		}
		begun = ended
	}
}

// done reports whether a worker may stop.
func (l load) done(exchanges int, elapsed time.Duration) bool {
	if l.each > 0 {
		return exchanges >= l.each
	}
	return elapsed >= l.time
}

// sum adds up what the workers have seen.
func sum(workers []*worker) result {
	var total result
	var samples []time.Duration
	for _, w := range workers {
		total.Exchanges += w.seen.Exchanges
		total.Copies += w.seen.Copies
		total.Failures += w.seen.Failures
		total.Failure = max(total.Failure, w.seen.Failure)
		samples = append(samples, w.samples[:min(w.seen.Exchanges, len(w.samples))]...)
	}
	slices.Sort(samples)
	total.P50, total.P99 = percentile.Of(samples, 50), percentile.Of(samples, 99)
	return total
}
