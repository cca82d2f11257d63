package soak

import (
	"fmt"
	"time"

	"vault-plugin-auth-radius/bench/percentile"
)

// The limits: how the last window may differ from the first.
const (
	growthLimit = 1.05 // memory, goroutines and files
	p99Limit    = 1.2

	// enoughTimes is how many times of a kind a window must have for its p99 to be held to the
	// limit: ten of them are beyond the p99 then.
	enoughTimes = 1000

	// In a short run, goroutines and files may grow by so many above the limit: of ten samples none may be of
	// a moment when little was under way.
	shortGoroutines = 10
	shortFiles      = 5
)

// beyond returns what the last window has beyond the limits, in words; nothing if all is well. Of goroutines and
// files both the median and the least number of a window have to be beyond: what leaks is there all the time,
// and the requests under way, which come on top, depend on how busy the machine is.
func beyond(plan Plan, first, last summary, kinds []*counts) []string {
	var found []string
	grew := func(before, after, allowance int) bool {
		return float64(after) > growthLimit*float64(before)+float64(allowance)
	}
	hold := func(what string, before, after, allowance int) {
		if grew(before, after, allowance) {
			found = append(found, fmt.Sprintf("%s grew from %d to %d, × %.2f: the limit is × %.2f and %d more",
				what, before, after, ratio(before, after), growthLimit, allowance))
		}
	}
	holdBoth := func(goroutines, files int) {
		if grew(first.goroutinesLeast, last.goroutinesLeast, goroutines) {
			hold("the number of goroutines", first.goroutines, last.goroutines, goroutines)
		}
		if grew(first.filesLeast, last.filesLeast, files) {
			hold("the number of open files", first.files, last.files, files)
		}
	}
	if first.samples == 0 || last.samples == 0 {
		return []string{"there are no samples of the plugin's process in the first or the last window"}
	}
	if !plan.Strict() {
		holdBoth(shortGoroutines, shortFiles)
		return found
	}
	holdBoth(0, 0)
	hold("resident memory in KiB", first.memory>>10, last.memory>>10, 0)
	return append(found, slower(kinds, p99Limit*busier(kinds))...)
}

// slower returns the kinds whose p99 grew by more than a limit, in words.
func slower(kinds []*counts, limit float64) (found []string) {
	for _, c := range kinds {
		if before, after, held := c.heldTimes(); held && ratio(before, after) > limit {
			found = append(found, fmt.Sprintf("the p99 of %q went from %s to %s, × %.2f: the limit is × %.2f",
				c.kind.name, before, after, ratio(before, after), limit))
		}
	}
	return found
}

// busier returns by how much the p99 of what Vault answers alone has grown, 1 if it has not: other programs
// took the machine, and no request can be faster than that.
func busier(kinds []*counts) float64 {
	for _, c := range kinds {
		if c.kind.control {
			return max(1, ratio(percentile.Of(c.first, 99), percentile.Of(c.last, 99)))
		}
	}
	return 1
}

// heldTimes returns the p99 of both windows, and whether there are enough times to hold them to the limit.
func (c *counts) heldTimes() (before, after time.Duration, held bool) {
	held = !c.kind.control && min(len(c.first), len(c.last)) >= enoughTimes
	return percentile.Of(c.first, 99), percentile.Of(c.last, 99), held
}

// ratio returns how much more the second number is than the first; 1 if there is no first.
func ratio[T int | time.Duration](before, after T) float64 {
	if before == 0 {
		return 1
	}
	return float64(after) / float64(before)
}
