package metrics

import (
	"fmt"
	"io"
	"slices"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"vault-plugin-auth-radius/internal/source"
)

// ContentType is the media type of what Write writes.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// Snapshot is the state of a mount at a scrape.
type Snapshot struct {
	Sources      []SourceState // all that there are, but for the passwords here
	Servers      []source.ServerStats
	Certificates []source.Certificate
	LockedNames  int
	Caches       []Cache
}

// SourceState is a source that logins can have.
type SourceState struct {
	Name, Type string // as source.Source.Label and TypeLabel have them
	Faulty     bool   // it cannot be asked
}

// Cache is how often entries were in memory.
type Cache struct {
	Name         string
	Hits, Misses uint64
}

// Write writes the exposition for Prometheus: what was counted, and the state that take
// returns. The series of sources that are gone end.
func (m *Metrics) Write(w io.Writer, take func() (Snapshot, error)) error {
	// In this order: a source that was counted and is not in the later snapshot is gone.
	counted, err := m.registry.Gather()
	if err != nil {
		return fmt.Errorf("gathering metrics: %w", err)
	}
	snapshot, err := take()
	if err != nil {
		return err
	}
	if m.forget(counted, snapshot.Sources) {
		if counted, err = m.registry.Gather(); err != nil {
			return fmt.Errorf("gathering metrics: %w", err)
		}
	}
	for _, family := range slices.Concat(counted, m.state(snapshot)) {
		if _, err := expfmt.MetricFamilyToText(w, family); err != nil {
			return fmt.Errorf("writing metrics: %w", err)
		}
	}
	return nil
}

// sourceLabels tell the sources of series apart: a source may be deleted, and made anew with
// another type.
type sourceLabels struct{ name, kind string }

// forget deletes the counters of decisions whose sources are gone, and reports whether there
// were any. What is counted for the config's servers, for the passwords here, and for no source
// stays.
func (m *Metrics) forget(counted []*dto.MetricFamily, sources []SourceState) bool {
	there := map[sourceLabels]bool{}
	for _, present := range sources {
		there[sourceLabels{present.Name, present.Type}] = true
	}
	gone := map[sourceLabels]bool{}
	for _, family := range counted {
		for _, metric := range family.GetMetric() {
			labels := sourceLabels{labelOf(metric, labelSource), labelOf(metric, labelSourceType)}
			if !alwaysThere(labels.name) && !there[labels] {
				gone[labels] = true
			}
		}
	}
	for labels := range gone {
		for _, counter := range m.decisions {
			counter.DeletePartialMatch(map[string]string{labelSource: labels.name, labelSourceType: labels.kind})
		}
	}
	return len(gone) > 0
}

// alwaysThere reports whether a source is none that can be deleted.
func alwaysThere(name string) bool {
	return name == "" || name == source.Local || name == (&source.Source{}).Label()
}

// labelOf returns the value of a label; empty if the metric does not have it.
func labelOf(metric *dto.Metric, name string) string {
	for _, label := range metric.GetLabel() {
		if label.GetName() == name {
			return label.GetValue()
		}
	}
	return ""
}
