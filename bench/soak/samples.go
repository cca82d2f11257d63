package soak

import (
	"slices"
	"time"

	"vault-plugin-auth-radius/bench/percentile"
)

// sample is what was seen of the processes at a time.
type sample struct {
	at         time.Duration // since the start
	memory     int           // resident, of the plugin's process, in octets, as all memory
	heap       int           // allocated on the heap: right after a collection what is alive, else more
	goroutines int
	files      int // open
	threads    int
	vault      int // resident memory of Vault's process

	used, vaultUsed time.Duration // of the processors, since the processes began
	pressure        int           // percent of the time since the sample before in which a process waited for a processor
}

// summary is what a window shows of the processes.
type summary struct {
	samples                            int
	memory, memoryMax                  int // median, most
	heap                               int // least
	goroutines, files, threads, vaults int // medians
	goroutinesLeast, filesLeast        int // what is under way when a sample is taken comes on top
	used, vaultUsed                    int // percent of one processor
	pressure                           int // median
}

// summarize returns the summary of the samples of a window.
func summarize(plan Plan, samples []sample, w window) summary {
	samples = slices.DeleteFunc(slices.Clone(samples), func(s sample) bool { return plan.window(s.at) != w })
	if len(samples) == 0 {
		return summary{}
	}
	column := func(value func(sample) int) []int {
		var values []int
		for _, s := range samples {
			values = append(values, value(s))
		}
		slices.Sort(values)
		return values
	}
	memory := column(func(s sample) int { return s.memory })
	goroutines, files := column(func(s sample) int { return s.goroutines }), column(func(s sample) int { return s.files })
	return summary{
		samples:    len(samples),
		memory:     percentile.Of(memory, 50),
		memoryMax:  memory[len(memory)-1],
		heap:       column(func(s sample) int { return s.heap })[0],
		goroutines: percentile.Of(goroutines, 50),
		files:      percentile.Of(files, 50),
		threads:    percentile.Of(column(func(s sample) int { return s.threads }), 50),
		vaults:     percentile.Of(column(func(s sample) int { return s.vault }), 50),

		goroutinesLeast: goroutines[0],
		filesLeast:      files[0],

		used:      share(samples, func(s sample) time.Duration { return s.used }),
		vaultUsed: share(samples, func(s sample) time.Duration { return s.vaultUsed }),
		pressure:  percentile.Of(column(func(s sample) int { return s.pressure }), 50),
	}
}

// share returns which percentage of a processor was used from the first to the last sample.
func share(samples []sample, used func(sample) time.Duration) int {
	first, last := samples[0], samples[len(samples)-1]
	if last.at <= first.at {
		return 0
	}
	return int(100 * (used(last) - used(first)) / (last.at - first.at))
}
