package kv

import (
	"context"
	"fmt"
	"slices"
	"strconv"
)

// Named describes entries of a kind that are stored under their ids, with an index of their
// names, which are unique. Where an entry and the index differ, the entry is right: it is
// written after the index that it needs, and deleted before it, so that a crash in between
// leaves at most an index that points nowhere.
type Named[T any] struct {
	Kind, Kinds string // in errors, such as source and sources
	Prefix      string // of the keys of entries; the id follows
	NamePrefix  string // of the keys of the index; the name follows
	NotFound    error  // means that there is no such entry
	// Of returns the id and the name of an entry.
	Of func(*T) (id int64, name string)
	// IsName reports whether a text can be a name: nothing else is looked up.
	IsName func(text string) bool
}

// nameEntry is the index entry of a name. Not a bare number: Vault's decoder takes one that
// begins with a 4 for compressed data.
type nameEntry struct {
	ID int64 `json:"id"`
}

// Key returns the key of an entry.
func (n Named[T]) Key(id int64) string { return n.Prefix + strconv.FormatInt(id, 10) }

func (n Named[T]) index() string { return "the index of " + n.Kinds }

// Label returns the name of an entry in errors.
func (n Named[T]) Label(id int64) string { return fmt.Sprintf("%s %d", n.Kind, id) }

// Load returns a stored entry; nil means that there is none.
func (n Named[T]) Load(ctx context.Context, storage Storage, id int64) (*T, error) {
	entry := new(T)
	found, err := Load(ctx, storage, n.Key(id), n.Label(id), entry)
	if !found || err != nil {
		return nil, err
	}
	return entry, nil
}

// Find returns the entry with the id or name in a path. The error is NotFound if there is
// none.
func (n Named[T]) Find(ctx context.Context, storage Storage, reference string) (*T, error) {
	if !IsWholeNumber(reference) {
		return n.FindNamed(ctx, storage, reference)
	}
	id, ok := ParseID(reference)
	if !ok {
		return nil, n.NotFound
	}
	entry, err := n.Load(ctx, storage, id)
	if entry == nil && err == nil {
		return nil, n.NotFound
	}
	return entry, err
}

// IDOf returns the id that the index has for a name: at most one entry's, which may be gone or have another name by
// now. The error is NotFound if there is none.
func (n Named[T]) IDOf(ctx context.Context, storage Storage, name string) (int64, error) {
	if !n.IsName(name) {
		return 0, n.NotFound
	}
	var index nameEntry
	found, err := Load(ctx, storage, n.NamePrefix+name, n.index(), &index)
	if err != nil {
		return 0, err
	}
	if !found {
		return 0, n.NotFound
	}
	return index.ID, nil
}

// FindNamed returns the entry with the name. The error is NotFound if there is none.
func (n Named[T]) FindNamed(ctx context.Context, storage Storage, name string) (*T, error) {
	id, err := n.IDOf(ctx, storage, name)
	if err != nil {
		return nil, err
	}
	entry, err := n.Load(ctx, storage, id)
	if err != nil {
		return nil, err
	}
	if entry == nil || !n.hasName(entry, name) {
		return nil, n.NotFound // the index is older than the entry
	}
	return entry, nil
}

// IDs returns the ids of the stored entries in their order.
func (n Named[T]) IDs(ctx context.Context, storage Storage) ([]int64, error) {
	return IDs(ctx, storage, n.Prefix, n.Kinds)
}

// Names returns the names in the index, sorted, with one read of keys. Beside those of all stored entries it may have
// one that a crash has left behind: IDOf leads to no entry of that name.
func (n Named[T]) Names(ctx context.Context, storage Storage) ([]string, error) {
	names, err := storage.List(ctx, n.NamePrefix)
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", n.index(), err)
	}
	slices.Sort(names)
	return names, nil
}

// Save stores an entry and the index of its name, which is free. before is the stored entry;
// nil means that the entry is new.
func (n Named[T]) Save(ctx context.Context, storage Storage, before, entry *T) error {
	id, name := n.Of(entry)
	renamed := before == nil || !n.hasName(before, name)
	if renamed {
		if err := Save(ctx, storage, n.NamePrefix+name, n.index(), nameEntry{id}); err != nil {
			return err
		}
	}
	if err := Save(ctx, storage, n.Key(id), n.Label(id), entry); err != nil {
		return err
	}
	if renamed && before != nil {
		return n.deleteName(ctx, storage, before)
	}
	return nil
}

// Delete deletes an entry and the index of its name.
func (n Named[T]) Delete(ctx context.Context, storage Storage, entry *T) error {
	id, _ := n.Of(entry)
	if err := storage.Delete(ctx, n.Key(id)); err != nil {
		return fmt.Errorf("deleting %s: %w", n.Label(id), err)
	}
	return n.deleteName(ctx, storage, entry)
}

func (n Named[T]) deleteName(ctx context.Context, storage Storage, entry *T) error {
	_, name := n.Of(entry)
	return DeleteIndex(ctx, storage, n.NamePrefix+name)
}

func (n Named[T]) hasName(entry *T, name string) bool {
	_, its := n.Of(entry)
	return its == name
}
