//go:build protocol

package profile

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FreeRADIUS's own expiration and logintime let in and keep out as the table says, but
// for the rows that are marked. Its clock is one that the test sets.
func TestFreeRADIUSLimitsFollowTheTable(t *testing.T) {
	t.Parallel()
	for _, zone := range []string{utc, berlin, newYork} {
		t.Run(zone, func(t *testing.T) {
			t.Parallel()
			var users strings.Builder
			for i, row := range limitTable {
				if row.zone == zone {
					fmt.Fprintf(&users, "%s Auth-Type := Accept, %s\n", userOf(i), strings.Join(written([]Item{row.item}), ", "))
				}
			}
			clock := filepath.Join(t.TempDir(), "clock")
			setClock(t, clock, 0)
			server := startFreeRADIUS(t, users.String(), fakeClock(t, clock, zone)...)
			for i, row := range limitTable {
				if row.zone != zone {
					continue
				}
				want := row.want
				if row.freeRADIUS != nil {
					want = *row.freeRADIUS
				}
				setClock(t, clock, row.time(t).Unix())
				require.Equal(t, stayAnswered(want), server.ask(t, userOf(i), nil), "%s", row)
			}
		})
	}
}

// stayAnswered is the answer that says how long a login may last.
func stayAnswered(s stay) outcome {
	switch s {
	case kept:
		return no
	case unlimited:
		return yes
	}
	return replies(strconv.Itoa(int(s)))
}

// fakeClock is the environment of a program that takes the time from a file.
func fakeClock(t *testing.T, file, zone string) []string {
	t.Helper()
	for _, pattern := range []string{"/usr/lib*/*/faketime/libfaketimeMT.so.1", "/usr/lib*/faketime/libfaketimeMT.so.1"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		if len(found) > 0 {
			return []string{
				"LD_PRELOAD=" + found[0], "FAKETIME_TIMESTAMP_FILE=" + file, "FAKETIME_FMT=%s", "FAKETIME_NO_CACHE=1",
				"FAKETIME_DONT_FAKE_MONOTONIC=1", "TZ=" + zone,
			}
		}
	}
	t.Fatal("libfaketime is missing: scripts/install-test-needs.sh freeradius installs it")
	return nil
}

// setClock sets the clock, in one step: the program may look at it meanwhile.
func setClock(t *testing.T, file string, seconds int64) {
	t.Helper()
	require.NoError(t, os.WriteFile(file+".new", []byte(strconv.FormatInt(seconds, 10)), 0o600))
	require.NoError(t, os.Rename(file+".new", file))
}
