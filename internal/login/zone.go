package login

import (
	"path"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a server may have no zones of its own
)

// localZones are names that stand for a zone that each server chooses for itself, or
// for none.
var localZones = []string{"Local", "localtime", "posixrules", "Factory"}

// zonePrefixes begin names that not every server knows.
var zonePrefixes = []string{"posix/", "right/"}

// parseZone returns the time zone with the name in the IANA's database; ok is false if there
// is none that means the same on every server.
func parseZone(name string) (zone *time.Location, ok bool) {
	begins := func(prefix string) bool { return strings.HasPrefix(name, prefix) }
	isPath := path.Clean(name) != name // which a server with zones of its own finds as a file
	if name == "" || isPath || slices.Contains(localZones, name) || slices.ContainsFunc(zonePrefixes, begins) {
		return nil, false
	}
	zone, err := time.LoadLocation(name)
	return zone, err == nil
}
