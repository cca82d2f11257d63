package radiustest

import (
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// pipeSize is how many octets of a stream can be under way or unread in one
// direction. Writing more than that waits, as on a real connection.
const pipeSize = 64 << 10

// pipe is one direction of a stream in memory.
type pipe struct {
	monitor
	latency time.Duration

	chunks        []chunk   // guarded by mu; in the order of writing
	held          int       // guarded by mu; octets in chunks
	readDeadline  time.Time // guarded by mu
	writeDeadline time.Time // guarded by mu
	readClosed    bool      // guarded by mu; the end that reads is closed
	writeClosed   bool      // guarded by mu; the end that writes is closed
	cut           bool      // guarded by mu; what is written from now on vanishes
}

// chunk is what one write has added, or the end of the stream.
type chunk struct {
	at   time.Time // when it arrives
	data []byte
	end  bool
}

func newPipe(latency time.Duration) *pipe { return &pipe{monitor: newMonitor(), latency: latency} }

// write adds octets, all of them unless there is an error.
func (p *pipe) write(b []byte) (written int, err error) {
	p.await(func(now time.Time) (next time.Time, done bool) {
		switch {
		case p.writeClosed:
			err = net.ErrClosed
		case passed(p.writeDeadline, now):
			err = os.ErrDeadlineExceeded
		case p.cut:
			written = len(b)
		case p.readClosed:
			err = os.NewSyscallError("write", syscall.EPIPE)
		default:
			written += p.add(b[written:], now)
			return p.writeDeadline, written == len(b)
		}
		return time.Time{}, true
	})
	return written, err
}

// add adds as many octets as there is room for. It runs with mu held.
func (p *pipe) add(b []byte, now time.Time) int {
	size := min(len(b), pipeSize-p.held)
	if size > 0 {
		p.chunks = append(p.chunks, chunk{at: now.Add(p.latency), data: append([]byte(nil), b[:size]...)})
		p.held += size
		p.announce()
	}
	return size
}

// read waits for octets and reads as many as have arrived in one chunk.
func (p *pipe) read(b []byte) (n int, err error) {
	p.await(func(now time.Time) (next time.Time, done bool) {
		switch {
		case p.readClosed:
			err = net.ErrClosed
		case passed(p.readDeadline, now):
			err = os.ErrDeadlineExceeded
		case len(b) == 0:
		case len(p.chunks) == 0:
			return p.readDeadline, false
		case p.chunks[0].at.After(now):
			return earlier(p.chunks[0].at, p.readDeadline), false
		case p.chunks[0].end:
			err = io.EOF
		default:
			n = p.remove(b)
		}
		return time.Time{}, true
	})
	return n, err
}

// remove moves octets of the first chunk to b. It runs with mu held.
func (p *pipe) remove(b []byte) int {
	first := &p.chunks[0]
	n := copy(b, first.data)
	first.data = first.data[n:]
	if len(first.data) == 0 {
		p.chunks = p.chunks[1:]
	}
	p.held -= n
	p.announce()
	return n
}

// change changes a field that reads and writes go by.
func (p *pipe) change(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
	p.announce()
}

// closeWrite ends the stream for the reader, after what is under way. It is called
// once.
func (p *pipe) closeWrite() {
	p.change(func() {
		if !p.cut {
			p.chunks = append(p.chunks, chunk{at: time.Now().Add(p.latency), end: true})
		}
		p.writeClosed = true
	})
}

// closeRead drops what is under way. Who writes learns of it unless the pipe is
// cut.
func (p *pipe) closeRead() {
	p.change(func() { p.readClosed, p.chunks, p.held = true, nil, 0 })
}
