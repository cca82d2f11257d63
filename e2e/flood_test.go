package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/longtest"
	"vault-plugin-auth-radius/internal/radiustest"
)

const (
	// What has to hold under every flood.
	honestShare = 0.99    // of honest logins that have to succeed
	memoryLimit = 300     // of the plugin, in MiB
	socketLimit = 256 + 4 // of the plugin, for UDP; a few are for Status-Server

	honestPerSecond = 20
	anyPassword     = "the-password"

	honestAddress = "127.0.0.1" // where users log in
	otherAddress  = "127.0.0.2"
)

// flood is what strangers send: logins at a steady rate, for some time.
type flood struct {
	name      func(i int) string
	address   string
	perSecond int
	long      time.Duration
	patience  time.Duration // after which the client gives up
}

func silentName(i int) string { return fmt.Sprintf("silent-%d", i) }

func theSilentName(int) string { return "silent" }

func lateName(i int) string { return fmt.Sprintf("late-%d", i) }

// answersStrangersBadly does not answer names that start with "silent", rejects those
// that start with "late" a second later, and accepts all others.
func answersStrangersBadly(r *radiustest.Request) []radiustest.Answer {
	switch {
	case strings.HasPrefix(r.Username(), "silent"):
		return nil
	case strings.HasPrefix(r.Username(), "late"):
		return []radiustest.Answer{r.Reject("no").After(time.Second)}
	}
	return []radiustest.Answer{r.Accept()}
}

// TestStrangersShutNobodyOut has strangers send logins that the RADIUS server does not
// answer, or that they do not wait for, while users log in.
func TestStrangersShutNobodyOut(t *testing.T) {
	if !longtest.Enabled() {
		t.Parallel() // the long figures need the machine to themselves
	}
	const patience, impatience = time.Minute, 50 * time.Millisecond
	long := longtest.Choose(4*time.Second, time.Minute)
	silent, abandoned := longtest.Choose(100, 400), longtest.Choose(100, 500)
	floods := map[string]flood{
		"silent logins from another address": {silentName, otherAddress, silent, long / 2, patience},
		"logins that the clients abandon":    {lateName, honestAddress, abandoned, long, impatience},
	}
	if longtest.Enabled() {
		floods["silent logins from the same address"] = flood{silentName, honestAddress, silent, long, patience}
		floods["silent logins of one name"] = flood{theSilentName, honestAddress, silent, long / 6, patience}
		floods["one burst of silent logins"] = flood{silentName, honestAddress, 5000, time.Second, patience}
	}
	for name, f := range floods {
		t.Run(name, func(t *testing.T) {
			if !longtest.Enabled() {
				t.Parallel()
			}
			v := startPlugin(t)
			server := startRADIUS(t, radiustest.Options{Handler: answersStrangersBadly, Keep: 1})
			v.write("auth/radius/config", configFor(server.Host(), server.Port(), map[string]any{
				"read_timeout": longtest.Choose("3s", "10s"),
			}))
			v.login("auth/radius", "honest", anyPassword)
			underFlood(v, f)
		})
	}
}

// underFlood has users log in during a flood, and checks that they do not suffer.
func underFlood(v *vaultServer, f flood) {
	t := v.t
	t.Helper()
	long := max(f.long, longtest.Choose(3*time.Second, 15*time.Second))
	var strangers, users tally
	var running sync.WaitGroup
	running.Go(func() { sendLogins(v, &strangers, f) })
	running.Go(func() {
		sendLogins(v, &users, flood{
			name:      func(i int) string { return fmt.Sprintf("honest-%d", i) },
			address:   honestAddress,
			perSecond: honestPerSecond,
			long:      long,
			patience:  longtest.Choose(time.Minute, 10*time.Second), // short, it tells only what hangs
		})
	})
	plugins, sockets := v.pluginProcesses(), 0
	for range steadily(1, long) {
		sockets = max(sockets, udpSockets(t, plugins))
	}
	running.Wait()

	memory := peakMemory(t, plugins)
	t.Logf("strangers: %s; users: %s; plugin: %d MiB, %d UDP sockets at most", &strangers, &users, memory, sockets)
	require.GreaterOrEqual(t, float64(len(users.succeeded)), honestShare*float64(users.sent))
	require.LessOrEqual(t, memory, memoryLimit)
	require.LessOrEqual(t, sockets, socketLimit)
	require.NotContains(t, v.log.String(), "DNS")
}

// tally is what became of logins.
type tally struct {
	sent int

	mu        sync.Mutex
	succeeded []time.Duration // guarded by mu; how long they took
	answered  atomic.Int64    // the others that have an answer
}

func (t *tally) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := fmt.Sprintf("%d logins, %d succeeded, %d refused", t.sent, len(t.succeeded), t.answered.Load())
	if count := len(t.succeeded); count > 0 {
		slices.Sort(t.succeeded)
		text = fmt.Sprintf("%s, within %s (half of them), %s (99 %%)", text,
			t.succeeded[count/2].Round(time.Millisecond), t.succeeded[count*99/100].Round(time.Millisecond))
	}
	return text
}

// add logs in once.
func (t *tally) add(ctx context.Context, client *http.Client, url string) {
	began := time.Now()
	status, err := tryLogin(ctx, client, url)
	switch {
	case err != nil: // the client has given up
	case status == http.StatusOK:
		t.mu.Lock()
		defer t.mu.Unlock()
		t.succeeded = append(t.succeeded, time.Since(began))
	default:
		t.answered.Add(1)
	}
}

// sendLogins sends a flood, and returns when all its logins have ended.
func sendLogins(v *vaultServer, to *tally, f flood) {
	client := clientFrom(v.t, f.address)
	var running sync.WaitGroup
	for i := range steadily(f.perSecond, f.long) {
		to.sent++
		running.Go(func() {
			ctx, cancel := context.WithTimeout(v.t.Context(), f.patience)
			defer cancel()
			to.add(ctx, client, v.Client.Address()+"/v1/auth/radius/login/"+f.name(i))
		})
	}
	running.Wait()
}

// steadily counts on at a rate until the time is over.
func steadily(perSecond int, long time.Duration) iter.Seq[int] {
	return func(yield func(int) bool) {
		began := time.Now()
		for i := range int(long.Seconds() * float64(perSecond)) {
			time.Sleep(time.Until(began.Add(time.Duration(i) * time.Second / time.Duration(perSecond))))
			if !yield(i) {
				return
			}
		}
	}
}

// clientFrom returns a client that connects from an address of this host, and is thrifty
// with its ports: floods would use them up.
func clientFrom(t testing.TB, address string) *http.Client {
	t.Helper()
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}, Control: choosePortLate}
	transport := &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: 10_000}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// choosePortLate has the system choose the port when the peer is known, so that ports of
// closed connections are used again.
func choosePortLate(_, _ string, socket syscall.RawConn) error {
	const bindAddressNoPort = 24 // IP_BIND_ADDRESS_NO_PORT of Linux
	var err error
	controlErr := socket.Control(func(descriptor uintptr) {
		err = syscall.SetsockoptInt(int(descriptor), syscall.IPPROTO_IP, bindAddressNoPort, 1)
	})
	return errors.Join(controlErr, err)
}

// tryLogin logs in and returns the status.
func tryLogin(ctx context.Context, client *http.Client, url string) (status int, err error) {
	body, err := json.Marshal(map[string]any{"password": anyPassword})
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body) // so that the connection is used again
	return resp.StatusCode, err
}

// peakMemory is the most memory that one of the processes has had, in MiB.
func peakMemory(t testing.TB, processes []int) int {
	t.Helper()
	peak := 0
	for _, id := range processes {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", id))
		require.NoError(t, err)
		_, line, found := strings.Cut(string(status), "VmHWM:")
		require.True(t, found)
		kib, err := strconv.Atoi(strings.Fields(line)[0])
		require.NoError(t, err)
		peak = max(peak, kib>>10)
	}
	return peak
}

// udpSockets counts the UDP sockets of processes.
func udpSockets(t testing.TB, processes []int) int {
	t.Helper()
	count := 0
	for _, id := range processes {
		sockets := udpSocketsSeenBy(id)
		descriptors, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", id))
		require.NoError(t, err)
		for _, descriptor := range descriptors {
			if target, err := os.Readlink(descriptor); err == nil && sockets[target] { // else it was closed
				count++
			}
		}
	}
	return count
}

// udpSocketsSeenBy are the UDP sockets that a process sees, its own or others', as links
// to them are called.
func udpSocketsSeenBy(process int) map[string]bool {
	const inode = 9 // field of a line
	found := map[string]bool{}
	for _, table := range []string{"udp", "udp6"} {
		lines, _ := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", process, table)) // none without IPv6
		for line := range strings.Lines(string(lines)) {
			if fields := strings.Fields(line); len(fields) > inode {
				found["socket:["+fields[inode]+"]"] = true
			}
		}
	}
	return found
}

// The quota is that of docs/operating.md, but for its figures: no clock decides here.
func TestQuotaOfVaultBoundsLoginsOfAnAddress(t *testing.T) {
	t.Parallel()
	v := startPlugin(t)
	server := startRADIUS(t, radiustest.Options{Handler: answersStrangersBadly})
	v.write("auth/radius/config", configFor(server.Host(), server.Port(), nil))
	v.write("sys/quotas/rate-limit/radius", map[string]any{
		"path": "auth/radius/login*", "rate": 3, "interval": "1h", "block_interval": "1h",
	})
	login := func(address, path string) int {
		status, err := tryLogin(t.Context(), clientFrom(t, address), v.Client.Address()+"/v1/auth/radius/"+path)
		require.NoError(t, err)
		return status
	}
	for range 3 {
		require.Equal(t, http.StatusOK, login(otherAddress, "login/alice"))
	}
	require.Equal(t, http.StatusTooManyRequests, login(otherAddress, "login/alice"))
	require.Equal(t, http.StatusTooManyRequests, login(otherAddress, "login"), "the name can be in the body")
	require.Equal(t, http.StatusOK, login(honestAddress, "login/alice"))
	status, _ := v.request(http.MethodGet, "auth/radius/status", "", "")
	require.Equal(t, http.StatusOK, status, "the rest of the mount is not limited")
	require.Len(t, server.Requests(), 4)
}
