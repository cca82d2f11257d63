package e2e

import (
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
)

// nasLogin is a login at a NAS that asks FreeRADIUS.
type nasLogin struct {
	began, ended time.Time
	code         radius.Code // 0: no answer
	err          error
}

// nasTraffic is a user who logs in at a NAS again and again, with the right password, until
// it is stopped. FreeRADIUS asks one node.
type nasTraffic struct {
	f        *frontend
	senders  sync.WaitGroup
	stopping chan struct{}
	stopOnce sync.Once

	mu     sync.Mutex
	logins []nasLogin // guarded by mu
}

// nasSenders is how many logins are under way, so that one that is not answered does not
// keep the others from being tried.
const nasSenders = 4

// nasTraffic has a local user log in through a FreeRADIUS that asks the node, until the
// test ends at the latest.
func (c *vaultCluster) nasTraffic(t testing.TB, node *clusterNode) *nasTraffic {
	t.Helper()
	node.write("auth/radius/users/200", map[string]any{"extauth": "local", "password": "the-password"})
	f := startFrontendWith(t, node.vaultServer, frontendToken(t, node.vaultServer), func(dir string, f *frontend) {
		f.replace(filepath.Join(dir, "mods-enabled/rest"), map[string]string{`timeout = \S+`: "timeout = 3.5"}) // as shipped
	})
	f.answersWithin = 2 * time.Second
	traffic := &nasTraffic{f: f, stopping: make(chan struct{})}
	t.Cleanup(func() { traffic.stop() })
	for range nasSenders {
		traffic.senders.Go(traffic.send)
	}
	return traffic
}

func (n *nasTraffic) send() {
	tick := time.NewTicker(trafficInterval)
	defer tick.Stop()
	for {
		login := nasLogin{began: time.Now()}
		answer, err := n.f.exchange(loginPacket("200"))
		login.code, login.err, login.ended = codeOf(answer), err, time.Now()
		n.add(login)
		select {
		case <-tick.C:
		case <-n.stopping:
			return
		}
	}
}

func (n *nasTraffic) add(login nasLogin) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.logins = append(n.logins, login)
}

// soFar returns the logins that have ended.
func (n *nasTraffic) soFar() []nasLogin {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.logins)
}

// awaitAccept waits until a login that began after a time is accepted.
func (n *nasTraffic) awaitAccept(t testing.TB, after time.Time) {
	t.Helper()
	await(t, "a login at the NAS is accepted", func() bool {
		return slices.ContainsFunc(n.soFar(), func(login nasLogin) bool {
			return login.code == radius.CodeAccessAccept && login.began.After(after)
		})
	})
}

// stop ends the logins, and returns them.
func (n *nasTraffic) stop() []nasLogin {
	n.stopOnce.Do(func() { close(n.stopping) })
	n.senders.Wait()
	return n.soFar()
}

// requireNoReject stops the logins, none of which may have been refused.
func (n *nasTraffic) requireNoReject(t testing.TB) {
	t.Helper()
	silent := 0
	logins := n.stop()
	for _, login := range logins {
		require.NoError(t, login.err)
		require.NotEqual(t, radius.CodeAccessReject, login.code, "the password is right: %v", login)
		if login.code == 0 {
			silent++
		}
	}
	t.Logf("of %d logins at the NAS %d are not answered", len(logins), silent)
}
