package login

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestZoneIsOneOfTheIANA(t *testing.T) {
	t.Parallel()
	for name, hour := range map[string]int{"UTC": 12, "Europe/Berlin": 14, "America/New_York": 8, "Etc/GMT+3": 9} {
		zone, ok := parseZone(name)
		require.True(t, ok, name)
		require.Equal(t, name, zone.String())
		require.Equal(t, hour, mondayNoon.In(zone).Hour(), name)
	}
}

// A name that each server would take for something else cannot limit anything.
func TestZoneThatDiffersFromServerToServerIsRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"", "Local", "localtime", "posixrules", "Factory", "posix/Europe/Berlin", "right/Europe/Berlin",
		"Europe/../UTC", "./UTC", "Europe//Berlin", "Europe/Berlin/", "/etc/localtime", "../localtime", "Europe/Atlantis", "CEST+1",
	} {
		zone, ok := parseZone(name)
		require.False(t, ok, "%q", name)
		require.Nil(t, zone, "%q", name)
	}
}
