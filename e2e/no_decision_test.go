package e2e

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
)

// scriptedVault answers FreeRADIUS in place of Vault, as the name of the user says: with
// that status, or with none.
type scriptedVault struct {
	*httptest.Server
	mu       sync.Mutex
	attempts []string              // that postauth was sent, by name; guarded by mu
	forms    map[string]url.Values // the last one, by path; guarded by mu
}

func startScriptedVault(t *testing.T) *scriptedVault {
	t.Helper()
	s := &scriptedVault{forms: map[string]url.Values{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *scriptedVault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusTeapot)
		return
	}
	octets, _ := hex.DecodeString(r.PostForm.Get("username_hex"))
	name := string(octets)
	operation := path.Base(r.URL.Path)
	s.keep(operation, name, r.PostForm)
	switch {
	case operation == "postauth":
		w.WriteHeader(http.StatusNoContent)
		return
	case operation == "accounting" && name == "200":
		return
	}
	switch name {
	case "hangs":
		<-r.Context().Done()
		return
	case "closes":
		panic(http.ErrAbortHandler)
	}
	if answer, exists := foreignAnswers[name]; exists {
		w.Header().Set("Content-Type", answer.contentType)
		w.WriteHeader(answer.status)
		_, _ = w.Write([]byte(answer.body))
		return
	}
	status, err := strconv.Atoi(name)
	if err != nil {
		status = http.StatusNoContent // nobody that Vault knows
	}
	switch status {
	case http.StatusTemporaryRedirect:
		w.Header().Set("Location", s.URL+r.URL.Path)
	case http.StatusOK:
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"control:Auth-Type":{"op":":=","do_xlat":false,"value":"Accept"}}`))
		return
	case http.StatusUnauthorized:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"control:Auth-Type":{"op":":=","do_xlat":false,"value":"Reject"}}`))
		return
	}
	w.WriteHeader(status)
}

// foreignAnswers are what a proxy, a portal or another server may say in place of Vault.
var foreignAnswers = map[string]struct {
	status            int
	contentType, body string
}{
	"page":          {http.StatusOK, "text/html; charset=utf-8", "<html>Back soon</html>"},
	"text":          {http.StatusOK, "text/plain", "OK"},
	"form":          {http.StatusOK, "application/x-www-form-urlencoded", "control:Auth-Type=Accept"},
	"garbage":       {http.StatusOK, "application/json", "<html>"},
	"half":          {http.StatusOK, "application/json", `{"control:Auth-Type":{"op":":=","value":"Acc`},
	"nothing":       {http.StatusOK, "application/json", ""},
	"object":        {http.StatusOK, "application/json", "{}"},
	"created":       {http.StatusCreated, "application/json", ""},
	"who-are-you":   {http.StatusUnauthorized, "text/html", "<html>Log in</html>"},
	"who-are-you-2": {http.StatusUnauthorized, "application/json", ""},
	"accept-503":    {http.StatusServiceUnavailable, "application/json", `{"control:Auth-Type":"Accept"}`},
}

// emptyAnswers are those of foreignAnswers that Vault gives as well when it has stored
// what accounting was sent.
var emptyAnswers = []string{"nothing", "object", "created"}

func (s *scriptedVault) keep(operation, name string, form url.Values) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forms[operation] = form
	if operation == "postauth" {
		s.attempts = append(s.attempts, name)
	}
}

// form returns what was last sent to a path.
func (s *scriptedVault) form(operation string) url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.forms[operation]
}

// TestWhatIsNoDecisionOfVaultsIsNotAnswered has Vault answer all that it, or what stands
// before it, may: with a silent server the NAS asks its next one, and an Access-Reject
// would be the last word.
func TestWhatIsNoDecisionOfVaultsIsNotAnswered(t *testing.T) {
	t.Parallel()
	vault := startScriptedVault(t)
	tls := t.TempDir()
	server, _ := identities(t)
	require.NoError(t, server.Write(tls, "server"))
	var dir string
	f := startFrontendAt(t, vault.URL, "token", withEAP("token", tls), func(raddb string, f *frontend) {
		dir = raddb
		f.replace(filepath.Join(dir, "mods-enabled/rest"), map[string]string{`timeout = \S+`: "timeout = 1"})
	})
	f.answersWithin = 4 * time.Second
	decisions := map[string]radius.Code{
		"200": radius.CodeAccessAccept,
		"204": radius.CodeAccessReject, "400": radius.CodeAccessReject, "401": radius.CodeAccessReject,
	}
	none := []string{
		"301", "302", "307", "308", "403", "404", "405", "408", "410", "412", "413", "429", "472", "473",
		"500", "501", "502", "503", "504", "hangs", "closes",
	}
	foreign := slices.Collect(maps.Keys(foreignAnswers))
	var group errgroup.Group
	for _, name := range slices.Concat(none, foreign, slices.Collect(maps.Keys(decisions))) {
		group.Go(func() error {
			answer, err := f.exchange(loginPacket(name))
			if code := codeOf(answer); err == nil && code != decisions[name] {
				err = fmt.Errorf("login, status %s: %v in place of %v", name, code, decisions[name])
			}
			return err
		})
		group.Go(func() error {
			answer, err := f.exchange(startPacket(name))
			stored := name == "200" || name == "204" || slices.Contains(emptyAnswers, name)
			if err == nil && (codeOf(answer) == radius.CodeAccountingResponse) != stored {
				err = fmt.Errorf("accounting, status %s: %v", name, codeOf(answer))
			}
			return err
		})
	}
	const refused = "CTRL-EVENT-EAP-FAILURE"
	for _, name := range []string{"307", "403", "429", "503", "hangs", "page", "nothing", "who-are-you", "204", "400", "401"} {
		for method, inner := range map[string]string{"PEAP": "MSCHAPV2", "TTLS": "PAP"} {
			command := f.eapCommand(tls, method, inner, name, "the-password", f.answersWithin)
			group.Go(func() error {
				out, _ := command.CombinedOutput() // without an answer as well
				_, decided := decisions[name]
				if bytes.Contains(out, []byte(refused)) != decided {
					return fmt.Errorf("%s, status %s:\n%s", method, name, out)
				}
				return nil
			})
		}
	}
	require.NoError(t, group.Wait())
	log, err := os.ReadFile(filepath.Join(dir, "radius.log"))
	require.NoError(t, err)
	vault.mu.Lock()
	defer vault.mu.Unlock()
	for _, name := range slices.Concat(none, foreign) {
		require.NotContains(t, vault.attempts, name, "an attempt that was not answered")
		if _, err := strconv.Atoi(name); err == nil {
			require.Contains(t, string(log), "Vault does not decide: Access-Request from 127.0.0.1, status "+name+", ")
		}
	}
	require.Contains(t, string(log), "status none, rest: Request failed: 28 - Timeout was reached")
	require.Subset(t, vault.attempts, slices.Collect(maps.Keys(decisions)))
}

func loginPacket(name string) *radius.Packet {
	packet := radius.New(radius.CodeAccessRequest, []byte(frontendSecret))
	_ = rfc2865.UserName_SetString(packet, name) // short
	_ = rfc2865.UserPassword_SetString(packet, "the-password")
	return packet
}

func startPacket(name string) *radius.Packet {
	packet := radius.New(radius.CodeAccountingRequest, []byte(frontendSecret))
	_ = rfc2865.UserName_SetString(packet, name) // short
	_ = rfc2866.AcctStatusType_Set(packet, rfc2866.AcctStatusType_Value_Start)
	_ = rfc2866.AcctSessionID_SetString(packet, name)
	return packet
}

// exchange sends a packet once more a second until there is an answer, as a NAS does; the
// answer is nil if there is none within the time.
func (f *frontend) exchange(packet *radius.Packet) (*radius.Packet, error) {
	kind := "auth"
	if packet.Code == radius.CodeAccountingRequest {
		kind = "acct"
	}
	ctx, cancel := context.WithTimeout(f.t.Context(), f.answersWithin)
	defer cancel()
	client := radius.Client{Retry: time.Second}
	answer, err := client.Exchange(ctx, packet, f.address(kind))
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, nil
	}
	return answer, err
}

func codeOf(answer *radius.Packet) radius.Code {
	if answer == nil {
		return 0
	}
	return answer.Code
}
