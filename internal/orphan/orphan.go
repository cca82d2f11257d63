// Package orphan ends a process whose parent has ended. Vault ends its plugins when it
// stops, but it cannot when it is killed.
//
// The parent is known by two signs: its process id, and that it reads what the process
// writes to standard error. The id alone does not do in a container, where the parent may
// be process 1 from the start, nor where a program stands between that outlives the
// parent. A parent that is merely stopped (SIGSTOP) keeps both. The signal that Linux can
// send at the end of a parent (PR_SET_PDEATHSIG) will not do: it comes at the end of the
// thread that started the process.
package orphan

import (
	"context"
	"time"
)

const (
	// interval is how often the parent is looked after.
	interval = time.Second

	// closeTime bounds the closing of what is open: a store may hang.
	closeTime = 2 * time.Second
)

// Process is what can be seen of a process, and how it ends. Its functions are replaced
// in tests.
type Process struct {
	Started int // the parent's id when the process started

	ParentID   func() int  // at the moment
	ReaderGone func() bool // whether no process can read standard error any more

	Close func(context.Context) // closes what is open
	Exit  func()                // does not return
}

// Watch ends the process within three seconds after its parent, and returns if the
// context ends before.
func (p Process) Watch(ctx context.Context) {
	look := time.NewTicker(interval)
	defer look.Stop()
	for !p.orphaned() {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
	}
	p.end(ctx)
}

// orphaned reports whether the parent has ended. A parent 0 is outside the process's
// container, and does not change; the end of a parent 1 ends the container.
func (p Process) orphaned() bool {
	return p.ReaderGone() || p.Started > 1 && p.ParentID() != p.Started
}

// end closes what is open, as far as that is possible in time, and ends the process.
func (p Process) end(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
	defer cancel()
	closed := make(chan struct{})
	go func() { // until it is done, or the process ends
		defer close(closed)
		p.Close(ctx)
	}()
	select {
	case <-closed:
	case <-ctx.Done():
	}
	p.Exit()
}
