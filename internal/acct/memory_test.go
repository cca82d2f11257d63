package acct

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
)

var errFault = errors.New("storage is out of order")

// memory is a kv.Storage that holds its callers to Vault's rules and fails when it is
// told to.
type memory struct {
	mu      sync.Mutex
	values  map[string]string         // guarded by mu
	folders map[string]map[string]int // how many keys are under each name of a folder; guarded by mu
	counts  map[string]int            // operations by name; guarded by mu
	total   int                       // of operations; guarded by mu
	longest int                       // most names that one List returned; guarded by mu

	// fail returns whether an operation fails before or after it is done; nil:
	// neither. Called with mu held, numbered from 0.
	fail func(n int) (before, after bool)
}

func newMemory() *memory {
	return &memory{values: map[string]string{}, folders: map[string]map[string]int{}, counts: map[string]int{}}
}

// do counts an operation, does it and fails as told.
func (m *memory) do(operation, key string, do func()) error {
	defer runtime.Gosched() // others get between any two operations
	m.mu.Lock()
	defer m.mu.Unlock()
	if strings.Contains(key, "..") || strings.HasPrefix(key, "/") || strings.Contains(key, "//") {
		return fmt.Errorf("Vault refuses the key %q", key)
	}
	m.counts[operation]++
	before, after := false, false
	if m.fail != nil {
		before, after = m.fail(m.total)
	}
	m.total++
	if before {
		return errFault
	}
	do()
	if after {
		return errFault
	}
	return nil
}

func (m *memory) List(_ context.Context, prefix string) (names []string, err error) {
	if !strings.HasSuffix(prefix, "/") {
		return nil, fmt.Errorf("Vault lists no key: %q", prefix)
	}
	err = m.do("list", prefix, func() {
		names = slices.Collect(maps.Keys(m.folders[prefix])) // in no order
		m.longest = max(m.longest, len(names))
	})
	return names, err
}

func (m *memory) Get(_ context.Context, key string) (value []byte, err error) {
	err = m.do("get", key, func() {
		if stored, ok := m.values[key]; ok {
			value = []byte(stored)
		}
	})
	return value, err
}

func (m *memory) Put(_ context.Context, key string, value []byte) error {
	if len(value) == 0 || value[0] != '{' {
		return fmt.Errorf("no JSON object at %s: %s", key, value)
	}
	return m.do("put", key, func() {
		if _, ok := m.values[key]; !ok {
			m.list(key, 1)
		}
		m.values[key] = string(value)
	})
}

func (m *memory) Delete(_ context.Context, key string) error {
	return m.do("delete", key, func() {
		if _, ok := m.values[key]; ok {
			m.list(key, -1)
		}
		delete(m.values, key)
	})
}

// list adds a key to its folders, or takes it away.
func (m *memory) list(key string, add int) {
	for i := range len(key) {
		if i > 0 && key[i-1] != '/' {
			continue
		}
		folder, name := key[:i], key[i:]
		if slash := strings.IndexByte(name, '/'); slash >= 0 {
			name = name[:slash+1]
		}
		if m.folders[folder] == nil {
			m.folders[folder] = map[string]int{}
		}
		m.folders[folder][name] += add
		if m.folders[folder][name] == 0 {
			delete(m.folders[folder], name)
		}
	}
}

// faults makes operations fail, or stops that if it is nil.
func (m *memory) faults(fail func(n int) (before, after bool)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = fail
}

// take returns how many operations of each kind were done, and the longest list, and
// starts anew.
func (m *memory) take() (counts map[string]int, longest int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	counts, longest = m.counts, m.longest
	m.counts, m.longest = map[string]int{}, 0
	return counts, longest
}

// keys returns the keys there are under a prefix.
func (m *memory) keys(prefix string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Sorted(maps.Keys(m.values)), func(key string) bool { return !strings.HasPrefix(key, prefix) })
}

// operations returns how many were done since the start.
func (m *memory) operations() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.total
}
