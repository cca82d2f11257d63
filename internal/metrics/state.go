package metrics

import (
	"slices"
	"time"

	dto "github.com/prometheus/client_model/go"

	"vault-plugin-auth-radius/internal/directory"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
)

// state returns the metrics of a snapshot. They are made here, without collectors: there may
// be thousands of series, each of which would be looked at several times.
func (m *Metrics) state(snapshot Snapshot) []*dto.MetricFamily {
	f := families{}
	for _, each := range snapshot.Sources {
		faulty := 0.0
		if each.Faulty {
			faulty = 1
		}
		f.gauge("source_faulty", faulty, pair(labelSource, each.Name), pair(labelSourceType, each.Type))
	}
	f.servers(snapshot.Servers)
	for _, each := range snapshot.Certificates {
		f.gauge("certificate_expiry_timestamp_seconds", unix(each.NotAfter),
			pair(labelSource, each.Source), pair("certificate", each.Kind), pair(labelServer, each.Server))
	}
	for _, each := range snapshot.Caches {
		f.counter("cache_lookups_total", each.Hits, pair("cache", each.Name), pair("result", "hit"))
		f.counter("cache_lookups_total", each.Misses, pair("cache", each.Name), pair("result", "miss"))
	}
	f.gauge("locked_names", float64(snapshot.LockedNames))
	if open := m.openSessions.Load(); open != nil {
		f.gauge("open_sessions", float64(open.count), pair(labelStore, open.store))
	}
	return f.list()
}

// families are metrics by their names.
type families map[string]*dto.MetricFamily

// list returns the metrics, in the order of the definitions.
func (f families) list() []*dto.MetricFamily {
	var list []*dto.MetricFamily
	for _, d := range Definitions {
		if family := f[d.Name]; family != nil {
			list = append(list, family)
		}
	}
	return list
}

// servers adds what was seen of the servers.
func (f families) servers(all []source.ServerStats) {
	seen := map[sourceAndServer]bool{}
	for _, stats := range all {
		server := sourceAndServer{stats.Source, stats.Server}
		if seen[server] {
			continue // Prometheus takes no series twice
		}
		seen[server] = true
		labels := []*dto.LabelPair{pair(labelSource, stats.Source), pair(labelServer, stats.Server)}
		switch {
		case stats.RADIUS != nil:
			f.radius(labels, stats.RADIUS)
		case stats.Directory != nil:
			f.directory(labels, stats.Directory)
		}
	}
}

type sourceAndServer struct{ source, server string }

// forgeries are the reasons of what may be forged. Their series begin at 0, so that the first
// one is seen as an increase; those of other reasons, at the first one, for the size's sake.
var forgeries = []radclient.DropReason{
	radclient.DropUnsigned, radclient.DropWrongMessageAuthenticator, radclient.DropWrongResponseAuthenticator,
	radclient.DropUnsolicitedProxyState,
}

// radius adds what was seen of a RADIUS server.
func (f families) radius(labels []*dto.LabelPair, stats *radclient.Stats) {
	f.logins(labels, []loginCount{
		{"accepted", stats.Accepted, true},
		{"rejected", stats.Rejected, true},
		{"challenged", stats.Challenged, false},
		{"timed_out", stats.TimedOut, true},
		{"unreachable", stats.Unreachable, false},
		{"full", stats.Full, false},
		{"abandoned", stats.Abandoned, false},
	})
	f.counter("server_packets_sent_total", stats.Sent, labels...)
	f.counter("server_retransmissions_total", stats.Retransmitted, labels...)
	f.counter("server_probes_sent_total", stats.ProbesSent, labels...)
	f.counter("server_probes_answered_total", stats.ProbesAnswered, labels...)
	f.counter("server_failovers_total", stats.FailedOver, labels...)
	for reason, count := range stats.Drops {
		if count > 0 || slices.Contains(forgeries, radclient.DropReason(reason)) {
			name := radclient.DropReason(reason).Name()
			f.counter("server_dropped_total", uint64(count), with(labels, labelReason, name)...) // #nosec G115 -- counts from 0
		}
	}
	f.histogram("round_trip_seconds", stats.RoundTrips, labels)
	f.gauge("server_in_flight", float64(stats.InFlight), labels...)
	f.health(labels, string(stats.State()), stats.LastAnswer)
}

// directory adds what was seen of a directory server.
func (f families) directory(labels []*dto.LabelPair, stats *directory.Stats) {
	f.logins(labels, []loginCount{
		{"accepted", stats.Accepted, true},
		{"rejected", stats.Rejected, true},
		{"unavailable", stats.Unavailable, true},
		{"full", stats.Full, false},
	})
	f.counter("server_failovers_total", stats.FailedOver, labels...)
	f.gauge("server_in_flight", float64(stats.InFlight), labels...)
	f.health(labels, string(stats.State), stats.LastAnswer)
}

// loginCount is how many logins came to an outcome at a server.
type loginCount struct {
	outcome string
	count   uint64
	// always means that the series begins at 0. Those of rarer outcomes begin with the first
	// one, for the size's sake.
	always bool
}

func (f families) logins(labels []*dto.LabelPair, counts []loginCount) {
	for _, each := range counts {
		if each.always || each.count > 0 {
			f.counter("server_logins_total", each.count, with(labels, labelOutcome, each.outcome)...)
		}
	}
}

func (f families) health(labels []*dto.LabelPair, state string, lastAnswer time.Time) {
	f.gauge("server_state", 1, with(labels, "state", state)...)
	if !lastAnswer.IsZero() {
		f.gauge("server_last_answer_timestamp_seconds", unix(lastAnswer), labels...)
	}
}

func (f families) counter(name string, value uint64, labels ...*dto.LabelPair) {
	f.add(name, &dto.Metric{Label: labels, Counter: &dto.Counter{Value: new(float64(value))}})
}

func (f families) gauge(name string, value float64, labels ...*dto.LabelPair) {
	f.add(name, &dto.Metric{Label: labels, Gauge: &dto.Gauge{Value: &value}})
}

func (f families) histogram(name string, counted radclient.Histogram, labels []*dto.LabelPair) {
	var total uint64
	shown := &dto.Histogram{SampleSum: new(counted.Sum.Seconds())}
	bounds := definition(name).Buckets
	for i, count := range counted.Counts {
		total += count
		if i < len(bounds) {
			shown.Bucket = append(shown.Bucket, &dto.Bucket{UpperBound: &bounds[i], CumulativeCount: new(total)})
		}
	}
	shown.SampleCount = &total
	f.add(name, &dto.Metric{Label: labels, Histogram: shown})
}

func (f families) add(name string, metric *dto.Metric) {
	family := f[name]
	if family == nil {
		d := definition(name)
		family = &dto.MetricFamily{Name: new(d.FullName()), Help: &d.Help, Type: types[d.Type].Enum()}
		f[name] = family
	}
	family.Metric = append(family.Metric, metric)
}

var types = map[Type]dto.MetricType{
	Counter: dto.MetricType_COUNTER, Gauge: dto.MetricType_GAUGE, Histogram: dto.MetricType_HISTOGRAM,
}

func pair(name, value string) *dto.LabelPair { return &dto.LabelPair{Name: &name, Value: &value} }

// with returns the labels and another one.
func with(labels []*dto.LabelPair, name, value string) []*dto.LabelPair {
	return append(labels[:len(labels):len(labels)], pair(name, value))
}

func unix(at time.Time) float64 { return float64(at.Unix()) }
