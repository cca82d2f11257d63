package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
)

// The goal: with 64 in flight, three times the peer's rate with a third of its
// system calls.
const (
	goalInFlight = 64
	goalRate     = 3.0
	goalCalls    = 1.0 / 3
)

// table is all that was measured.
type table struct {
	settings  settings
	rounds    map[cell][]result
	calls     map[cell]calls // per exchange
	uncounted error          // why there are no system calls; nil if there are
}

// print writes the table, and in words what it cannot show.
func (t table) print(to io.Writer) {
	fmt.Fprintf(to, "%d processors, %s, %d rounds of %s; a ratio is that of %s to %s\n\n",
		runtime.NumCPU(), runtime.Version(), t.settings.rounds, t.settings.time, ours, peer)
	rows := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(rows, "in flight\tclient\texchanges/s\tp50 µs\tp99 µs\tallocations\toctets\tsystem calls\t"+
		"client CPU µs\tstub CPU µs\t")
	for _, inFlight := range t.settings.inFlights {
		for _, client := range t.settings.clients {
			f := t.figures(cell{client, inFlight})
			fmt.Fprintf(rows, "%d\t%s\t%.0f\t%.0f\t%.0f\t%.1f\t%.0f\t%s\t%.1f\t%.1f\t\n", inFlight, client,
				f.rate, f.p50, f.p99, f.allocations, f.allocated, t.counted("%.1f", f.calls), f.client, f.stub)
		}
		if t.bothClients() {
			f := t.ratio(inFlight)
			fmt.Fprintf(rows, "\tratio\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%s\t%.2f\t%.2f\t\n",
				f.rate, f.p50, f.p99, f.allocations, f.allocated, t.counted("%.2f", f.calls), f.client, f.stub)
		}
	}
	_ = rows.Flush()
	fmt.Fprintln(to)
	t.printCalls(to)
	t.printFailures(to)
	t.printGoal(to)
}

func (t table) bothClients() bool { return len(t.settings.clients) == len(clientNames) }

func (t table) figures(c cell) figures { return figuresOf(t.rounds[c], t.calls[c]) }

func (t table) ratio(inFlight int) figures {
	return t.figures(cell{ours, inFlight}).to(t.figures(cell{peer, inFlight}))
}

// counted formats a number of system calls, if there is one.
func (t table) counted(format string, number float64) string {
	if t.uncounted != nil {
		return "?"
	}
	return fmt.Sprintf(format, number)
}

// printCalls prints which system calls they are: in the row of the goal, or in
// the only one.
func (t table) printCalls(to io.Writer) {
	if t.uncounted != nil {
		fmt.Fprintf(to, "System calls were not counted: %v\n", t.uncounted)
		return
	}
	for _, cell := range t.settings.cells(0) {
		if cell.inFlight == goalInFlight || len(t.settings.inFlights) == 1 {
			fmt.Fprintf(to, "System calls of an exchange, %s, %d in flight: %s\n", cell.client, cell.inFlight, t.calls[cell])
		}
	}
}

// String lists the system calls, the most frequent first, without the rare.
func (c calls) String() string {
	names := slices.SortedFunc(maps.Keys(c), func(a, b string) int {
		return cmp.Or(cmp.Compare(c[b], c[a]), cmp.Compare(a, b))
	})
	var parts []string
	for _, name := range names {
		if c[name] >= 0.05 {
			parts = append(parts, fmt.Sprintf("%s %.1f", name, c[name]))
		}
	}
	return strings.Join(parts, ", ")
}

// failures counts the exchanges that did not end with an Access-Accept.
func (t table) failures() int {
	count := 0
	for _, rounds := range t.rounds {
		for _, r := range rounds {
			count += r.Failures
		}
	}
	return count
}

// printFailures prints how many exchanges failed, also if none did, and how many
// copies were sent, if any.
func (t table) printFailures(to io.Writer) {
	exchanges, copies, example := 0, 0, ""
	for _, rounds := range t.rounds {
		for _, r := range rounds {
			exchanges += r.Exchanges
			copies += r.Copies
			example = cmp.Or(example, r.Failure)
		}
	}
	fmt.Fprintf(to, "Failures: %d of %d exchanges", t.failures(), exchanges)
	if example != "" {
		fmt.Fprintf(to, ", such as: %s", example)
	}
	if copies > 0 {
		fmt.Fprintf(to, "; copies of requests: %d", copies)
	}
	fmt.Fprintln(to)
}

// printGoal compares with the goal, if its row was measured.
func (t table) printGoal(to io.Writer) {
	if !slices.Contains(t.settings.inFlights, goalInFlight) || !t.bothClients() {
		return
	}
	f := t.ratio(goalInFlight)
	fmt.Fprintf(to, "Goal with %d in flight: rate at least %.0f times: %.2f, %s",
		goalInFlight, goalRate, f.rate, reached(f.rate >= goalRate))
	if t.uncounted == nil {
		fmt.Fprintf(to, "; system calls at most %.2f times: %.2f, %s", goalCalls, f.calls, reached(f.calls <= goalCalls))
	}
	fmt.Fprintln(to)
}

func reached(ok bool) string {
	if ok {
		return "reached"
	}
	return "not reached"
}
