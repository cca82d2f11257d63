package e2e

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// logWithin is how long a line may take from the plugin to Vault's log.
const logWithin = 10 * time.Second

// serverLog keeps what a process prints.
type serverLog struct {
	mu      sync.Mutex
	text    strings.Builder // guarded by mu
	changed chan struct{}   // guarded by mu; closed, and replaced, by each write
}

func newServerLog() *serverLog { return &serverLog{changed: make(chan struct{})} }

func (l *serverLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.changed)
	l.changed = make(chan struct{})
	return l.text.Write(p)
}

func (l *serverLog) String() string {
	text, _ := l.read()
	return text
}

func (l *serverLog) read() (text string, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String(), l.changed
}

// await waits until the log has the text: what a plugin logs reaches Vault's
// log some time after the answer has reached the client.
func (l *serverLog) await(t testing.TB, text string) {
	t.Helper()
	deadline := time.After(logWithin)
	for {
		got, changed := l.read()
		if strings.Contains(got, text) {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("Vault's log has no %q", text)
		}
	}
}

// tail gives the last lines.
func (l *serverLog) tail(lines int) string {
	all := strings.Split(l.String(), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
