package acct

import (
	"context"
	"sync"
	"sync/atomic"
)

// workers are goroutines for calls that their callers may leave behind. Some are kept for
// later calls: a stack that has grown once need not grow again.
type workers struct {
	work chan func()
	most int32        // idle ones that are kept
	idle atomic.Int32 // about to wait for work, or waiting
	all  sync.WaitGroup
}

// newWorkers returns workers, and keeps at most that many idle ones.
func newWorkers(most int32) *workers {
	return &workers{work: make(chan func()), most: most}
}

// begin lets a worker call do. Idle workers end with ctx.
func (w *workers) begin(ctx context.Context, do func()) {
	select {
	case w.work <- do:
	default:
		w.all.Go(func() { w.run(ctx, do) })
	}
}

func (w *workers) run(ctx context.Context, do func()) {
	for {
		do()
		if w.idle.Add(1) > w.most {
			w.idle.Add(-1)
			return
		}
		select {
		case do = <-w.work:
			w.idle.Add(-1)
		case <-ctx.Done():
			return
		}
	}
}
