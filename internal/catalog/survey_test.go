package catalog

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/kv"
)

// noProfiles is a storage without profiles.
type noProfiles struct{ kv.Storage }

func (noProfiles) List(context.Context, string) ([]string, error) { return nil, nil }

// Two look at a profile that changes in between: the one who looked first may be the last to tell.
func TestLookFromBeforeAChangeTellsNothing(t *testing.T) {
	t.Parallel()
	s := newSurvey()
	t.Cleanup(s.close)
	r := s.start(noProfiles{}, nil, func(cause any) { t.Errorf("panic: %v", cause) })
	<-r.done
	require.NoError(t, r.err)
	s.doubt(7)
	before := s.doubtful(r)[7]
	s.doubt(7)
	s.settle(r, 7, before, true)
	require.Contains(t, s.doubtful(r), int64(7), "the second change is still to be looked at")
	s.settle(r, 7, s.doubtful(r)[7], false)
	require.Empty(t, s.doubtful(r))
	s.settle(r, 7, before, true)
	ids, count, isCurrent := s.first(r, 10)
	require.True(t, isCurrent)
	require.Empty(t, ids)
	require.Zero(t, count)

	// What was read before all is read anew tells nothing either.
	s.clear()
	again := s.start(noProfiles{}, nil, nil)
	<-again.done
	require.NotSame(t, r, again)
	s.found(r, 7)
	require.Empty(t, s.doubtful(r))
	require.False(t, s.failed(r))
	_, count, isCurrent = s.first(again, 10)
	require.True(t, isCurrent)
	require.Zero(t, count)
	_, _, isCurrent = s.first(r, 10)
	require.False(t, isCurrent)
}
