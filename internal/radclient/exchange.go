package radclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"layeh.com/radius"
)

var (
	// errNotDelivered means that nobody has seen the request: the first copy
	// could not be sent, or the host said that nothing listens on the port.
	errNotDelivered = errors.New("the request was not delivered")

	// errSilence means that the time was up.
	errSilence = errors.New("no answer in time")
)

// exchange is one request and the wait for its answer on a socket of its own.
type exchange struct {
	conn       net.Conn
	request    *request
	check      func(datagram []byte, sent *request) (*radius.Packet, DropReason)
	plan       func(budget time.Duration) *schedule
	othersLeft bool // another address could be asked instead

	sends   int
	waited  time.Duration
	refused int
	drops   Drops
	fault   error // of the socket, the latest after the first copy
}

// run sends the request, and sends it again on schedule, until the answer
// comes or the context ends. The context must have a deadline.
func (e *exchange) run(ctx context.Context) (*radius.Packet, error) {
	start := time.Now()
	defer func() { e.waited = time.Since(start) }()
	end, _ := ctx.Deadline()

	// A read does not know about contexts: end it from outside.
	stop := context.AfterFunc(ctx, func() { _ = e.conn.SetReadDeadline(start) })
	defer stop()

	copies := e.plan(end.Sub(start))
	for more := true; more; {
		if err := e.send(); err != nil {
			return nil, err
		}
		var at time.Duration
		next := end
		if at, more = copies.next(); more {
			next = start.Add(at)
		}
		packet, err := e.receive(ctx, next)
		if packet != nil || err != nil {
			return packet, err
		}
	}
	return nil, errSilence
}

// send puts one copy on the wire. It fails only if the first copy does: after
// that somebody may be deciding about the request, and faults pass.
func (e *exchange) send() error {
	e.sends++
	_, err := e.conn.Write(e.request.wire)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ECONNREFUSED):
		return e.noteRefused()
	case e.sends > 1:
		e.fault = err
		return nil
	case e.othersLeft:
		return errNotDelivered
	default:
		return fmt.Errorf("sending the Access-Request: %w", err)
	}
}

// receive waits for the answer. Datagrams that are not the answer are counted
// and change nothing. It returns no packet and no error when it is time to send
// again.
func (e *exchange) receive(ctx context.Context, until time.Time) (*radius.Packet, error) {
	var buffer [maxPacketLen + 1]byte
	for {
		if err := e.conn.SetReadDeadline(until); err != nil {
			return nil, fmt.Errorf("waiting for the answer: %w", err)
		}
		if ctx.Err() != nil {
			return nil, errSilence
		}
		n, err := e.conn.Read(buffer[:])
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil:
			return nil, nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil, errSilence
		case errors.Is(err, syscall.ECONNREFUSED):
			if err := e.noteRefused(); err != nil {
				return nil, err
			}
			continue
		case err != nil:
			e.fault = err
			return nil, pause(ctx, until)
		}
		packet, reason := e.check(buffer[:n], e.request)
		if reason == 0 {
			return packet, nil
		}
		e.drops[reason]++
	}
}

// pause waits until it is time to send again: a socket with a fault does not
// block.
func pause(ctx context.Context, until time.Time) error {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return errSilence
	}
}

// noteRefused counts a refusal. It is an error only if the first copy was
// refused and there is another address: a later one may come from a server
// that had the request and died over it.
func (e *exchange) noteRefused() error {
	e.refused++
	if e.othersLeft && e.sends == 1 {
		return errNotDelivered
	}
	return nil
}
