package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// straced is about how many exchanges are counted under strace: few, since
// each system call takes many times as long there.
const straced = 2048

// calls counts system calls by name.
type calls map[string]float64

func (c calls) total() float64 {
	sum := 0.0
	for _, count := range c {
		sum += count
	}
	return sum
}

// countCalls counts the system calls that an exchange takes: those of a run in
// which each worker makes many exchanges, less those of a run in which each
// makes one.
func countCalls(ctx context.Context, t task) (calls, error) {
	each := max(8, straced/t.inFlight)
	few, err := traced(ctx, t, 1)
	if err != nil {
		return nil, err
	}
	many, err := traced(ctx, t, 1+each)
	if err != nil {
		return nil, err
	}
	perExchange := calls{}
	for name, count := range many {
		perExchange[name] = (count - few[name]) / float64(each*t.inFlight)
	}
	return perExchange, nil
}

// traced counts the system calls of a whole process in which each worker makes
// so many exchanges.
func traced(ctx context.Context, t task, each int) (calls, error) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		return nil, errors.New("strace is not installed: on Debian, apt-get install strace")
	}
	folder, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	file := filepath.Join(folder, "calls")

	t.time, t.each = 0, each
	r, err := do(ctx, t, strace, "-f", "-c", "-qq", "-o", file)
	if err != nil {
		return nil, err
	}
	if r.Failures > 0 {
		return nil, fmt.Errorf("%d of %d exchanges failed under strace: %s", r.Failures, r.Exchanges, r.Failure)
	}
	summary, err := os.ReadFile(file) // #nosec G304 -- made above
	if err != nil {
		return nil, err
	}
	return parseSummary(string(summary))
}

// parseSummary reads what strace -c writes: a line for each system call with
// its share of the time, seconds, microseconds per call, calls, errors (empty
// if there were none) and name.
func parseSummary(summary string) (calls, error) {
	counts := calls{}
	for line := range strings.Lines(summary) {
		fields := strings.Fields(line)
		if len(fields) < 5 || fields[len(fields)-1] == "total" {
			continue
		}
		if _, err := strconv.ParseFloat(fields[0], 64); err != nil {
			continue // a heading
		}
		count, err := strconv.ParseFloat(fields[3], 64)
		if err != nil {
			return nil, fmt.Errorf("strace's summary: %q: %w", line, err)
		}
		counts[fields[len(fields)-1]] = count
	}
	if len(counts) == 0 {
		return nil, fmt.Errorf("strace's summary has no system calls: %q", summary)
	}
	return counts, nil
}
