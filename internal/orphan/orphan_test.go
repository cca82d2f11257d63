package orphan

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// watched is a process whose parent the test plays.
type watched struct {
	parent     atomic.Int64
	readerGone atomic.Bool
	closing    func(context.Context)
	closed     atomic.Bool
	exited     chan struct{}
}

// watch starts to watch a process whose parent has the id, and did when it started.
func watch(t *testing.T, started int, closing func(context.Context)) *watched {
	t.Helper()
	w := &watched{closing: closing, exited: make(chan struct{})}
	w.parent.Store(int64(started))
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(func() {
		cancel()
		synctest.Wait()
	})
	go Process{
		Started:    started,
		ParentID:   func() int { return int(w.parent.Load()) },
		ReaderGone: w.readerGone.Load,
		Close: func(ctx context.Context) {
			if w.closing != nil {
				w.closing(ctx)
			}
			w.closed.Store(true)
		},
		Exit: func() { close(w.exited) },
	}.Watch(ctx)
	return w
}

// runs reports whether the process has not ended by now.
func (w *watched) runs() bool {
	synctest.Wait()
	select {
	case <-w.exited:
		return false
	default:
		return true
	}
}

func TestProcessEndsSoonAfterItsParent(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		started int
		end     func(*watched)
	}{
		"adopted by process 1":             {4711, func(w *watched) { w.parent.Store(1) }},
		"adopted by a subreaper":           {4711, func(w *watched) { w.parent.Store(815) }},
		"adopted from outside":             {4711, func(w *watched) { w.parent.Store(0) }},
		"nobody reads, the id is the same": {4711, func(w *watched) { w.readerGone.Store(true) }},
		"nobody reads, a child of 1":       {1, func(w *watched) { w.readerGone.Store(true) }},
		"nobody reads, a child of 0":       {0, func(w *watched) { w.readerGone.Store(true) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := watch(t, test.started, nil)
				time.Sleep(10*time.Minute + interval/2)
				require.True(t, w.runs(), "its parent lives")
				test.end(w)
				require.True(t, w.runs())
				time.Sleep(interval)
				require.False(t, w.runs())
				require.True(t, w.closed.Load(), "what is open is closed before")
			})
		})
	}
}

func TestProcessThatIsAnOrphanFromTheStartEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &watched{exited: make(chan struct{})}
		w.readerGone.Store(true)
		Process{
			Started: 1, ParentID: func() int { return 1 }, ReaderGone: w.readerGone.Load,
			Close: func(context.Context) {}, Exit: func() { close(w.exited) },
		}.Watch(t.Context())
		require.False(t, w.runs())
	})
}

func TestChildOf1Or0LivesOnWhileItIsRead(t *testing.T) {
	t.Parallel()
	for _, started := range []int{0, 1} {
		synctest.Test(t, func(t *testing.T) {
			w := watch(t, started, nil)
			w.parent.Store(int64(1 - started))
			time.Sleep(10 * time.Minute)
			require.True(t, w.runs())
		})
	}
}

func TestProcessEndsThoughWhatIsOpenDoesNotClose(t *testing.T) {
	t.Parallel()
	for name, closing := range map[string]func(context.Context){
		"it closes when its time is up": func(ctx context.Context) { <-ctx.Done() },
		"it closes much later":          func(context.Context) { time.Sleep(time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := watch(t, 4711, closing)
				w.parent.Store(1)
				began := time.Now()
				<-w.exited
				require.LessOrEqual(t, time.Since(began), interval+closeTime)
				time.Sleep(2 * time.Hour) // the goroutine, which ends with the process
			})
		})
	}
}

func TestWatchEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel)
		Process{Started: 4711, ParentID: func() int { return 4711 }, ReaderGone: func() bool { return false }}.Watch(ctx)
		require.ErrorIs(t, ctx.Err(), context.Canceled)
	})
}
