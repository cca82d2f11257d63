package login

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"

	"vault-plugin-auth-radius/internal/decision"
	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
)

// errBroken is what a broken storage returns.
var errBroken = errors.New("storage is broken")

// decisions are those that the service has handed on. They are safe for concurrent use.
type decisions struct {
	mu   sync.Mutex
	list []decision.Decision
}

func (d *decisions) add(decided decision.Decision) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.list = append(d.list, decided)
}

// take returns the decisions since it was called before.
func (d *decisions) take() []decision.Decision {
	d.mu.Lock()
	defer d.mu.Unlock()
	taken := d.list
	d.list = nil
	return taken
}

// memoryStorage is a [kv.Storage] that counts, that can fail, and that can be slow. It is safe
// for concurrent use.
type memoryStorage struct {
	latency       time.Duration // of reads; set before it is used
	mu            sync.Mutex
	entries       map[string][]byte
	reads, writes int
	broken        []string // the beginnings of keys that fail
	spared        int      // reads of these keys that do not fail yet
}

func newMemoryStorage() *memoryStorage { return &memoryStorage{entries: map[string][]byte{}} }

// breakKeys has calls fail for keys that begin like one of these, and for no others.
func (m *memoryStorage) breakKeys(prefixes ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.broken, m.spared = prefixes, 0
}

// failReadsFrom does as breakKeys, from the read on that has the number, which begins at 1.
func (m *memoryStorage) failReadsFrom(number int, prefixes ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.broken, m.spared = prefixes, number-1
}

func (m *memoryStorage) readCount() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.reads
}

func (m *memoryStorage) writeCount() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.writes
}

// fault runs with mu held.
func (m *memoryStorage) fault(key string) error {
	for _, prefix := range m.broken {
		if strings.HasPrefix(key, prefix) {
			if m.spared > 0 {
				m.spared--
				return nil
			}
			return errBroken
		}
	}
	return nil
}

func (m *memoryStorage) List(_ context.Context, prefix string) ([]string, error) {
	time.Sleep(m.latency) // of a virtual clock
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads++
	seen := map[string]bool{}
	var names []string
	for key := range m.entries {
		rest, found := strings.CutPrefix(key, prefix)
		if !found {
			continue
		}
		name := rest
		if folder, _, nested := strings.Cut(rest, "/"); nested {
			name = folder + "/"
		}
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names, m.fault(prefix)
}

func (m *memoryStorage) Get(_ context.Context, key string) ([]byte, error) {
	time.Sleep(m.latency)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads++
	return m.entries[key], m.fault(key)
}

func (m *memoryStorage) Put(_ context.Context, key string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.writes++
	if err := m.fault(key); err != nil {
		return err
	}
	m.entries[key] = bytes.Clone(value)
	return nil
}

func (m *memoryStorage) Delete(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.writes++
	if err := m.fault(key); err != nil {
		return err
	}
	delete(m.entries, key)
	return nil
}

// fakeChecker is a [source.Checker] that answers as it is told: unless it is told
// otherwise, it accepts rightPassword and rejects others. It is safe for concurrent use.
type fakeChecker struct {
	name string // that its answers have as the server's

	mu      sync.Mutex
	respond func(source.Query) (source.Answer, error) // nil: as above
	wire    func(string) string                       // nil: the name as it is
	queries []source.Query
}

func newFakeChecker(name string) *fakeChecker { return &fakeChecker{name: name} }

// setRespond has queries answered by a function.
func (c *fakeChecker) setRespond(respond func(source.Query) (source.Answer, error)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.respond = respond
}

// setError has queries fail with an error; nil: they are answered again.
func (c *fakeChecker) setError(err error) {
	if err == nil {
		c.setRespond(nil)
		return
	}
	c.setRespond(func(source.Query) (source.Answer, error) { return source.Answer{}, err })
}

// setWire has the name that is asked about made by a function.
func (c *fakeChecker) setWire(wire func(string) string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wire = wire
}

// answer returns an answer of the checker's server.
func (c *fakeChecker) answer(outcome radclient.Outcome, attributes ...*radius.AVP) source.Answer {
	return source.Answer{Verdict: radclient.Verdict{
		Outcome: outcome, Attributes: attributes, Host: c.name + ":1812", Server: c.name,
	}}
}

// takeQueried returns the names that were asked about, and forgets them.
func (c *fakeChecker) takeQueried() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	names := []string{}
	for _, query := range c.queries {
		names = append(names, query.Username)
	}
	c.queries = nil
	return names
}

// lastQuery returns the latest query.
func (c *fakeChecker) lastQuery(t *testing.T) source.Query {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	require.NotEmpty(t, c.queries, "nothing was asked")
	return c.queries[len(c.queries)-1]
}

func (c *fakeChecker) Check(_ context.Context, query source.Query) (source.Answer, error) {
	c.mu.Lock()
	c.queries = append(c.queries, query)
	respond := c.respond
	c.mu.Unlock()
	switch {
	case respond != nil:
		return respond(query)
	case query.Password == rightPassword:
		return c.withReply(query, c.answer(radclient.Accept)), nil
	}
	answer := c.answer(radclient.Reject)
	answer.Reason, answer.ReplyMessage = "the fake server's reason", "the fake server's message"
	return answer, nil
}

// withReply returns the answer with its attributes decoded, as a RADIUS source does.
func (c *fakeChecker) withReply(query source.Query, answer source.Answer) source.Answer {
	answer.Reply = query.Known.Decode(answer.Attributes, dictionary.Keys{Plain: true})
	return answer
}

func (c *fakeChecker) WireName(name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.wire == nil {
		return name
	}
	return c.wire(name)
}

func (c *fakeChecker) Describe(nas radius.Attributes, credentials radclient.Credentials) radius.Attributes {
	return radclient.RequestAttributes(nas, credentials)
}

func (c *fakeChecker) Serves(host string) bool { return host == c.name+":1812" }

func (c *fakeChecker) Close() {}

// logBuffer holds the log. It is safe for concurrent use.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(line)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// Reset forgets the lines so far.
func (b *logBuffer) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text.Reset()
}
