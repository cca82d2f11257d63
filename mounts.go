package radiusauth

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"reflect"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/gate"
)

// Mounts makes the mounts of a plugin's process, and closes those that are left when the
// process has to end by itself.
type Mounts struct {
	requests *gate.Gate // of all mounts

	mu   sync.Mutex
	open map[*backend]struct{} // guarded by mu
}

// NewMounts returns a maker of mounts that has made none.
func NewMounts() *Mounts {
	return &Mounts{requests: gate.New(), open: map[*backend]struct{}{}}
}

// Factory makes a mount; it is a [logical.Factory].
func (m *Mounts) Factory(ctx context.Context, conf *logical.BackendConfig) (logical.Backend, error) {
	b := newBackend()
	b.requests = m.requests
	if err := b.Setup(ctx, conf); err != nil {
		return nil, fmt.Errorf("setting up the radius auth method: %w", err)
	}
	clean := b.Clean
	b.Clean = func(ctx context.Context) {
		m.remove(b)
		clean(ctx)
	}
	m.add(b)
	return b, nil
}

// Close closes the mounts that Vault has not closed, all at once. It returns when that
// is done, or the context ends.
func (m *Mounts) Close(ctx context.Context) {
	var group sync.WaitGroup
	for _, b := range m.left() {
		group.Go(func() { b.Cleanup(ctx) })
	}
	closed := make(chan struct{})
	go func() { // until all are closed: who calls this ends the process
		defer close(closed)
		group.Wait()
	}()
	select {
	case <-closed:
	case <-ctx.Done():
	}
}

const (
	// drainTime bounds the wait for requests in flight: others wait behind them, and one
	// may be a login whose user looks for a phone.
	drainTime = 15 * time.Second

	// lingerTime is for answers that are on their way to Vault, whose connection is cut when the
	// process ends, and for requests on their way from Vault: what comes after it is lost. Vault
	// sends a mount's next one to another process once it has learned.
	lingerTime = 250 * time.Millisecond
)

// Drain prepares the process for its end, which Vault has begun. Vault waits by itself for
// the requests of a mount that it reloads, but ends the process for all mounts. The requests
// that the others are at come to an end, within a bound; later ones are sent back to Vault,
// which starts a new process and repeats them there. Storage cannot be reached any more.
// The end of the context is that of Vault: then nothing is waited for.
func (m *Mounts) Drain(ctx context.Context) {
	if len(m.left()) == 0 {
		return // no request is lost
	}
	select {
	case <-m.requests.Shut():
	case <-time.After(drainTime):
	case <-ctx.Done():
	}
	select {
	case <-time.After(lingerTime):
	case <-ctx.Done():
	}
}

func (m *Mounts) add(b *backend) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open[b] = struct{}{}
}

func (m *Mounts) remove(b *backend) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.open, b)
}

func (m *Mounts) left() []*backend {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Keys(m.open))
}

// modulePath is the module that this package is the root of, whatever its path is.
var modulePath = reflect.TypeFor[Mounts]().PkgPath()

// version is set by the linker: -ldflags "-X vault-plugin-auth-radius.version=v1.2.3".
var version string

// Version returns the plugin's version, such as "v1.2.3": the linker's, else what the
// build info says of the module, else "v0.0.0-dev".
func Version() string {
	info, found := debug.ReadBuildInfo()
	if !found {
		info = &debug.BuildInfo{}
	}
	return cmp.Or(version, moduleVersion(info), "v0.0.0-dev")
}

// moduleVersion returns the version of this package's module in a binary; "" if it was
// built from files that have none.
func moduleVersion(info *debug.BuildInfo) string {
	for _, module := range append([]*debug.Module{&info.Main}, info.Deps...) {
		if module.Path == modulePath && module.Version != "(devel)" {
			return module.Version
		}
	}
	return ""
}
