package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/longtest"
)

// clusterAnswer is what came back of a request to a node.
type clusterAnswer struct {
	node         *clusterNode
	began, ended time.Time
	status       int // 0: nothing came back
	body         string
	err          error
}

// accepted reports whether the login was answered with a token.
func (a clusterAnswer) accepted() bool {
	var answer struct {
		Auth struct {
			Token string `json:"client_token"`
		} `json:"auth"`
	}
	return a.status == http.StatusOK && json.Unmarshal([]byte(a.body), &answer) == nil && answer.Auth.Token != ""
}

// refused reports whether the login was refused, by the RADIUS server or before it was
// asked.
func (a clusterAnswer) refused() bool { return a.status == http.StatusBadRequest }

// undecided reports whether nothing came back that the plugin has said: Vault had no active
// node, or lost it. Whether the plugin has done what it was asked is unknown.
func (a clusterAnswer) undecided() bool {
	return a.status == 0 || a.status == http.StatusTemporaryRedirect || a.status >= http.StatusInternalServerError
}

func (a clusterAnswer) String() string {
	return fmt.Sprintf("at %s, from %s to %s: status %d, error %v, %s",
		a.node.name, a.began.Format(time.StampMilli), a.ended.Format(time.StampMilli), a.status, a.err, a.body)
}

// onceClient sends each request once: a second login would be a second push.
var onceClient = &http.Client{
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Timeout:       readyWithin,
}

// logIn logs in at the node, once.
func (n *clusterNode) logIn(username, password string) clusterAnswer {
	body, _ := json.Marshal(map[string]string{"password": password}) // of texts: never fails
	return n.send(http.MethodPost, "auth/radius/login/"+username, "", body)
}

// decide logs in at the node until the plugin has decided. It has, at once, unless the node
// loses the active one just then, as it may on a busy machine.
func (n *clusterNode) decide(username, password string) (answer clusterAnswer) {
	n.t.Helper()
	await(n.t, "a login of "+username+" is decided at "+n.name, func() bool {
		answer = n.logIn(username, password)
		return !answer.undecided()
	})
	return answer
}

// send sends a request to the node, once. An empty token is none.
func (n *clusterNode) send(method, path, token string, body []byte) clusterAnswer {
	answer := clusterAnswer{node: n, began: time.Now()}
	answer.status, answer.body, answer.err = n.exchange(method, path, token, body)
	answer.ended = time.Now()
	return answer
}

func (n *clusterNode) exchange(method, path, token string, body []byte) (status int, text string, err error) {
	req, err := http.NewRequest(method, n.Client.Address()+"/v1/"+path, bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Vault-Token", token)
	resp, err := onceClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, "", err
	}
	return resp.StatusCode, string(answer), nil
}

// clusterTraffic is a user who logs in at each node again and again, until it is stopped.
type clusterTraffic struct {
	c        *vaultCluster
	username string
	senders  sync.WaitGroup
	stopping chan struct{}
	stopOnce sync.Once

	mu     sync.Mutex
	logins []clusterAnswer // guarded by mu
}

// trafficInterval is the time between two logins of a user at a node, if they are
// answered at once.
var trafficInterval = longtest.Choose(100*time.Millisecond, 10*time.Millisecond)

// traffic has a user log in at all nodes, until the test ends at the latest.
func (c *vaultCluster) traffic(t testing.TB, username, password string) *clusterTraffic {
	traffic := &clusterTraffic{c: c, username: username, stopping: make(chan struct{})}
	t.Cleanup(func() { traffic.stop() })
	for _, node := range c.nodes {
		traffic.senders.Go(func() {
			tick := time.NewTicker(trafficInterval)
			defer tick.Stop()
			for {
				traffic.add(node.logIn(username, password))
				select {
				case <-tick.C:
				case <-traffic.stopping:
					return
				}
			}
		})
	}
	return traffic
}

func (f *clusterTraffic) add(login clusterAnswer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.logins = append(f.logins, login)
}

// soFar returns the logins that have ended.
func (f *clusterTraffic) soFar() []clusterAnswer {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.logins)
}

// awaitEach waits until a login that began after a time has come out as it should, at each
// node that serves. It returns when the last of these first ones ended.
func (f *clusterTraffic) awaitEach(what string, after time.Time, want func(clusterAnswer) bool) time.Time {
	f.c.t.Helper()
	var last time.Time
	await(f.c.t, fmt.Sprintf("logins of %s are %s at each node", f.username, what), func() bool {
		logins := f.soFar()
		for _, node := range f.c.serving() {
			first := slices.IndexFunc(logins, func(login clusterAnswer) bool {
				return login.node == node && login.began.After(after) && want(login)
			})
			if first < 0 {
				return false
			}
			if ended := logins[first].ended; ended.After(last) {
				last = ended
			}
		}
		return true
	})
	return last
}

// stop ends the logins, and returns them.
func (f *clusterTraffic) stop() []clusterAnswer {
	f.stopOnce.Do(func() { close(f.stopping) })
	f.senders.Wait()
	return f.soFar()
}

// between returns those of the logins that began after the first time and ended before
// the second.
func between(logins []clusterAnswer, from, until time.Time) []clusterAnswer {
	return slices.DeleteFunc(slices.Clone(logins), func(login clusterAnswer) bool {
		return !login.began.After(from) || !login.ended.Before(until)
	})
}

// longestGap returns the longest time between two logins of a node that were accepted, one
// after the other.
func longestGap(logins []clusterAnswer, node *clusterNode) time.Duration {
	var longest time.Duration
	var before time.Time
	for _, login := range logins { // in the order of their ends
		if login.node != node || !login.accepted() {
			continue
		}
		if !before.IsZero() {
			longest = max(longest, login.ended.Sub(before))
		}
		before = login.ended
	}
	return longest
}

// requireAll fails the test unless each of the logins came out as it should, or is
// undecided, and some of them did.
func (c *vaultCluster) requireAll(whose string, logins []clusterAnswer, want func(clusterAnswer) bool) {
	c.t.Helper()
	decided := 0
	for _, login := range logins {
		if login.undecided() {
			continue
		}
		require.True(c.t, want(login), "%s: %s", whose, login)
		decided++
	}
	require.Positive(c.t, decided, whose)
	c.t.Logf("%s: %d of %d logins are answered", whose, decided, len(logins))
}
