package kv

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

type thing struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

var things = Named[thing]{
	Kind:       "thing",
	Kinds:      "things",
	Prefix:     "thing/",
	NamePrefix: "thing-name/",
	NotFound:   errors.New("there is no such thing"),
	Of:         func(t *thing) (int64, string) { return t.ID, t.Name },
	IsName:     func(text string) bool { return text != "" },
}

func TestEntriesAreFoundByIDAndName(t *testing.T) {
	t.Parallel()
	storage := newMemory()
	before, after := &thing{1, "a"}, &thing{1, "b"}
	require.NoError(t, things.Save(t.Context(), storage, nil, before))
	require.Equal(t, `{"id":1}`+"\n", string(storage.entries["thing-name/a"]))
	for _, reference := range []string{"1", "a"} {
		found, err := things.Find(t.Context(), storage, reference)
		require.NoError(t, err, reference)
		require.Equal(t, before, found, reference)
	}
	require.NoError(t, things.Save(t.Context(), storage, before, after))
	for _, missing := range []string{"a", "", "2", "007", "99999999999999999999"} {
		_, err := things.Find(t.Context(), storage, missing)
		require.ErrorIs(t, err, things.NotFound, missing)
	}
	storage.entries["thing-name/old"] = []byte(`{"id":1}`)
	_, err := things.FindNamed(t.Context(), storage, "old")
	require.ErrorIs(t, err, things.NotFound, "the entry has another name")
	require.NoError(t, things.Delete(t.Context(), storage, after))
	_, err = things.FindNamed(t.Context(), storage, "b")
	require.ErrorIs(t, err, things.NotFound)
	require.NotContains(t, storage.entries, "thing-name/b")
}

func TestNamesAreThoseOfTheIndex(t *testing.T) {
	t.Parallel()
	storage := newMemory()
	for id, name := range []string{"c", "a", "b"} {
		require.NoError(t, things.Save(t.Context(), storage, nil, &thing{int64(id), name}))
	}
	names, err := things.Names(t.Context(), storage)
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b", "c"}, names)
	id, err := things.IDOf(t.Context(), storage, "b")
	require.NoError(t, err)
	require.EqualValues(t, 2, id)
	_, err = things.IDOf(t.Context(), storage, "d")
	require.ErrorIs(t, err, things.NotFound)
	storage.err = errors.New("away")
	_, err = things.Names(t.Context(), storage)
	require.EqualError(t, err, "listing the index of things: away")
}

func TestFaultsNameTheKindAndTheID(t *testing.T) {
	t.Parallel()
	storage := newMemory()
	storage.err = errors.New("away")
	_, err := things.Find(t.Context(), storage, "7")
	require.EqualError(t, err, "reading thing 7: away")
	_, err = things.FindNamed(t.Context(), storage, "a")
	require.EqualError(t, err, "reading the index of things: away")
	require.EqualError(t, things.Delete(t.Context(), storage, &thing{7, "a"}), "deleting thing 7: away")
	require.EqualError(t, things.Save(t.Context(), storage, nil, &thing{7, "a"}), "writing the index of things: away")
}
