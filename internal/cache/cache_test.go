package cache

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

func load[T any](value T) func(context.Context, T) (T, error) {
	return func(context.Context, T) (T, error) { return value, nil }
}

func TestValueIsReadOnceForAllCallers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var value Value[int]
		release, reads := make(chan struct{}), 0
		slow := func(context.Context, int) (int, error) {
			reads++
			<-release
			return 7, nil
		}
		var callers sync.WaitGroup
		for range 5 {
			callers.Go(func() {
				number, err := value.Get(t.Context(), slow)
				if number != 7 || err != nil {
					t.Errorf("%d, %v", number, err)
				}
			})
		}
		synctest.Wait()
		close(release)
		callers.Wait()
		require.Equal(t, 1, reads)
		number, err := value.Get(t.Context(), load(8))
		require.NoError(t, err)
		require.Equal(t, 7, number, "kept")
	})
}

func TestValueReadBeforeADropIsNotKept(t *testing.T) {
	t.Parallel()
	var retired []int
	value := Value[int]{Retire: func(gone, _ int) { retired = append(retired, gone) }}
	old, err := value.Get(t.Context(), func(context.Context, int) (int, error) {
		value.Drop() // by a write that comes meanwhile
		return 1, nil
	})
	require.NoError(t, err)
	require.Equal(t, 1, old)
	require.Equal(t, []int{1}, retired)
	fresh, err := value.Get(t.Context(), load(2))
	require.NoError(t, err)
	require.Equal(t, 2, fresh)
}

func TestGetDoesNotJoinAReadFromBeforeADrop(t *testing.T) {
	t.Parallel()
	var value Value[int]
	_, err := value.Get(t.Context(), func(ctx context.Context, _ int) (int, error) {
		value.Drop()
		return value.Get(ctx, load(2)) // it would wait for itself
	})
	require.NoError(t, err)
}

func TestReplacedValueIsRetiredWithTheOneInItsPlace(t *testing.T) {
	t.Parallel()
	type pair struct{ gone, kept int }
	var retired []pair
	value := Value[int]{Retire: func(gone, kept int) { retired = append(retired, pair{gone, kept}) }}
	for number := range 3 {
		value.Drop()
		_, err := value.Get(t.Context(), func(_ context.Context, before int) (int, error) {
			require.Equal(t, number, before)
			return number + 1, nil
		})
		require.NoError(t, err)
	}
	value.Clear()
	value.Clear()
	require.Equal(t, []pair{{1, 2}, {2, 3}, {3, 0}}, retired)
}

func TestCallerThatGoesAwayFailsNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var value Value[int]
		ctx, cancel := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		callers.Go(func() {
			_, err := value.Get(ctx, func(ctx context.Context, _ int) (int, error) {
				<-ctx.Done()
				return 0, ctx.Err()
			})
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
		synctest.Wait()
		callers.Go(func() {
			number, err := value.Get(t.Context(), load(7))
			if number != 7 || err != nil {
				t.Errorf("%d, %v", number, err)
			}
		})
		synctest.Wait()
		cancel()
		callers.Wait()
	})
}

func TestWaiterDoesNotOutliveItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var value Value[int]
		release := make(chan struct{})
		var callers sync.WaitGroup
		callers.Go(func() {
			_, _ = value.Get(t.Context(), func(context.Context, int) (int, error) { <-release; return 1, nil })
		})
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := value.Get(ctx, load(2))
		require.ErrorIs(t, err, context.Canceled)
		close(release)
		callers.Wait()
	})
}

func TestPanicWhileReadingHoldsNoCallerUp(t *testing.T) {
	t.Parallel()
	var value Value[int]
	require.Panics(t, func() {
		_, _ = value.Get(t.Context(), func(context.Context, int) (int, error) { panic("in storage") })
	})
	number, err := value.Get(t.Context(), load(7))
	require.NoError(t, err)
	require.Equal(t, 7, number)
}

func TestRefreshHoldsNoCallerUp(t *testing.T) {
	t.Parallel()
	var retired []int
	value := Value[int]{Retire: func(gone, _ int) { retired = append(retired, gone) }}
	get := func(number int) int {
		kept, err := value.Get(t.Context(), load(number))
		require.NoError(t, err)
		return kept
	}
	require.Equal(t, 1, get(1))
	require.NoError(t, value.Refresh(t.Context(), func(_ context.Context, before int) (int, error) {
		require.Equal(t, 1, before)
		require.Equal(t, 1, get(0), "the old one, until there is a new one")
		return 2, nil
	}))
	require.Equal(t, 2, get(0))
	require.Error(t, value.Refresh(t.Context(), func(context.Context, int) (int, error) { return 0, errors.New("broken") }))
	require.Equal(t, 3, get(3), "what could not be read is read again")
	require.NoError(t, value.Refresh(t.Context(), func(context.Context, int) (int, error) {
		value.Drop() // by a write elsewhere
		return 4, nil
	}))
	require.Equal(t, 5, get(5))
	require.Equal(t, []int{1, 2, 4, 3}, retired)
}

func TestMapKeepsWhatWasReadAndDropsIt(t *testing.T) {
	t.Parallel()
	values := NewMap[string, int](10)
	get := func(number int) int {
		value, err := values.Get(t.Context(), "key", func(context.Context) (int, error) { return number, nil })
		require.NoError(t, err)
		return value
	}
	require.Equal(t, 1, get(1))
	require.Equal(t, 1, get(2))
	values.Drop("key")
	require.Equal(t, 3, get(3))
	values.Clear()
	require.Equal(t, 4, get(4))
	_, err := values.Get(t.Context(), "other", func(context.Context) (int, error) { return 0, errors.New("broken") })
	require.Error(t, err)
	require.Equal(t, 1, values.Len(), "an error is not kept")
}

func TestMapKeepsNothingThatWasReadBeforeADrop(t *testing.T) {
	t.Parallel()
	values := NewMap[string, int](10)
	for _, drop := range []func(){func() { values.Drop("key") }, values.Clear} {
		old, err := values.Get(t.Context(), "key", func(context.Context) (int, error) {
			drop()
			return 1, nil
		})
		require.NoError(t, err)
		require.Equal(t, 1, old)
		require.Zero(t, values.Len())
	}
}

func TestClearedValueIsStillWhatWasKeptBefore(t *testing.T) {
	t.Parallel()
	retired := 0
	value := Value[int]{Retire: func(int, int) { retired++ }}
	_, err := value.Get(t.Context(), load(1))
	require.NoError(t, err)
	value.Clear()
	require.Equal(t, 1, retired)
	fresh, err := value.Get(t.Context(), func(_ context.Context, before int) (int, error) { return before + 1, nil })
	require.NoError(t, err)
	require.Equal(t, 2, fresh)
	require.Equal(t, 1, retired, "once")
}

func TestLookupsAreCountedByWhetherTheyHadToWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var value Value[int]
		lookups := func() [2]uint64 { hits, misses := value.Lookups(); return [2]uint64{hits, misses} }
		release := make(chan struct{})
		var callers sync.WaitGroup
		for range 3 {
			callers.Go(func() {
				_, _ = value.Get(t.Context(), func(context.Context, int) (int, error) { <-release; return 7, nil })
			})
		}
		synctest.Wait()
		require.Equal(t, [2]uint64{0, 3}, lookups(), "one reads, and two wait for it")
		close(release)
		callers.Wait()
		for range 5 {
			_, _ = value.Get(t.Context(), load(8))
		}
		require.Equal(t, [2]uint64{5, 3}, lookups())
		require.NoError(t, value.Refresh(t.Context(), load(9)))
		require.Equal(t, [2]uint64{5, 3}, lookups(), "a refresh is no lookup")
		value.Drop()
		_, _ = value.Get(t.Context(), func(context.Context, int) (int, error) { return 0, errors.New("broken") })
		require.Equal(t, [2]uint64{5, 4}, lookups())
	})
}

func TestLookupsOfAMapAreCounted(t *testing.T) {
	t.Parallel()
	values := NewMap[string, *int](10)
	for range 3 {
		_, _ = values.Get(t.Context(), "none", func(context.Context) (*int, error) { return nil, nil })
	}
	hits, misses := values.Lookups()
	require.Equal(t, [2]uint64{2, 1}, [2]uint64{hits, misses}, "that there is none is kept as well")
}
