package catalog

import (
	"context"
	"errors"
	"fmt"

	"vault-plugin-auth-radius/internal/kv"
)

// maxWarned is the number of profiles of which warnings are shown.
const maxWarned = 100

// errInterrupted is what a reading has that a panic has kept from its end.
var errInterrupted = errors.New("reading the profiles was interrupted: see the log")

// Warnings are the changes that the stored profiles need.
type Warnings struct {
	Texts    []string // of at most 100 profiles
	Complete bool     // all profiles were read; else Read of them, so that there may be more warnings
	Read, Of int
}

// Warnings returns the changes that the stored profiles need. The first call has all profiles read in the background,
// and waits for the first 1,000; later ones read those that have changed, and those that have warnings.
func (s *Profiles) Warnings(ctx context.Context, storage kv.Storage) (Warnings, error) {
	r := s.survey.start(storage, func(ctx context.Context, id int64) (bool, error) {
		compiled, err := s.compile(ctx, storage, id) // not into the cache, where others have more use of the room
		return compiled != nil && len(compiled.Warnings()) > 0, err
	}, s.onPanic)
	select {
	case <-r.enough:
	case <-ctx.Done():
		return Warnings{}, fmt.Errorf("the profiles were not read in time: %w", ctx.Err())
	}
	warnings := Warnings{}
	select {
	case <-r.done:
		if r.err != nil && s.survey.failed(r) {
			return Warnings{}, r.err
		}
		if err := s.settleDoubts(ctx, storage, r); err != nil {
			return Warnings{}, err
		}
		warnings.Complete = r.err == nil
	default: // it goes on
	}
	warnings.Read, warnings.Of = int(r.read.Load()), int(r.of.Load())
	ids, count, isCurrent := s.survey.first(r, maxWarned)
	if !isCurrent { // many profiles have changed meanwhile, or the dictionary: the next call reads them
		warnings.Complete, warnings.Read = false, 0
	}
	shown, err := s.Get(ctx, storage, ids)
	if err != nil {
		return Warnings{}, err
	}
	for _, each := range shown {
		for _, text := range each.Warnings() {
			warnings.Texts = append(warnings.Texts, fmt.Sprintf("profile %s: %s", each.Entry.ShortName, text))
		}
	}
	if count > len(ids) {
		warnings.Texts = append(warnings.Texts, fmt.Sprintf("profiles: %d more have such warnings", count-len(ids)))
	}
	return warnings, nil
}

// settleDoubts reads the profiles that have changed since all were read.
func (s *Profiles) settleDoubts(ctx context.Context, storage kv.Storage, r *reading) error {
	for id, doubt := range s.survey.doubtful(r) {
		compiled, err := s.compile(ctx, storage, id)
		if err != nil {
			return err
		}
		s.survey.settle(r, id, doubt, compiled != nil && len(compiled.Warnings()) > 0)
	}
	return nil
}
