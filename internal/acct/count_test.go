package acct

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func testCounts(t *testing.T, store Store) {
	for i := range 15 {
		record(t, store, packet(Start, fmt.Sprint(i), i, func(p *Packet) { p.Username = []string{"bob", "eve"}[i%2] }))
		require.NoError(t,
			store.LogPostAuth(t.Context(),
				PostAuth{Time: TimeOf(at(i)), Username: []string{"bob", "eve"}[i%2], Reply: "Access-Accept"},
			),
		)
	}
	record(t, store, packet(Stop, "0", 20))
	for want, f := range map[int]Filter{
		15: {},
		8:  {Username: "bob"},
		7:  {Username: "bob", IsOpen: new(true)},
		14: {IsOpen: new(true)},
		5:  {StartTime: at(10)},
		1:  {UniqueID: "3"},
		0:  {UniqueID: "none"},
	} {
		count, exact, err := store.CountSessions(t.Context(), f)
		require.NoError(t, err)
		require.True(t, exact)
		require.Equal(t, want, count, "%+v", f)
	}
	open, exact, err := store.OpenSessions(t.Context())
	require.NoError(t, err)
	require.True(t, exact)
	require.Equal(t, 14, open)
	for want, f := range map[int]PostAuthFilter{
		15: {},
		7:  {Username: "eve"},
		3:  {From: at(10), To: at(12)},
		0:  {Reply: "Access-Reject"},
	} {
		count, exact, err := store.CountPostAuths(t.Context(), f)
		require.NoError(t, err)
		require.True(t, exact)
		require.Equal(t, want, count, "%+v", f)
	}
}

func TestCountingVaultsStorageIsBounded(t *testing.T) {
	t.Parallel()
	store := NewVaultStore(newMemory())
	store.counted = 10
	for i := range 11 {
		record(t, store, packet(Start, fmt.Sprint(i), i))
		require.NoError(t, store.LogPostAuth(t.Context(), PostAuth{Time: TimeOf(at(i)), Username: "bob", Reply: "Access-Accept"}))
	}
	_, exact, err := store.CountSessions(t.Context(), Filter{})
	require.NoError(t, err)
	require.False(t, exact)
	_, exact, err = store.CountPostAuths(t.Context(), PostAuthFilter{Username: "bob"})
	require.NoError(t, err)
	require.False(t, exact)
	open, exact, err := store.OpenSessions(t.Context())
	require.NoError(t, err)
	require.True(t, exact, "it reads no sessions")
	require.Equal(t, 11, open)
}

func TestPagesLeadToOthers(t *testing.T) {
	t.Parallel()
	require.Equal(t, Page{Number: 2, Size: 10}, Page{}.Next())
	require.Equal(t, Page{Number: 1, Size: 100}, Page{Number: 7, Size: 1000}.First())
	previous, exists := Page{Number: 3, Size: 20}.Previous()
	require.Equal(t, Page{Number: 2, Size: 20}, previous)
	require.True(t, exists)
	_, exists = Page{Number: -1}.Previous()
	require.False(t, exists)
	for total, want := range map[int]int{0: 1, 1: 1, 20: 1, 21: 2, 40: 2} {
		require.Equal(t, Page{Number: want, Size: 20}, Page{Number: 9, Size: 20}.Last(total), total)
	}
}
