package soak

import (
	"fmt"
	"net/http"
	"time"
)

// sampleEvery is how often the processes are looked at.
const sampleEvery = time.Second

// watch looks at the processes while a load runs.
type watch struct {
	load    *load
	samples []sample
	dropped int // packets that the plugin's clients did not believe, so far
	lost    bool

	lookedAt time.Time     // at the pressure
	waited   time.Duration // of processes for a processor, until then
}

// run takes samples until the run is over.
func (w *watch) run() {
	ticker := time.NewTicker(sampleEvery)
	defer ticker.Stop()
	for {
		select {
		case <-w.load.running.Done():
			return
		case <-ticker.C:
			w.sample()
		}
	}
}

// sample takes a sample. That the plugin's process has ended is a failure, once.
func (w *watch) sample() {
	if w.lost || w.load.ctx.Err() != nil {
		return
	}
	s := sample{at: time.Since(w.load.tally.started), pressure: w.pressure()}
	var metrics answer
	if !w.load.measure(kind{name: "read metrics"}, func() (err error) {
		metrics, err = w.load.vault.must(w.load.ctx, http.MethodGet, mount+"metrics", nil)
		return err
	}) {
		return
	}
	plugin, err := readProcess(w.load.vault.pid)
	if err != nil {
		w.lost = true
		w.load.tally.note(fmt.Errorf("the plugin's process has ended, or cannot be read: %w", err))
		return
	}
	server, err := readProcess(w.load.vault.server.PID())
	if err != nil {
		w.load.tally.note(fmt.Errorf("process of Vault: %w", err))
		return
	}
	s.used, s.vaultUsed = plugin.used, server.used
	s.memory, s.threads, s.files, s.vault = plugin.memory, plugin.threads, plugin.files, server.memory
	s.heap, s.goroutines = w.metric(metrics, heapMetric), w.metric(metrics, goroutinesMetric)
	if dropped, found := metricSum(metrics.body, droppedMetric); found {
		w.dropped = int(dropped)
	}
	w.samples = append(w.samples, s)
}

// pressure returns in which percentage of the time since it was called last some process had to wait for a
// processor. Above a limit, the machine is busy.
func (w *watch) pressure() int {
	now := time.Now()
	waited, known := waitedForProcessor()
	last, before := w.lookedAt, w.waited
	w.lookedAt, w.waited = now, waited
	if !known || last.IsZero() {
		return 0
	}
	percent := int(100 * (waited - before) / now.Sub(last))
	if percent >= busyPressure {
		w.load.tally.outages.add(machine, span{last.Add(-busyAround), now.Add(busyAround)})
	}
	return percent
}

// metric returns a metric that has to be there.
func (w *watch) metric(metrics answer, name string) int {
	value, found := metricSum(metrics.body, name)
	if !found {
		w.load.tally.note(fmt.Errorf("the metrics lack %s", name))
	}
	return int(value)
}
