package radiustest

import (
	"sync"
	"time"
)

// delays runs what a server does, now and later, until the server closes.
type delays struct {
	done    chan struct{}
	running sync.WaitGroup
}

func newDelays() *delays { return &delays{done: make(chan struct{})} }

// after does something when the time has passed: at once if there is none.
func (d *delays) after(delay time.Duration, do func()) {
	if delay <= 0 {
		do()
		return
	}
	d.running.Go(func() {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
			do()
		case <-d.done:
		}
	})
}
