package daemontest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of times in /proc, the same on all Linux systems of today.
const clockTick = 10 * time.Millisecond

// ProcessorTime returns what a process has had of the processors. It needs Linux's /proc.
func ProcessorTime(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat")) // #nosec G304 -- a file of /proc
	if err != nil {
		return 0, err
	}
	return parseStat(stat)
}

// parseStat reads the time that a process has used from a file stat of /proc.
func parseStat(stat []byte) (used time.Duration, err error) {
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])) // a name may have blanks
	const user, system = 11, 12                                               // utime and stime, after the name
	if len(fields) <= system {
		return 0, fmt.Errorf("the file stat of a process is too short: %.100q", stat)
	}
	for _, field := range []string{fields[user], fields[system]} {
		ticks, err := strconv.Atoi(field)
		if err != nil {
			return 0, fmt.Errorf("the file stat of a process: %w", err)
		}
		used += time.Duration(ticks) * clockTick
	}
	return used, nil
}

// ProcessesOf returns the processes that run a program, by Linux's /proc.
func ProcessesOf(program string) (found []int, err error) {
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		return nil, err
	}
	for _, link := range links {
		executable, err := os.Readlink(link)
		if err != nil || executable != program {
			continue // gone meanwhile, or another user's
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(link)))
		if err != nil {
			return nil, err
		}
		found = append(found, pid)
	}
	return found, nil
}
