package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/longtest"
)

// strangers are clients at an address of their own.
type strangers struct {
	client  *http.Client
	v       *vaultServer
	logins  sync.WaitGroup
	refused atomic.Int64 // as for a wrong password
	full    atomic.Int64 // unanswered, since too many wait
	others  atomic.Int64

	first    chan struct{} // closed when the first login has ended
	hasFirst sync.Once
}

func newStrangers(v *vaultServer, address string) *strangers {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	transport := &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: 64}
	v.t.Cleanup(transport.CloseIdleConnections)
	return &strangers{v: v, client: &http.Client{Transport: transport}, first: make(chan struct{})}
}

// flood sends many logins at once, of which each has a wrong password.
func (s *strangers) flood(count int, name func(i int) string) {
	for i := range count {
		s.logins.Go(func() {
			defer s.hasFirst.Do(func() { close(s.first) })
			body, _ := json.Marshal(map[string]string{"password": fmt.Sprint("guess ", i)}) // never fails
			resp, err := s.client.Post(s.v.Client.Address()+"/v1/auth/radius/login/"+name(i), "application/json", bytes.NewReader(body))
			if err != nil {
				s.others.Add(1)
				return
			}
			defer resp.Body.Close()
			answer, _ := io.ReadAll(resp.Body)
			switch {
			case strings.Contains(string(answer), "access denied by the authentication server"):
				s.refused.Add(1)
			case strings.Contains(string(answer), "did not answer in time"):
				s.full.Add(1)
			default:
				s.others.Add(1)
			}
		})
	}
}

// answered returns how many logins have ended.
func (s *strangers) answered() int64 { return s.refused.Load() + s.full.Load() + s.others.Load() }

// during returns how long a login takes, and how it ends.
func during(v *vaultServer, name, password string) (took time.Duration, text string) {
	began := time.Now()
	_, err := v.Client.Logical().Write("auth/radius/login", map[string]any{"username": name, "password": password})
	took = time.Since(began)
	if err != nil {
		_, text = refusal(v.t, err)
	}
	return took, text
}

// TestLocalLoginPassesAFloodOfWrongPasswords logs in while strangers at another address
// send wrong passwords. How long Vault itself takes for so many requests is seen by a login
// that is refused for its name, before anything waits.
func TestLocalLoginPassesAFloodOfWrongPasswords(t *testing.T) {
	t.Parallel()
	count := longtest.Choose(600, 3000)
	v := startPlugin(t)
	v.write("auth/radius/config", map[string]any{"extauth": "local"})
	v.write("auth/radius/users/alice", map[string]any{"password": "alice-password"})
	for about, name := range map[string]func(int) string{
		"one name":      func(int) string { return "alice" },
		"made-up names": func(i int) string { return fmt.Sprint("stranger", i) },
	} {
		s := newStrangers(v, "127.0.0.2")
		s.flood(count, name)
		<-s.first
		under := count - int(s.answered())
		vaults := make(chan time.Duration, 1)
		s.logins.Go(func() {
			took, _ := during(v, " refused", "p")
			vaults <- took
		})
		took, text := during(v, "alice", "alice-password")
		s.logins.Wait()
		t.Logf("%s: of %d wrong passwords at once, %d were refused and %d unanswered; with %d of them under way, "+
			"alice's login took %s (%q), and Vault alone %s", about, count, s.refused.Load(), s.full.Load(), under,
			took.Round(time.Millisecond), text, (<-vaults).Round(time.Millisecond))
		require.NotContains(t, text, "access denied", "never a refusal")
		require.Zero(t, s.others.Load())
		require.Less(t, s.refused.Load(), int64(count), "not all of them had a hash computed")
		v.login("auth/radius", "alice", "alice-password")
	}
	require.Less(t, strings.Count(v.log.String(), "too many wait for their passwords"), 5, "once a minute")
}
