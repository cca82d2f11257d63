package acct

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestWorkIsBounded counts operations with many sessions in storage: per packet, per
// query and per call of Maintain.
func TestWorkIsBounded(t *testing.T) {
	t.Parallel()
	const sessions, users = 4_200, 400
	storage := newMemory()
	store := NewVaultStore(storage)
	store.examined = sessions - 1
	random := rand.New(rand.NewPCG(1, 1))
	for i := range sessions {
		r := Merge(nil, packet(Start, fmt.Sprint(i), i, func(p *Packet) {
			p.Username = fmt.Sprint("user", random.IntN(users))
			p.CallingStationID = fmt.Sprint("station", random.IntN(users))
		}))
		if i%10 > 0 {
			r = Merge(&r, packet(Stop, fmt.Sprint(i), i+60))
		}
		require.NoError(t, store.save(t.Context(), nil, r))
	}
	work := func(do func()) (gets, others int) {
		_, _ = storage.take()
		do()
		counts, longest := storage.take()
		require.LessOrEqual(t, longest, 100, "folders are short")
		return counts["get"], counts["list"] + counts["put"] + counts["delete"]
	}
	yes := true
	for name, f := range map[string]Filter{
		"user":          {Username: "user77"},
		"station":       {CallingStationID: "station77"},
		"open":          {IsOpen: &yes},
		"newest":        {},
		"from":          {StartTime: at(sessions / 2)},
		"from, few":     {StartTime: at(sessions - 5)},
		"to":            {StopTime: at(sessions / 2)},
		"to the second": {StartTime: at(sessions / 2), StopTime: at(sessions/2 + 100)},
		"unique_id":     {UniqueID: "77"},
		"open, user":    {Username: "user77", IsOpen: &yes},
	} {
		gets, others := work(func() { require.NotNil(t, ids(t, store, f, Page{})) })
		require.LessOrEqual(t, gets, 80, name)
		require.LessOrEqual(t, others, 20, name)
	}
	for status, most := range map[StatusType]int{Start: 6, InterimUpdate: 1, Stop: 3} {
		gets, others := work(func() { record(t, store, packet(status, "new", sessions)) })
		if status == Start {
			require.Equal(t, 1, gets)
		}
		require.LessOrEqual(t, others, most+5, status)
	}
	_, _, err := store.Sessions(t.Context(), Filter{CalledStationID: "nowhere"}, Page{})
	require.ErrorIs(t, err, ErrTooBroad)

	// Open sessions stay until they are stale, and are then as old as the others.
	keep := Retention{Sessions: 9 * time.Hour, Stale: 9*time.Hour + 30*time.Minute}
	closed, deleted := 180, 3186+180
	for calls := 0; closed > 0 || deleted > 0; calls++ {
		var report Report
		gets, _ := work(func() { report = maintain(t, store, at(36_000), keep) })
		require.LessOrEqual(t, gets, 2*batch)
		closed, deleted = closed-report.Closed, deleted-report.DeletedSessions
		require.Less(t, calls, 30)
		require.True(t, calls > 0 || report.More)
	}
}

// TestSweepsPassOverWhatStays has more old sessions that are open than one call looks
// at: it still gets to the others.
func TestSweepsPassOverWhatStays(t *testing.T) {
	t.Parallel()
	store := NewVaultStore(newMemory())
	for i := range batch + 10 {
		require.NoError(t, store.save(t.Context(), nil, Merge(nil, packet(Start, fmt.Sprint(i), i))))
	}
	record(t, store, packet(Stop, "old", 5000))
	keep := Retention{Sessions: time.Hour}
	require.Equal(t, Report{}, maintain(t, store, at(100_000), keep))
	require.Equal(t, Report{DeletedSessions: 1}, maintain(t, store, at(100_000), keep))
	record(t, store, packet(Stop, "older", 1))
	require.Equal(t, 1, maintain(t, store, at(100_000), keep).DeletedSessions, "it starts over")
}

func TestKeysAreWhatVaultTakes(t *testing.T) {
	t.Parallel()
	storage := newMemory()
	store := NewVaultStore(storage)
	for i, text := range hostile {
		record(t, store, packet(Start, fmt.Sprint(i), i, func(p *Packet) { p.Username, p.CallingStationID = text, text }))
		record(t, store, packet(Start, text[:1], i))
		require.NoError(t, store.LogPostAuth(t.Context(), PostAuth{Username: text, Time: TimeOf(at(i))}))
	}
	for _, key := range storage.keys("") {
		require.Regexp(t, `^(acct|postauth)/[a-z]+/[0-9a-z./-]+$`, key)
	}
	require.False(t, slices.ContainsFunc(storage.keys(""), func(key string) bool { return len(key) > 128 }))
}
