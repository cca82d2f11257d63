package radiustest

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

const streamLatency = time.Millisecond

// streamEnds returns both ends of a stream on a new network.
func streamEnds(t *testing.T, n *Network) (client, server net.Conn) {
	t.Helper()
	address := netip.MustParseAddrPort(memoryServer)
	listener, err := n.listen(address)
	require.NoError(t, err)
	client, err = n.Dial(t.Context(), "tcp", netip.Addr{}, address)
	require.NoError(t, err)
	server, err = listener.Accept()
	require.NoError(t, err)
	t.Cleanup(func() {
		_, _, _ = client.Close(), server.Close(), listener.Close()
	})
	return client, server
}

func TestStreamsInMemoryCarryOctetsBothWays(t *testing.T) {
	inMemory(t, NetworkOptions{Latency: streamLatency}, func(t *testing.T, n *Network) {
		began := time.Now()
		client, server := streamEnds(t, n)
		require.Equal(t, 2*streamLatency, time.Since(began), "the handshake of TCP")
		require.Equal(t, memoryServer, server.LocalAddr().String())
		require.Equal(t, memoryServer, client.RemoteAddr().String())
		require.Equal(t, client.LocalAddr().String(), server.RemoteAddr().String())

		for _, ends := range [][2]net.Conn{{client, server}, {server, client}} {
			began := time.Now()
			for _, text := range []string{"first ", "second"} {
				_, err := ends[0].Write([]byte(text))
				require.NoError(t, err)
			}
			require.Zero(t, time.Since(began), "there is room: writing does not wait")
			read := make([]byte, len("first second"))
			_, err := io.ReadFull(ends[1], read)
			require.NoError(t, err)
			require.Equal(t, "first second", string(read))
			require.Equal(t, streamLatency, time.Since(began))
		}
	})
}

func TestStreamsInMemoryWaitForASlowReader(t *testing.T) {
	inMemory(t, NetworkOptions{Latency: streamLatency}, func(t *testing.T, n *Network) {
		client, server := streamEnds(t, n)
		sent := bytes.Repeat([]byte("0123456789"), pipeSize/5)
		wrote := make(chan error, 1)
		go func() {
			_, err := client.Write(sent)
			wrote <- err
		}()
		synctest.Wait()
		require.Empty(t, wrote, "more than fits")
		read := make([]byte, len(sent))
		_, err := io.ReadFull(server, read)
		require.NoError(t, err)
		require.NoError(t, <-wrote)
		require.Equal(t, sent, read)

		require.NoError(t, client.SetWriteDeadline(time.Now().Add(time.Minute)))
		began := time.Now()
		written, err := client.Write(sent)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Equal(t, pipeSize, written)
		require.Equal(t, time.Minute, time.Since(began))
	})
}

func TestStreamsInMemoryEnd(t *testing.T) {
	inMemory(t, NetworkOptions{Latency: streamLatency}, func(t *testing.T, n *Network) {
		client, server := streamEnds(t, n)
		_, err := server.Write([]byte("bye"))
		require.NoError(t, err)
		time.Sleep(streamLatency)
		began := time.Now()
		require.NoError(t, server.Close())
		require.ErrorIs(t, server.Close(), net.ErrClosed)
		_, err = server.Read(make([]byte, 1))
		require.ErrorIs(t, err, net.ErrClosed)
		_, err = server.Write([]byte("x"))
		require.ErrorIs(t, err, net.ErrClosed)

		read, err := io.ReadAll(client)
		require.NoError(t, err)
		require.Equal(t, "bye", string(read))
		require.Equal(t, streamLatency, time.Since(began))
		_, err = client.Read(make([]byte, 1))
		require.Equal(t, io.EOF, err, "the end stays")
		_, err = client.Write([]byte("x"))
		require.ErrorIs(t, err, syscall.EPIPE)
		require.NoError(t, client.Close())
		require.Empty(t, n.streams)
	})
}

func TestStreamsInMemoryKeepReadDeadlines(t *testing.T) {
	inMemory(t, NetworkOptions{Latency: streamLatency}, func(t *testing.T, n *Network) {
		client, server := streamEnds(t, n)
		requireNothing(t, client, time.Hour)
		ended := make(chan error)
		read := func() {
			_, err := client.Read(make([]byte, 1))
			ended <- err
		}
		go read()
		synctest.Wait()
		require.NoError(t, client.SetDeadline(time.Now()))
		require.ErrorIs(t, <-ended, os.ErrDeadlineExceeded)
		_, err := client.Write([]byte("x"))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)

		require.NoError(t, client.SetDeadline(time.Time{}))
		_, err = server.Write([]byte("x"))
		require.NoError(t, err)
		_, err = client.Read(make([]byte, 1))
		require.NoError(t, err)
		go read()
		synctest.Wait()
		require.NoError(t, client.Close())
		require.ErrorIs(t, <-ended, net.ErrClosed)
	})
}

func TestDialingAStreamThatNoServerListensFor(t *testing.T) {
	inMemory(t, NetworkOptions{Latency: streamLatency}, func(t *testing.T, n *Network) {
		address := netip.MustParseAddrPort(memoryServer)
		startInMemory(t, n, nil) // the UDP port of that number is another
		began := time.Now()
		_, err := n.Dial(t.Context(), "tcp", netip.Addr{}, address)
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		require.Equal(t, 2*streamLatency, time.Since(began))

		ctx, cancel := context.WithTimeout(t.Context(), streamLatency)
		defer cancel()
		_, err = n.Dial(ctx, "tcp", netip.Addr{}, address)
		require.ErrorIs(t, err, context.DeadlineExceeded, "the refusal comes later")
	})
}

func TestListenersInMemoryClose(t *testing.T) {
	inMemory(t, NetworkOptions{}, func(t *testing.T, n *Network) {
		address := netip.MustParseAddrPort(memoryServer)
		listener, err := n.listen(address)
		require.NoError(t, err)
		_, err = n.listen(address)
		require.ErrorIs(t, err, syscall.EADDRINUSE)

		early, err := n.Dial(t.Context(), "tcp", netip.Addr{}, address)
		require.NoError(t, err)
		accepted, err := listener.Accept()
		require.NoError(t, err)
		late, err := n.Dial(t.Context(), "tcp", netip.Addr{}, address)
		require.NoError(t, err)
		require.NoError(t, listener.Close())
		_, err = listener.Accept()
		require.ErrorIs(t, err, net.ErrClosed)
		_, err = late.Read(make([]byte, 1))
		require.Equal(t, io.EOF, err, "nobody has accepted it")
		requireNothing(t, early, time.Second)
		for _, conn := range []net.Conn{early, accepted, late} {
			require.NoError(t, conn.Close())
		}

		again, err := n.listen(address)
		require.NoError(t, err)
		require.NoError(t, again.Close())
	})
}

func TestBlackholeSilencesStreams(t *testing.T) {
	inMemory(t, NetworkOptions{Latency: streamLatency}, func(t *testing.T, n *Network) {
		address := netip.MustParseAddrPort(memoryServer)
		client, server := streamEnds(t, n)
		_, err := client.Write([]byte("under way"))
		require.NoError(t, err)
		n.Blackhole(address, true)
		read := make([]byte, len("under way"))
		_, err = io.ReadFull(server, read)
		require.NoError(t, err)

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		_, err = n.Dial(ctx, "tcp", netip.Addr{}, address)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Minute, time.Since(began))

		lost := make([]byte, 2*pipeSize) // there is always room in a blackhole
		for _, conn := range []net.Conn{client, server} {
			_, err = conn.Write(lost)
			require.NoError(t, err)
		}
		requireNothing(t, client, time.Minute)
		requireNothing(t, server, time.Minute)
		n.Blackhole(address, false)
		_, err = client.Write([]byte("too late"))
		require.NoError(t, err)
		require.NoError(t, client.Close())
		requireNothing(t, server, time.Minute) // not even the end
		_, err = server.Write([]byte("x"))
		require.NoError(t, err)

		again, err := n.Dial(t.Context(), "tcp", netip.Addr{}, address)
		require.NoError(t, err)
		require.NoError(t, again.Close())
	})
}
