package soak

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// rootToken is the root token of the Vault, which is in dev mode.
const rootToken = "root"

// callTimeout is how long any request may take: longer than a login at a server that is away.
const callTimeout = time.Minute

// client calls Vault. Nothing is sent twice.
type client struct {
	address string
	http    *http.Client
}

// newClient returns a client whose connections are kept: as many as there are workers.
func newClient(address string) *client {
	return &client{address: address, http: &http.Client{
		Timeout:   callTimeout,
		Transport: &http.Transport{MaxIdleConnsPerHost: 256},
	}}
}

// close closes the connections.
func (c *client) close() { c.http.CloseIdleConnections() }

// answer is what Vault has answered.
type answer struct {
	status int
	body   []byte
}

// call sends a request, with a JSON body if it is not nil. An error means that there is no answer.
func (c *client) call(ctx context.Context, method, path, token string, body any) (answer, error) {
	var encoded io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return answer{}, err
		}
		encoded = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.address+"/v1/"+path, encoded)
	if err != nil {
		return answer{}, err
	}
	if token != "" {
		req.Header.Set("X-Vault-Token", token)
	}
	if method == http.MethodPatch {
		req.Header.Set("Content-Type", "application/merge-patch+json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, fmt.Errorf("%s %s: %w", method, path, err)
	}
	return answer{status: resp.StatusCode, body: text}, nil
}

// must is call with the root token for what has to succeed.
func (c *client) must(ctx context.Context, method, path string, body any) (answer, error) {
	a, err := c.call(ctx, method, path, rootToken, body)
	if err != nil {
		return answer{}, err
	}
	if a.status >= http.StatusMultipleChoices {
		return answer{}, a.unexpected(method + " " + path)
	}
	return a, nil
}

// unexpected returns the error of an answer that is another one than it had to be.
func (a answer) unexpected(request string) error {
	return fmt.Errorf("%s: status %d: %.300s", request, a.status, bytes.TrimSpace(a.body))
}

// decode reads the answer's JSON.
func (a answer) decode(into any) error {
	if err := json.Unmarshal(a.body, into); err != nil {
		return fmt.Errorf("answer %.100q: %w", a.body, err)
	}
	return nil
}
