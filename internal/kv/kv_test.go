package kv

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// memory is a Storage of one folder, which fails on demand.
type memory struct {
	entries map[string][]byte
	err     error
}

func (m *memory) List(_ context.Context, prefix string) (names []string, err error) {
	for key := range m.entries {
		if name, found := strings.CutPrefix(key, prefix); found {
			names = append(names, name)
		}
	}
	return names, m.err
}

func (m *memory) Get(_ context.Context, key string) ([]byte, error) { return m.entries[key], m.err }

func (m *memory) Put(_ context.Context, key string, value []byte) error {
	if m.err == nil {
		m.entries[key] = value
	}
	return m.err
}

func (m *memory) Delete(_ context.Context, key string) error {
	if m.err == nil {
		delete(m.entries, key)
	}
	return m.err
}

func newMemory() *memory { return &memory{entries: map[string][]byte{}} }

func TestEntriesAreStoredAsVaultsMethodsStoreThem(t *testing.T) {
	t.Parallel()
	storage := newMemory()
	entry := map[string]any{"name": "a<b", "large": json.Number("9007199254740993")}
	require.NoError(t, Save(t.Context(), storage, "key", "the entry", entry))
	require.Equal(t, `{"large":9007199254740993,"name":"a\u003cb"}`+"\n", string(storage.entries["key"]))
	var loaded map[string]any
	var name struct{ Name string }
	found, err := Load(t.Context(), storage, "key", "the entry", &loaded, &name)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, entry, loaded)
	require.Equal(t, "a<b", name.Name)
	found, err = Load(t.Context(), storage, "other", "the entry", &loaded)
	require.NoError(t, err)
	require.False(t, found)
}

func TestErrorsNameTheEntry(t *testing.T) {
	t.Parallel()
	storage := newMemory()
	storage.entries["key"] = []byte("{")
	_, err := Load(t.Context(), storage, "key", "the entry", &struct{}{})
	require.ErrorContains(t, err, "decoding the entry: ")
	require.ErrorContains(t, Save(t.Context(), storage, "key", "the entry", func() {}), "encoding the entry: ")
	storage.err = errors.New("away")
	_, err = Load(t.Context(), storage, "key", "the entry", &struct{}{})
	require.EqualError(t, err, "reading the entry: away")
	require.EqualError(t, Save(t.Context(), storage, "key", "the entry", 1), "writing the entry: away")
	require.EqualError(t, DeleteIndex(t.Context(), storage, "key"), "deleting an index: away")
	_, err = IDs(t.Context(), storage, "things/", "things")
	require.EqualError(t, err, "listing things: away")
	_, err = NextID(t.Context(), storage, "sequence", "things")
	require.EqualError(t, err, "reading the last id of things: away")
}

func TestIDsAreTakenOnceAndListedInOrder(t *testing.T) {
	t.Parallel()
	storage := newMemory()
	for want := range int64(3) {
		id, err := NextID(t.Context(), storage, "sequence", "things")
		require.NoError(t, err)
		require.Equal(t, want+1, id)
	}
	require.Equal(t, `{"last":3}`+"\n", string(storage.entries["sequence"]))
	for _, key := range []string{"things/10", "things/9", "things/007", "things/x"} {
		storage.entries[key] = nil
	}
	ids, err := IDs(t.Context(), storage, "things/", "things")
	require.NoError(t, err)
	require.Equal(t, []int64{9, 10}, ids)
}

func TestWholeNumbersAreDigits(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"": false, "0": true, "007": true, "-1": false, "1a": false, "99999999999999999999": true} {
		require.Equal(t, want, IsWholeNumber(text), text)
	}
	for text, want := range map[string]bool{"7": true, "-7": true, "007": false, "": false, "99999999999999999999": false} {
		_, ok := ParseID(text)
		require.Equal(t, want, ok, text)
	}
}
