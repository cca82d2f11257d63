package soak

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"vault-plugin-auth-radius/bench/percentile"
)

// report is what a run has shown.
type report struct {
	result
	plan        Plan
	samples     []sample
	outages     int
	forged      int64 // answers that the forging server has sent
	dropped     int   // packets that the plugin did not believe
	interrupted bool
}

// print writes the tables.
func (r report) print(to io.Writer) {
	fmt.Fprintf(to, "%s, the first %s of which warm up; the first window and the last are %s each.\n",
		r.plan.Length, r.plan.WarmUp, r.plan.Window)
	fmt.Fprintf(to, "Outages of a RADIUS server: %d, of %s each. Forged answers: %d, and %d packets were not believed.\n\n",
		r.outages, r.plan.Away.Round(time.Millisecond), r.forged, r.dropped)
	r.printKinds(to)
	r.printProcesses(to)
}

// printKinds writes the table of requests.
func (r report) printKinds(to io.Writer) {
	rows := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(rows, "request\tsent\tsucceeded\trefused\taway\tbusy\tfailed\t"+
		"p50 first\tlast\tratio\tp99 first\tlast\tratio\t")
	total := counts{kind: kind{name: "all"}}
	for _, c := range r.kinds {
		printCounts(rows, c)
		total.succeeded, total.refused = total.succeeded+c.succeeded, total.refused+c.refused
		total.away, total.busy = total.away+c.away, total.busy+c.busy
		total.failed += c.failed
	}
	fmt.Fprintf(rows, "all\t%d\t%d\t%d\t%d\t%d\t%d\t\t\t\t\t\t\t\n",
		total.sent(), total.succeeded, total.refused, total.away, total.busy, total.failed)
	_ = rows.Flush()
	fmt.Fprintf(to, "\nrefused: as it had to be. away: failed while its server was away. busy: not in time while the machine was\n"+
		"busy: Vault alone took %s or more, or processes waited for a processor in %d %% of a second.\n"+
		"Times are without those of requests whose server was away.\n"+
		"*: fewer than %d in a window, too few to hold the p99 to the limit.\n\n", busyFrom, busyPressure, enoughTimes)
}

func printCounts(to io.Writer, c *counts) {
	p50, after50 := percentile.Of(c.first, 50), percentile.Of(c.last, 50)
	p99, after99, held := c.heldTimes()
	mark := "*"
	if held || c.kind.control {
		mark = ""
	}
	fmt.Fprintf(to, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t%s\t%.2f\t%s\t%s\t%.2f%s\t\n", c.kind.name,
		c.sent(), c.succeeded, c.refused, c.away, c.busy, c.failed,
		milliseconds(p50), milliseconds(after50), ratio(p50, after50),
		milliseconds(p99), milliseconds(after99), ratio(p99, after99), mark)
}

// printProcesses writes the table of memory, goroutines and files.
func (r report) printProcesses(to io.Writer) {
	first, last := summarize(r.plan, r.samples, firstWindow), summarize(r.plan, r.samples, lastWindow)
	rows := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(rows, "processes\tfirst\tlast\tratio\t")
	for _, row := range []struct {
		name          string
		before, after int
		mebibytes     bool
	}{
		{"plugin: resident memory, median", first.memory, last.memory, true},
		{"most", first.memoryMax, last.memoryMax, true},
		{"heap, least", first.heap, last.heap, true},
		{"goroutines, median", first.goroutines, last.goroutines, false},
		{"goroutines, least", first.goroutinesLeast, last.goroutinesLeast, false},
		{"open files, median", first.files, last.files, false},
		{"open files, least", first.filesLeast, last.filesLeast, false},
		{"threads, median", first.threads, last.threads, false},
		{"Vault: resident memory, median", first.vaults, last.vaults, true},
		{"plugin: % of a processor", first.used, last.used, false},
		{"Vault: % of a processor", first.vaultUsed, last.vaultUsed, false},
		{"machine: % of the time in which processes waited for one", first.pressure, last.pressure, false},
		{"samples", first.samples, last.samples, false},
	} {
		before, after := fmt.Sprint(row.before), fmt.Sprint(row.after)
		if row.mebibytes {
			before, after = mebibytes(row.before), mebibytes(row.after)
		}
		fmt.Fprintf(rows, "%s\t%s\t%s\t%.3f\t\n", row.name, before, after, ratio(row.before, row.after))
	}
	_ = rows.Flush()
	fmt.Fprintln(to)
	r.printBusier(to)
}

// printBusier says if the machine has become busier, and what that explains.
func (r report) printBusier(to io.Writer) {
	factor := busier(r.kinds)
	if !r.plan.Strict() || factor == 1 {
		return
	}
	fmt.Fprintf(to, "The p99 of what Vault answers alone went × %.2f: the limit of others is × %.2f instead of × %.2f.\n",
		factor, factor*p99Limit, p99Limit)
	for _, text := range slower(r.kinds, p99Limit) {
		fmt.Fprintln(to, "On a machine that was as busy before,", text)
	}
	fmt.Fprintln(to)
}

// problems returns all that is not as it had to be, in words.
func (r report) problems() []string {
	var found []string
	if r.failed > 0 {
		found = append(found, fmt.Sprintf("%d failures that no absence of a server explains, such as:", r.failed))
		found = append(found, r.messages...)
	}
	if r.forged > 0 && r.dropped == 0 {
		found = append(found, "no forged answer was counted: radius_auth_server_dropped_total is 0")
	}
	first, last := summarize(r.plan, r.samples, firstWindow), summarize(r.plan, r.samples, lastWindow)
	return append(found, beyond(r.plan, first, last, r.kinds)...)
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
}

func mebibytes(octets int) string { return fmt.Sprintf("%.1f MiB", float64(octets)/(1<<20)) }
