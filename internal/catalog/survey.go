package catalog

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"vault-plugin-auth-radius/internal/kv"
)

const (
	// surveyReaders is how many profiles a survey reads at once.
	surveyReaders = 8
	// surveyWait is after how many profiles a survey keeps nobody waiting any more.
	surveyWait = 1000
	// maxDoubts is how many changed profiles are remembered. With more of them, all are read anew.
	maxDoubts = 1000
)

// survey knows which of the stored profiles have warnings: it reads each of them once, in a goroutine, and then those
// that have changed. It is safe for concurrent use.
type survey struct {
	lifetime context.Context // of the goroutine
	end      context.CancelFunc
	running  sync.WaitGroup

	mu       sync.Mutex
	current  *reading         // guarded by mu; nil: nothing was read
	warned   map[int64]bool   // guarded by mu; the profiles that have warnings, by the current reading and later looks
	doubts   map[int64]uint64 // guarded by mu; profiles that have changed since the current reading began
	sequence uint64           // guarded by mu; numbers doubts
}

// reading is one reading of all profiles.
type reading struct {
	stop   context.CancelFunc
	enough chan struct{} // closed when surveyWait profiles were read, and at the end
	once   sync.Once     // closes enough
	read   atomic.Int64  // how many profiles were read
	of     atomic.Int64  // how many there are
	done   chan struct{} // closed at the end; err is then final
	err    error

	outdated bool // guarded by mu of the survey; the reading was ended, as much has changed
}

func newSurvey() *survey {
	s := &survey{}
	s.lifetime, s.end = context.WithCancel(context.Background())
	return s
}

// close ends a reading that is under way.
func (s *survey) close() {
	s.end()
	s.running.Wait()
}

// start returns the current reading, a new one if there is none. isWarned reports whether a profile has warnings, and
// panicked is called if that panics, from where the stack is that of the panic.
func (s *survey) start(
	storage kv.Storage, isWarned func(ctx context.Context, id int64) (bool, error), panicked func(cause any),
) *reading {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != nil {
		return s.current
	}
	ctx, stop := context.WithCancel(s.lifetime)
	r := &reading{stop: stop, enough: make(chan struct{}), done: make(chan struct{}), err: errInterrupted}
	s.current, s.warned, s.doubts = r, map[int64]bool{}, map[int64]uint64{}
	s.running.Go(func() {
		defer stop()
		defer r.once.Do(func() { close(r.enough) })
		defer close(r.done)
		defer func() {
			if cause := recover(); cause != nil {
				panicked(cause)
			}
		}()
		r.err = s.readAll(ctx, r, storage, isWarned, panicked)
	})
	return r
}

// readAll looks at each profile.
func (s *survey) readAll(
	ctx context.Context, r *reading, storage kv.Storage,
	isWarned func(ctx context.Context, id int64) (bool, error), panicked func(cause any),
) error {
	ids, err := IDs(ctx, storage)
	if err != nil {
		return err
	}
	r.of.Store(int64(len(ids)))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(surveyReaders)
	for _, id := range ids {
		group.Go(func() (err error) {
			defer func() {
				if cause := recover(); cause != nil {
					panicked(cause)
					err = errInterrupted
				}
			}()
			if err := ctx.Err(); err != nil {
				return err
			}
			warned, err := isWarned(ctx, id)
			if err != nil {
				return err
			}
			if warned {
				s.found(r, id)
			}
			if r.read.Add(1) == surveyWait && len(ids) > surveyWait {
				r.once.Do(func() { close(r.enough) })
			}
			return nil
		})
	}
	return group.Wait()
}

func (s *survey) found(r *reading, id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == r {
		s.warned[id] = true
	}
}

// failed has the profiles read anew when they are needed next, after a reading that has ended with an error. It
// reports whether that is a fault, which all who wait for the reading are told; it is none that much has changed.
func (s *survey) failed(r *reading) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == r {
		s.current, s.warned, s.doubts = nil, nil, nil
	}
	return !r.outdated
}

// clear forgets what was read.
func (s *survey) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reset()
}

// reset ends the current reading, as much has changed. It runs with mu held.
func (s *survey) reset() {
	if s.current != nil {
		s.current.outdated = true
		s.current.stop()
	}
	s.current, s.warned, s.doubts = nil, nil, nil
}

// doubt marks a profile that has changed, or may have.
func (s *survey) doubt(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil {
		return
	}
	s.sequence++
	s.doubts[id] = s.sequence
	if len(s.doubts) > maxDoubts {
		s.reset()
	}
}

// doubtful returns the profiles that have changed.
func (s *survey) doubtful(r *reading) map[int64]uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != r {
		return nil
	}
	return maps.Clone(s.doubts)
}

// settle ends a doubt, unless the profile has changed since.
func (s *survey) settle(r *reading, id int64, doubt uint64, warned bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != r || s.doubts[id] != doubt {
		return
	}
	delete(s.doubts, id)
	if warned {
		s.warned[id] = true
	} else {
		delete(s.warned, id)
	}
}

// first returns the ids of at most limit profiles with warnings, in their order, and of how many; and whether that is
// from the reading: all are read anew if much has changed since.
func (s *survey) first(r *reading, limit int) (ids []int64, count int, isCurrent bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != r {
		return nil, 0, false
	}
	ids = slices.Sorted(maps.Keys(s.warned))
	return ids[:min(len(ids), limit)], len(ids), true
}
