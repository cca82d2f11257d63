package main

import (
	"errors"
	"fmt"
	"io"
	"net"

	"golang.org/x/net/ipv4"
)

const (
	// stubBatch is how many datagrams the stub takes with one system call.
	stubBatch = 64

	// stubBuffer is the size in octets asked of the kernel for datagrams not yet
	// read: requests of 512 workers fit many times.
	stubBuffer = 4 << 20

	// requestSize is room in octets for the requests of both clients.
	requestSize = 512
)

// runStub answers at the address until its owner closes stdin. It writes the address to
// stdout first, since port 0 means any.
func runStub(address string, stdin io.Reader, stdout io.Writer) error {
	local, err := net.ResolveUDPAddr("udp4", address)
	if err != nil {
		return err
	}
	conn, err := net.ListenUDP("udp4", local)
	if err != nil {
		return err
	}
	if err := conn.SetReadBuffer(stubBuffer); err != nil {
		return errors.Join(fmt.Errorf("receive buffer: %w", err), conn.Close())
	}
	served := make(chan error, 1)
	go func() { served <- serve(conn) }()
	_, err = fmt.Fprintln(stdout, conn.LocalAddr())
	if err == nil {
		_, err = io.Copy(io.Discard, stdin)
	}
	return errors.Join(err, conn.Close(), <-served)
}

// serve accepts every user until the socket is closed. Datagrams come and go in
// batches: the stub uses little of the processors that it shares with the client.
func serve(conn *net.UDPConn) error {
	batches := ipv4.NewPacketConn(conn)
	requests, answers := messages(requestSize), messages(answerLen)
	accept := newAccepter(secret)
	for {
		count, err := batches.ReadBatch(requests, 0)
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			continue // about one datagram, not about the socket
		}
		ready := 0
		for _, request := range requests[:count] {
			if accept.answer(answers[ready].Buffers[0], request.Buffers[0][:request.N]) {
				answers[ready].Addr = request.Addr
				ready++
			}
		}
		send(batches, answers[:ready])
	}
}

// send sends all answers; one that cannot be sent is given up.
func send(batches *ipv4.PacketConn, answers []ipv4.Message) {
	for len(answers) > 0 {
		sent, err := batches.WriteBatch(answers, 0)
		if err != nil {
			sent = 1
		}
		answers = answers[sent:]
	}
}

// messages makes room for a batch of datagrams of up to size octets.
func messages(size int) []ipv4.Message {
	batch := make([]ipv4.Message, stubBatch)
	for i := range batch {
		batch[i].Buffers = [][]byte{make([]byte, size)}
	}
	return batch
}
