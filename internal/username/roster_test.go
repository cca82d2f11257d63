package username

import (
	"fmt"
	"hash/crc32"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// likeness is a skeleton that every name of a test has with some others.
func likeness(name string) uint64 { return uint64(crc32.ChecksumIEEE([]byte(name)) % 2048) }

// Whatever has changed in a roster, and however much, it is one that was made of the same names.
func TestRosterFollowsAllChanges(t *testing.T) {
	t.Parallel()
	for _, filled := range []int{0, 2 * minUntidy} {
		random := rand.New(rand.NewPCG(1, uint64(filled))) // #nosec G404 -- a test that can be repeated
		anyName := func() string { return strings.Repeat("n", random.IntN(9)) + fmt.Sprint(random.IntN(6*minUntidy)) }
		want := map[string]bool{}
		for range filled {
			want[anyName()] = true
		}
		r := newRoster(slices.Collect(maps.Keys(want)), likeness)
		rosters := map[*string]bool{}
		for i := range 5 * minUntidy {
			name, isThere := anyName(), random.IntN(3) > 0
			if r.set(name, likeness(name), isThere); isThere {
				want[name] = true
			} else {
				delete(want, name)
			}
			if r.has(name) != isThere {
				t.Fatal(name, isThere)
			}
			if i%(minUntidy/4) == 0 && len(r.sorted) > 0 {
				rosters[&r.sorted[0]] = true
			}
		}
		require.Greater(t, len(rosters), 1, "it was made anew")
		names := slices.Sorted(maps.Keys(want))
		require.Equal(t, names, r.page("", len(names)+1))
		require.Equal(t, names[10:30], r.page(names[9], 20))
		require.Equal(t, names[10:30], r.page(names[9]+"\x00", 20))
		require.Empty(t, r.page(names[len(names)-1], 5))
		like := map[uint64][]string{}
		for _, name := range names {
			like[likeness(name)] = append(like[likeness(name)], name)
		}
		alike := r.alike()
		for skeleton, those := range like {
			require.ElementsMatch(t, those, r.like(skeleton))
			require.True(t, len(those) == 1 || slices.Contains(alike, skeleton))
		}
		require.Empty(t, r.like(2048))
	}
}

// What a change takes that has all of a million names sorted anew.
func BenchmarkTidy(b *testing.B) {
	names := make([]string, 1_000_000)
	for i := range names {
		names[i] = fmt.Sprintf("registered-user-of-%07d", i)
	}
	index := filled(names...)
	for i := range len(names) / 8 {
		name := fmt.Sprintf("registered-user-of-%07d-too", i)
		index.names.set(name, index.skeleton(name), true)
	}
	before := index.names
	for b.Loop() {
		index.names = before
		index.names.tidy()
	}
}
