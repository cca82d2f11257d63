package radclient

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// reminder is an item that notes when it was called, so many times.
type reminder struct {
	appointment
	name  string
	every time.Duration
	left  int
	calls chan string
}

func (r *reminder) due(now time.Time) (time.Time, bool) {
	r.calls <- r.name
	r.left--
	return now.Add(r.every), r.left > 0
}

func TestAgendaCallsWhatIsDueInItsOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls := make(chan string, 10)
		soFar := func() (names []string) {
			synctest.Wait()
			for len(calls) > 0 {
				names = append(names, <-calls)
			}
			return names
		}
		var a agenda
		start := time.Now()
		at := func(seconds time.Duration) time.Time { return start.Add(seconds * time.Second) }
		a.add(&reminder{name: "late", left: 1, calls: calls}, at(10))
		a.add(&reminder{name: "twice", left: 2, every: 4 * time.Second, calls: calls}, at(3))
		a.add(&reminder{name: "first", left: 1, calls: calls}, at(1))
		gone := &reminder{name: "gone", left: 1, calls: calls}
		a.add(gone, at(2))
		a.remove(gone)
		moved := &reminder{name: "moved", left: 1, calls: calls}
		a.add(moved, at(2))
		a.add(moved, at(9))

		time.Sleep(6 * time.Second)
		require.Equal(t, []string{"first", "twice"}, soFar())
		time.Sleep(time.Minute)
		require.Equal(t, []string{"twice", "moved", "late"}, soFar())
		a.remove(moved) // out already
	})
}
