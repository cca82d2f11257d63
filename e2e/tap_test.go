package e2e

import (
	"net"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
)

// tap stands before a RADIUS server, and notes the Access-Requests that pass.
type tap struct {
	port   int
	client *net.UDPConn // which Vault's packets come to
	wait   sync.WaitGroup

	mu       sync.Mutex
	seen     map[string]bool         // packets; guarded by mu
	requests []string                // guarded by mu
	servers  map[string]*net.UDPConn // by Vault's address; guarded by mu
}

// startTap hands packets on to a server at a port of this machine, until the test ends.
func startTap(t testing.TB, server int) *tap {
	t.Helper()
	listener, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	w := &tap{
		client: listener, port: listener.LocalAddr().(*net.UDPAddr).Port,
		seen: map[string]bool{}, servers: map[string]*net.UDPConn{},
	}
	w.wait.Go(func() { w.forward(server) })
	t.Cleanup(func() {
		_ = listener.Close()
		w.mu.Lock()
		for _, server := range w.servers {
			_ = server.Close()
		}
		w.mu.Unlock()
		w.wait.Wait()
	})
	return w
}

// forward hands requests on until the listener is closed.
func (w *tap) forward(server int) {
	packet := make([]byte, radius.MaxPacketLength)
	for {
		n, from, err := w.client.ReadFromUDP(packet)
		if err != nil {
			return
		}
		w.note(packet[:n])
		if to := w.server(from, server); to != nil {
			_, _ = to.Write(packet[:n])
		}
	}
}

// server returns the connection to the server for packets of an address; nil if there is none.
func (w *tap) server(from *net.UDPAddr, port int) *net.UDPConn {
	w.mu.Lock()
	defer w.mu.Unlock()
	if to := w.servers[from.String()]; to != nil {
		return to
	}
	to, err := net.DialUDP("udp", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	if err != nil {
		return nil
	}
	w.servers[from.String()] = to
	w.wait.Go(func() {
		packet := make([]byte, radius.MaxPacketLength)
		for {
			n, err := to.Read(packet)
			if err != nil {
				return
			}
			_, _ = w.client.WriteToUDP(packet[:n], from)
		}
	})
	return to
}

// note keeps what an Access-Request says, unless it is a copy of one.
func (w *tap) note(packet []byte) {
	parsed, err := radius.Parse(packet, []byte(radiusSecret))
	if err != nil || parsed.Code != radius.CodeAccessRequest {
		return
	}
	text := rfc2865.UserName_GetString(parsed) + ": " + rfc2865.UserPassword_GetString(parsed)
	if rfc2865.State_Get(parsed) != nil {
		text += " with State"
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	key := strconv.Itoa(int(parsed.Identifier)) + string(parsed.Authenticator[:])
	if !w.seen[key] {
		w.seen[key] = true
		w.requests = append(w.requests, text)
	}
}

// take returns the Access-Requests since it was called before, copies left out: the name, the
// password, and whether there is a State.
func (w *tap) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := w.requests
	w.requests = nil
	return taken
}
