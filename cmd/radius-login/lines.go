package main

import (
	"bufio"
	"errors"
	"io"
	"strings"
)

// maxLine bounds a line, so that a file that is no text does not fill the memory.
const maxLine = 1 << 16

// errInputEnded is returned where another line is needed.
var errInputEnded = errors.New("standard input has ended")

// lineReader reads lines for one who may stop waiting.
type lineReader struct {
	in      *bufio.Reader
	pending chan line // of a read that goes on; nil if none does
}

type line struct {
	text string
	err  error
}

func newLineReader(in io.Reader) *lineReader {
	return &lineReader{in: bufio.NewReaderSize(in, maxLine)}
}

// next returns a channel on which the next line comes, without its end: the same channel until
// taken is called. A read of a terminal cannot be called off: the goroutine of one that nobody
// waits for any more ends with the process, or gives the next line.
func (r *lineReader) next() <-chan line {
	if r.pending == nil {
		pending := make(chan line, 1)
		r.pending = pending
		go func() { pending <- readLine(r.in) }()
	}
	return r.pending
}

// taken says that the line of next has been received.
func (r *lineReader) taken() { r.pending = nil }

func readLine(in *bufio.Reader) line {
	text, err := in.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return line{err: errors.New("a line of standard input is too long")}
	case errors.Is(err, io.EOF) && len(text) == 0:
		return line{err: errInputEnded}
	case err != nil && !errors.Is(err, io.EOF):
		return line{err: err}
	}
	return line{text: strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")}
}
