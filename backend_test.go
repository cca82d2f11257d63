package radiusauth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/helper/testhelpers/schema"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/passwd"
	"vault-plugin-auth-radius/internal/radiustest"
)

const testSecret = "a-secret-of-20-octets"

// testBackend is a mount with its storage, its log and, if asked for, a RADIUS
// server.
type testBackend struct {
	*backend
	t       *testing.T
	storage *testStorage
	log     *lockedBuffer
	server  *radiustest.Server
	network *radiustest.Network // of the RADIUS servers; nil: loopback
}

func newTestBackend(t *testing.T) *testBackend {
	t.Helper()
	storage := &testStorage{Storage: &logical.InmemStorage{}}
	log := &lockedBuffer{}
	system := logical.TestSystemView()
	system.PluginEnvironment = &logical.PluginEnvironment{VaultVersion: "1.21.1"}
	made, err := Factory(t.Context(), &logical.BackendConfig{
		StorageView: storage,
		System:      system,
		Logger:      hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: log}),
	})
	require.NoError(t, err)
	b := &testBackend{backend: made.(*backend), t: t, storage: storage, log: log}
	b.logins.Hasher = passwd.NewHasher(0, time.Hour) // on a machine that is busy with other tests
	return b
}

// newConfiguredBackend is a mount that asks a RADIUS server that knows alice
// (with the password alice-password), bob and carol, who has a one-time code.
func newConfiguredBackend(t *testing.T, config map[string]any) *testBackend {
	t.Helper()
	b := newTestBackend(t)
	b.configureUsers(config)
	return b
}

// configureUsers makes the mount that of newConfiguredBackend.
func (b *testBackend) configureUsers(config map[string]any) {
	b.t.Helper()
	b.startServer(radiustest.Options{Handler: radiustest.Users{
		"alice": {Password: "alice-password"},
		"bob":   {Password: "bob-password"},
		"carol": {Password: "carol-password", Code: "123456"},
	}.Handler()})
	b.configure(config)
}

// memoryAddress is where the RADIUS server of a network in memory listens.
const (
	memoryHost    = "192.0.2.1"
	memoryAddress = memoryHost + ":1812"
)

// inVirtualTime runs a test in a bubble of testing/synctest, with a mount whose
// RADIUS server is on a network in memory.
func inVirtualTime(t *testing.T, test func(t *testing.T, b *testBackend)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newTestBackend(t)
		b.network = radiustest.NewNetwork(radiustest.NetworkOptions{Latency: time.Millisecond})
		b.settings.dial = b.network.Dial
		t.Cleanup(func() {
			b.Cleanup(context.WithoutCancel(t.Context()))
			time.Sleep(time.Hour) // for logins that wait, if the test has failed
		})
		test(t, b)
	})
}

func (b *testBackend) startServer(options radiustest.Options) {
	b.t.Helper()
	options.Secret = testSecret
	if options.Network = b.network; b.network != nil {
		options.Address = memoryAddress
	}
	server, err := radiustest.Start(options)
	require.NoError(b.t, err)
	b.t.Cleanup(func() { require.NoError(b.t, server.Close()) })
	b.server = server
}

// configure points the mount at its server, with further fields.
func (b *testBackend) configure(config map[string]any) {
	b.t.Helper()
	data := map[string]any{"host": b.server.Host(), "port": b.server.Port(), "secret": testSecret}
	for field, value := range config {
		data[field] = value
	}
	b.ok(logical.UpdateOperation, "config", data)
}

// do sends a request as Vault does: an existence check turns a write to what
// does not exist into a create.
func (b *testBackend) do(operation logical.Operation, path string, data map[string]any) (*logical.Response, error) {
	b.t.Helper()
	req := &logical.Request{
		Operation:  operation,
		Path:       path,
		Data:       data,
		Storage:    b.storage,
		Connection: &logical.Connection{RemoteAddr: "192.0.2.7"},
	}
	if operation == logical.UpdateOperation {
		found, exists, err := b.HandleExistenceCheck(b.t.Context(), req)
		require.NoError(b.t, err)
		if found && !exists {
			req.Operation = logical.CreateOperation
		}
	}
	resp, err := b.HandleRequest(b.t.Context(), req)
	if err == nil && !resp.IsError() {
		b.checkSchema(path, req.Operation, resp)
	}
	return resp, err
}

// checkSchema holds every successful response against the schema that the
// operation declares.
func (b *testBackend) checkSchema(path string, operation logical.Operation, resp *logical.Response) {
	b.t.Helper()
	if operation == logical.ReadOperation && resp == nil {
		return // not found: Vault answers 404
	}
	declared := b.Route(path).Operations[operation].Properties().Responses
	require.NotEmpty(b.t, declared)
	isRaw := resp != nil && resp.Data[logical.HTTPStatusCode] != nil
	if isRaw && (strings.HasPrefix(path, "freeradius/") || path == "metrics") {
		require.Contains(b.t, declared, resp.Data[logical.HTTPStatusCode], "%s %s", operation, path)
		return // for FreeRADIUS and Prometheus: without Vault's envelope
	}
	if status, body := rawBody(b.t, resp); status != 0 {
		require.Contains(b.t, declared, status)
		schema.ValidateResponseData(b.t, &declared[status][0], body, true)
		return
	}
	if _, empty := declared[http.StatusNoContent]; empty && resp != nil {
		require.NotEmpty(b.t, resp.Warnings, "%s %s declares no content", operation, path)
	}
	schema.ValidateResponse(b.t, schema.GetResponseSchema(b.t, b.Route(path), operation), resp, true)
}

// rawBody gives the data of a response that has a status of its own, 0 if it has
// none.
func rawBody(t *testing.T, resp *logical.Response) (status int, data map[string]any) {
	t.Helper()
	if resp == nil || resp.Data[logical.HTTPRawBody] == nil {
		return 0, nil
	}
	var body struct{ Data map[string]any }
	decoder := json.NewDecoder(strings.NewReader(resp.Data[logical.HTTPRawBody].(string)))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&body))
	return resp.Data[logical.HTTPStatusCode].(int), body.Data
}

// ok sends a request that must succeed.
func (b *testBackend) ok(operation logical.Operation, path string, data map[string]any) *logical.Response {
	b.t.Helper()
	resp, err := b.do(operation, path, data)
	require.NoError(b.t, err)
	require.NoError(b.t, resp.Error())
	return resp
}

// refused sends a request that must be answered with 400 and returns the text.
func (b *testBackend) refused(operation logical.Operation, path string, data map[string]any) string {
	b.t.Helper()
	resp, err := b.do(operation, path, data)
	require.NoError(b.t, err, "an error, not an error response, may become a 500")
	require.True(b.t, resp.IsError(), "was not refused")
	return resp.Error().Error()
}

func (b *testBackend) login(username, password string) (*logical.Response, error) {
	b.t.Helper()
	return b.do(logical.UpdateOperation, "login/"+username, map[string]any{"password": password})
}

func (b *testBackend) loginOK(username, password string) *logical.Auth {
	b.t.Helper()
	return b.ok(logical.UpdateOperation, "login/"+username, map[string]any{"password": password}).Auth
}

// stored gives the bytes of a storage entry, "" if there is none.
func (b *testBackend) stored(key string) string {
	b.t.Helper()
	entry, err := b.storage.Get(b.t.Context(), key)
	require.NoError(b.t, err)
	if entry == nil {
		return ""
	}
	return string(entry.Value)
}

// store puts bytes into storage, as another node or the built-in would.
func (b *testBackend) store(key, value string) {
	b.t.Helper()
	require.NoError(b.t, b.storage.Put(b.t.Context(), &logical.StorageEntry{Key: key, Value: []byte(value)}))
	b.InvalidateKey(b.t.Context(), key)
}

var errStorage = errors.New("storage is broken")

// testStorage counts, and fails on demand.
type testStorage struct {
	logical.Storage
	reads, writes atomic.Int64
	failGets      atomic.Bool
	failLists     atomic.Bool
	failPuts      atomic.Bool
	panicGets     atomic.Bool
	fault         atomic.Pointer[fault] // of writes; nil: none
}

// fault makes one write fail, or it and all after it.
type fault struct {
	at      int64 // which write, from 1
	after   bool  // those after it fail too: storage is gone
	applied bool  // the write that fails is done all the same: only the answer is lost
	gone    int64 // from this write on all fail; 0: none does

	count atomic.Int64 // writes so far
}

// strikes counts a write and tells whether it fails, and whether it is done.
func (f *fault) strikes() (failed, applied bool) {
	if f == nil {
		return false, true
	}
	count := f.count.Add(1)
	switch {
	case count == f.at:
		return true, f.applied
	case count > f.at && f.after, f.gone > 0 && count >= f.gone:
		return true, false
	}
	return false, true
}

func (s *testStorage) Get(ctx context.Context, key string) (*logical.StorageEntry, error) {
	s.reads.Add(1)
	if s.panicGets.Load() {
		panic("storage panics: " + testSecret)
	}
	if s.failGets.Load() {
		return nil, errStorage
	}
	return s.Storage.Get(ctx, key)
}

func (s *testStorage) List(ctx context.Context, prefix string) ([]string, error) {
	s.reads.Add(1)
	if s.failLists.Load() {
		return nil, errStorage
	}
	return s.Storage.List(ctx, prefix)
}

func (s *testStorage) Put(ctx context.Context, entry *logical.StorageEntry) error {
	s.writes.Add(1)
	if s.failPuts.Load() {
		return errStorage
	}
	return s.write(func() error { return s.Storage.Put(ctx, entry) })
}

func (s *testStorage) Delete(ctx context.Context, key string) error {
	s.writes.Add(1)
	return s.write(func() error { return s.Storage.Delete(ctx, key) })
}

// write does a write, unless the fault strikes.
func (s *testStorage) write(do func() error) error {
	failed, applied := s.fault.Load().strikes()
	if applied {
		if err := do(); err != nil {
			return err
		}
	}
	if failed {
		return errStorage
	}
	return nil
}

// lockedBuffer is a log that goroutines may share.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func TestVersionIsReportedToVault(t *testing.T) {
	t.Parallel()
	require.Equal(t, Version(), newTestBackend(t).PluginVersion().Version)
}

func TestPanicEndsTheRequestOnlyAndPrintsNoValue(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.storage.panicGets.Store(true)
	require.Contains(t, b.refused(logical.ReadOperation, "config", nil), "internal error")
	require.Contains(t, b.log.String(), "panicked: please report this")
	require.NotContains(t, b.log.String(), testSecret)
}

func TestEveryOperationIsDescribed(t *testing.T) {
	t.Parallel()
	for _, path := range newTestBackend(t).Paths {
		require.NotEmpty(t, path.HelpSynopsis, path.Pattern)
		require.NotEmpty(t, path.HelpDescription, path.Pattern)
		require.NotEmpty(t, path.Operations, path.Pattern)
		for field, fieldSchema := range path.Fields {
			require.NotEmpty(t, fieldSchema.Description, "%s: %s", path.Pattern, field)
		}
		for operation, handler := range path.Operations {
			require.NotEmpty(t, handler.Properties().Summary, "%s %s", operation, path.Pattern)
			require.NotEmpty(t, handler.Properties().Responses, "%s %s", operation, path.Pattern)
		}
	}
}

func TestHelpIsGivenForEveryPath(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	for _, path := range []string{"", "config", "users/", "users/bob", "login", "login/bob", "status", "profiles", "profiles/one", "profiles/one/test", "dictionary/attributes", "dictionary/attributes/Class", "dictionary/custom", "dictionary/custom/one", "extauth", "extauth/one", "extauth/one/verify", "unlock/", "unlock/bob", "explain", "freeradius/authorize", "freeradius/postauth", "freeradius/accounting", "freeradius/config", "freeradius/batch", "freeradius/batch/one"} {
		resp, err := b.HandleRequest(t.Context(), &logical.Request{Operation: logical.HelpOperation, Path: path, Storage: b.storage})
		require.NoError(t, err, b.log.String())
		require.NotEmpty(t, resp.Data["help"], path)
	}
}
