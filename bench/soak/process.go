package soak

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"vault-plugin-auth-radius/internal/daemontest"
)

// process is what /proc says of a process.
type process struct {
	memory  int // resident, in octets
	threads int
	files   int           // open
	used    time.Duration // of the processors
}

// readProcess reads what /proc says of a process.
func readProcess(pid int) (process, error) {
	folder := filepath.Join("/proc", strconv.Itoa(pid))
	status, err := os.ReadFile(filepath.Join(folder, "status")) // #nosec G304 -- a file of /proc
	if err != nil {
		return process{}, err
	}
	p, err := parseStatus(status)
	if err != nil {
		return process{}, err
	}
	if p.used, err = daemontest.ProcessorTime(pid); err != nil {
		return process{}, err
	}
	files, err := os.ReadDir(filepath.Join(folder, "fd"))
	p.files = len(files)
	return p, err
}

// waitedForProcessor returns for how long some process of the machine had to wait for a processor, since the
// start of the machine, and whether the kernel knows.
func waitedForProcessor() (time.Duration, bool) {
	text, err := os.ReadFile("/proc/pressure/cpu")
	if err != nil {
		return 0, false
	}
	return parsePressure(text)
}

// parsePressure reads the total of the line "some" of a file of /proc/pressure.
func parsePressure(text []byte) (time.Duration, bool) {
	for line := range strings.Lines(string(text)) {
		_, total, found := strings.Cut(line, " total=")
		micros, err := strconv.ParseInt(strings.TrimSpace(total), 10, 64)
		if strings.HasPrefix(line, "some ") && found && err == nil {
			return time.Duration(micros) * time.Microsecond, true
		}
	}
	return 0, false
}

// parseStatus reads the numbers of a file status of /proc.
func parseStatus(status []byte) (process, error) {
	var p process
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		number, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
		switch {
		case name == "VmRSS" && err == nil:
			p.memory = number << 10
		case name == "Threads" && err == nil:
			p.threads = number
		}
	}
	if p.memory == 0 || p.threads == 0 {
		return process{}, fmt.Errorf("the file status of a process has no VmRSS or Threads: %.100q", status)
	}
	return p, nil
}

// The metrics that are read, as the plugin's process shows them.
const (
	goroutinesMetric = "go_goroutines"
	heapMetric       = "go_memstats_heap_alloc_bytes"
	droppedMetric    = "radius_auth_server_dropped_total" // by source, server and reason
)

// metricSum returns the sum of a metric's series in Prometheus's text format, and whether there is one.
func metricSum(exposition []byte, name string) (sum float64, found bool) {
	for lines := bufio.NewScanner(bytes.NewReader(exposition)); lines.Scan(); {
		rest, ok := strings.CutPrefix(lines.Text(), name)
		if !ok || rest == "" || rest[0] != ' ' && rest[0] != '{' {
			continue
		}
		value, err := strconv.ParseFloat(rest[strings.LastIndexByte(rest, ' ')+1:], 64)
		if err == nil {
			sum, found = sum+value, true
		}
	}
	return sum, found
}
