package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/longtest"
	"vault-plugin-auth-radius/internal/radiustest"
)

// How many connections send what, and for how long.
const (
	loadUserWriters  = 32
	loadBatchWriters = 4
	loadLogins       = 8

	loadUsersOfEach = 200 // names that a user writer writes in turn
)

// TestRequestsOfAllKindsAtTheSameTimeAreAllAnswered writes users, batches, profiles
// and the config, and logs in, all at the same time.
func TestRequestsOfAllKindsAtTheSameTimeAreAllAnswered(t *testing.T) {
	t.Parallel()
	v := startPlugin(t)
	radius := startRADIUS(t, radiustest.Options{
		Handler: radiustest.Users{"bob": {Password: "bob-password"}}.Handler(),
		Keep:    1000, // no test needs to see the requests
	})
	config := configFor(radius.Host(), radius.Port(), map[string]any{"password_hash_cost": 1})
	v.write("auth/radius/config", config)
	v.write("auth/radius/users/alice", map[string]any{"extauth": "local", "password": "alice-password"})
	v.write("auth/radius/profiles", map[string]any{"name": "Office", "short_name": "office"})

	l := newLoad(v)
	for range loadUserWriters {
		writer := l.connections.Add(1)
		l.send("users", func(i int) (path string, body map[string]any) {
			return fmt.Sprintf("users/w%d-%d", writer, i%loadUsersOfEach), map[string]any{"policies": "x"}
		})
	}
	for range loadBatchWriters {
		l.send("batches", func(int) (path string, body map[string]any) {
			n := l.batches.Add(1)
			return "freeradius/batch", map[string]any{
				"name": fmt.Sprintf("b%d", n), "strategy": "prefix", "prefix": fmt.Sprintf("g%d-", n), "number_of_users": 2, "profiles": "office",
			}
		})
	}
	l.send("config", func(i int) (path string, body map[string]any) {
		return "config", map[string]any{"nas_identifier": fmt.Sprintf("gate-%d", i)}
	})
	l.send("profiles", func(i int) (path string, body map[string]any) {
		return "profiles/office", map[string]any{
			"name": "Office", "reply_attribute": []any{map[string]any{"attribute": "Session-Timeout", "op": ":=", "value": fmt.Sprint(60 + i)}},
		}
	})
	for login := range loadLogins {
		name := []string{"alice", "bob"}[login%2]
		l.send("logins of "+name, func(int) (path string, body map[string]any) {
			return "login/" + name, map[string]any{"password": name + "-password"}
		})
	}
	l.wait()

	v.login("auth/radius", "alice", "alice-password")
	v.login("auth/radius", "bob", "bob-password")
	batch := v.write("auth/radius/freeradius/batch", map[string]any{
		"name": "afterwards", "strategy": "prefix", "prefix": "afterwards", "number_of_users": 1, "profiles": "office",
	})
	require.NotNil(t, batch)
	v.write("auth/radius/users/afterwards1", map[string]any{"extauth": "local", "password": "the-password"})
	v.login("auth/radius", "afterwards1", "the-password")
}

// load is what many connections send to Vault for some time.
type load struct {
	v           *vaultServer
	client      *http.Client
	limit       time.Duration // of one request
	ends        time.Time
	ctx         context.Context // of all requests
	cancel      context.CancelFunc
	senders     sync.WaitGroup
	failed      chan error // of senders, which end with it; closed when all have ended
	answered    map[string]*atomic.Int64
	connections atomic.Int64 // numbers the writers of users
	batches     atomic.Int64 // numbers the batches
}

// newLoad returns a load without senders. In the short run the limit of a request
// tells only what hangs; in the long one it is a promise.
func newLoad(v *vaultServer) *load {
	transport := &http.Transport{MaxIdleConnsPerHost: 2 * loadUserWriters}
	v.t.Cleanup(transport.CloseIdleConnections)
	l := &load{
		v:        v,
		client:   &http.Client{Transport: transport},
		limit:    longtest.Choose(time.Minute, 5*time.Second),
		ends:     time.Now().Add(longtest.Choose(5*time.Second, time.Minute)),
		failed:   make(chan error),
		answered: map[string]*atomic.Int64{},
	}
	l.ctx, l.cancel = context.WithCancel(v.t.Context())
	return l
}

// send starts a connection that sends one request after another until the time is
// over. All of them have to succeed.
func (l *load) send(kind string, request func(i int) (path string, body map[string]any)) {
	if l.answered[kind] == nil {
		l.answered[kind] = &atomic.Int64{}
	}
	answered := l.answered[kind]
	l.senders.Go(func() {
		for i := 0; time.Now().Before(l.ends) && l.ctx.Err() == nil; i++ {
			path, body := request(i)
			if err := l.post(path, body); err != nil {
				l.failed <- err
				return
			}
			answered.Add(1)
		}
	})
}

// errNotAnswered means that a request was not answered within the limit.
var errNotAnswered = errors.New("no answer")

func (l *load) post(path string, body map[string]any) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(l.ctx, l.limit, errNotAnswered)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.v.Client.Address()+"/v1/auth/radius/"+path, bytes.NewReader(encoded))
	if err != nil {
		return err
	}
	req.Header.Set("X-Vault-Token", rootToken)
	status, text, err := l.do(req)
	switch {
	case errors.Is(context.Cause(ctx), errNotAnswered):
		return fmt.Errorf("%s: %w within %s", path, errNotAnswered, l.limit)
	case err != nil:
		return fmt.Errorf("%s: %w", path, err)
	case status >= http.StatusMultipleChoices:
		return fmt.Errorf("%s: status %d: %s", path, status, text)
	}
	return nil
}

func (l *load) do(req *http.Request) (status int, text []byte, err error) {
	resp, err := l.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	text, err = io.ReadAll(resp.Body)
	return resp.StatusCode, text, err
}

// wait returns when all connections have ended. If a request was not answered, the
// test's log has the stacks of the plugin's goroutines.
func (l *load) wait() {
	t := l.v.t
	t.Helper()
	defer l.cancel()
	go func() {
		l.senders.Wait()
		close(l.failed)
	}()
	err := <-l.failed
	if errors.Is(err, errNotAnswered) {
		t.Logf("the plugin's goroutines:\n%s", l.v.goroutines())
	}
	l.cancel()
	for range l.failed { // the others end now
	}
	for kind, answered := range l.answered {
		t.Logf("%s: %d requests answered", kind, answered.Load())
	}
	require.NoError(t, err)
	for kind, answered := range l.answered {
		require.Positive(t, answered.Load(), kind)
	}
}

// pluginLogPrefix is what Vault puts in front of a line that a plugin prints.
var pluginLogPrefix = regexp.MustCompile(`(?m)^\S+ \[DEBUG\] auth\.\S*` + pluginName + `(: ?|$)`)

// goroutines ends the plugin's processes, and returns the stacks of their
// goroutines.
func (v *vaultServer) goroutines() string {
	v.t.Helper()
	logged := v.log.length()
	for _, id := range v.pluginProcesses() {
		require.NoError(v.t, syscall.Kill(id, syscall.SIGQUIT))
	}
	stacks := v.log.awaitMatch(v.t, logged, regexp.MustCompile(`(?s)SIGQUIT: quit.*plugin process exited`))[0]
	return pluginLogPrefix.ReplaceAllString(stacks, "")
}
