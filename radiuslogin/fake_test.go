package radiuslogin_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"
)

// fakeVault answers requests in turn, and keeps them.
type fakeVault struct {
	client *api.Client

	lock     sync.Mutex
	requests []fakeRequest
	answers  []fakeAnswer
}

type fakeRequest struct {
	Method, Path string
	Header       http.Header
	Body         map[string]any
}

type fakeAnswer struct {
	status int
	body   string
}

const (
	tokenAnswer     = `{"auth":{"client_token":"hvs.fake","accessor":"a"}}`
	challengeAnswer = `{"data":{"challenge_id":"id-of-the-challenge","message":"Enter your code","echo":false,"expires_in":90}}`
)

func ok(body string) fakeAnswer { return fakeAnswer{status: http.StatusOK, body: body} }

func startFakeVault(t testing.TB, answers ...fakeAnswer) *fakeVault {
	t.Helper()
	fake := &fakeVault{answers: answers}
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	client, err := api.NewClient(&api.Config{Address: server.URL, MaxRetries: 2})
	require.NoError(t, err)
	fake.client = client
	return fake
}

func (f *fakeVault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.lock.Lock()
	defer f.lock.Unlock()
	request := fakeRequest{Method: r.Method, Path: r.URL.Path, Header: r.Header}
	_ = json.NewDecoder(r.Body).Decode(&request.Body)
	answer := fakeAnswer{status: http.StatusTeapot}
	if n := len(f.requests); n < len(f.answers) {
		answer = f.answers[n]
	}
	f.requests = append(f.requests, request)
	w.WriteHeader(answer.status)
	_, _ = w.Write([]byte(answer.body))
}

func (f *fakeVault) seen() []fakeRequest {
	f.lock.Lock()
	defer f.lock.Unlock()
	return f.requests
}

func newRecorder(body string) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	_, _ = recorder.WriteString(body)
	return recorder
}
