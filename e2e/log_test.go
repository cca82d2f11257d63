package e2e

import (
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// logWithin is how long a line may take to Vault's log. It takes milliseconds on an
// idle machine: the limit only ends what hangs.
const logWithin = time.Minute

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
	l.awaitMatch(t, 0, regexp.MustCompile(regexp.QuoteMeta(text)))
}

// length is how much the log has now: from where to look for what comes.
func (l *serverLog) length() int { return len(l.String()) }

// awaitMatch waits until the log, from an offset on, has a match. It returns the
// match and its groups.
func (l *serverLog) awaitMatch(t testing.TB, from int, pattern *regexp.Regexp) []string {
	t.Helper()
	deadline := time.After(logWithin)
	for {
		text, changed := l.read()
		if match := pattern.FindStringSubmatch(text[from:]); match != nil {
			return match
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("Vault's log has no %q", pattern)
		}
	}
}

// tail gives the last lines.
func (l *serverLog) tail(lines int) string {
	all := strings.Split(l.String(), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
