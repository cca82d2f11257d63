package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// progress shows on a line of a terminal that a request goes on, and takes the line away after.
type progress struct {
	out  io.Writer // nil: nothing is shown
	stop chan struct{}
	done chan struct{}
}

// begin is called before a request. It must be followed by end.
func (p *progress) begin() {
	if p.out == nil {
		return
	}
	p.stop, p.done = make(chan struct{}), make(chan struct{})
	go p.show()
}

// end is called after the request, and before anything else is shown.
func (p *progress) end() {
	if p.out == nil {
		return
	}
	close(p.stop)
	<-p.done
}

func (p *progress) show() {
	defer close(p.done)
	started, width := time.Now(), 0
	for tick := time.NewTicker(time.Second); ; {
		select {
		case <-p.stop:
			tick.Stop()
			if width > 0 {
				fmt.Fprintf(p.out, "\r%s\r", strings.Repeat(" ", width))
			}
			return
		case <-tick.C:
			text := fmt.Sprintf("Waiting for the server since %d s. Ctrl-C ends the login.", int(time.Since(started).Seconds()))
			width = max(width, len(text))
			fmt.Fprintf(p.out, "\r%s", text)
		}
	}
}
