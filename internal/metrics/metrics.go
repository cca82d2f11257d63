// Package metrics counts what happens in a mount, and shows that to Prometheus together with
// the state of its servers.
package metrics

import (
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"vault-plugin-auth-radius/internal/decision"
)

// What happens to challenges.
const (
	challengeSent     = "sent"
	challengeAnswered = "answered"
	challengeRefused  = "refused" // the answer cannot be taken, such as one that came twice
)

// Request is what FreeRADIUS asks for.
type Request string

// The requests.
const (
	Authorize  Request = "authorize"
	PostAuth   Request = "postauth"
	Accounting Request = "accounting"
)

// usualAnswers are the answers whose counters begin at 0, so that the first one is seen.
var usualAnswers = map[Request][]int{
	Authorize:  {200, 204, 400, 401, 500, 503},
	PostAuth:   {201, 204, 400, 500},
	Accounting: {200, 201, 204, 400, 500, 503},
}

// BatchOutcome is what came of a batch of users.
type BatchOutcome string

// The outcomes.
const (
	BatchCreated BatchOutcome = "created"
	BatchFailed  BatchOutcome = "failed"
	BatchDeleted BatchOutcome = "deleted"
)

// decisionCounters are the names of the counters of decisions.
var decisionCounters = map[decision.Use]string{
	decision.Login:      "logins_total",
	decision.Renewal:    "renewals_total",
	decision.FreeRADIUS: "authorizations_total",
	decision.Trial:      "trials_total",
}

// Metrics count what happens in a mount. Safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry

	decisions       map[decision.Use]*prometheus.CounterVec // does not change
	decisionSeconds *prometheus.HistogramVec
	ownSeconds      *prometheus.HistogramVec

	challenges *prometheus.CounterVec
	lockouts   prometheus.Counter

	freeradiusAnswers *prometheus.CounterVec
	freeradiusSeconds *prometheus.HistogramVec

	storeSeconds *prometheus.HistogramVec
	storeErrors  *prometheus.CounterVec
	openSessions atomic.Pointer[storeCount] // nil: unknown

	batches    *prometheus.CounterVec
	batchUsers prometheus.Counter
}

// New returns the metrics of a mount that has seen nothing yet. version is that of the plugin.
func New(version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), decisions: map[decision.Use]*prometheus.CounterVec{}}
	for _, use := range decision.Uses {
		m.decisions[use] = m.counter(decisionCounters[use])
	}
	m.decisionSeconds, m.ownSeconds = m.histogram("decision_seconds"), m.histogram("own_seconds")
	m.challenges, m.lockouts = m.counter("challenges_total"), m.counter("lockouts_total").WithLabelValues()
	m.freeradiusAnswers, m.freeradiusSeconds = m.counter("freeradius_requests_total"), m.histogram("freeradius_request_seconds")
	m.storeSeconds, m.storeErrors = m.histogram("store_seconds"), m.counter("store_errors_total")
	m.batches, m.batchUsers = m.counter("batches_total"), m.counter("batch_users_total").WithLabelValues()
	m.gauge("build_info").WithLabelValues(version, runtime.Version()).Set(1)
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.beginAtZero()
	return m
}

// beginAtZero makes the series whose labels are known, so that Prometheus sees the first event
// of each as an increase.
func (m *Metrics) beginAtZero() {
	for _, event := range []string{challengeSent, challengeAnswered, challengeRefused} {
		m.challenges.WithLabelValues(event)
	}
	for request, answers := range usualAnswers {
		m.freeradiusSeconds.WithLabelValues(string(request))
		for _, answer := range answers {
			m.freeradiusAnswers.WithLabelValues(string(request), strconv.Itoa(answer))
		}
	}
	for _, outcome := range []BatchOutcome{BatchCreated, BatchFailed, BatchDeleted} {
		m.batches.WithLabelValues(string(outcome))
	}
}

func (m *Metrics) counter(name string) *prometheus.CounterVec {
	d := definition(name)
	vector := prometheus.NewCounterVec(prometheus.CounterOpts{Name: d.FullName(), Help: d.Help}, d.Labels)
	m.registry.MustRegister(vector)
	return vector
}

func (m *Metrics) gauge(name string) *prometheus.GaugeVec {
	d := definition(name)
	vector := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: d.FullName(), Help: d.Help}, d.Labels)
	m.registry.MustRegister(vector)
	return vector
}

func (m *Metrics) histogram(name string) *prometheus.HistogramVec {
	d := definition(name)
	options := prometheus.HistogramOpts{Name: d.FullName(), Help: d.Help, Buckets: d.Buckets}
	vector := prometheus.NewHistogramVec(options, d.Labels)
	m.registry.MustRegister(vector)
	return vector
}

// Decided counts a decision, with its time, and what it does to challenges and lockouts. Neither the user nor the station becomes a label.
func (m *Metrics) Decided(d decision.Decision) {
	counter := m.decisions[d.Use]
	if counter == nil {
		return // of a use that is not one
	}
	counter.WithLabelValues(d.SourceType, d.Source, string(d.Outcome), string(d.Class)).Inc()
	m.decisionSeconds.WithLabelValues(string(d.Use), d.SourceType).Observe(d.Duration.Seconds())
	m.ownSeconds.WithLabelValues(string(d.Use)).Observe(d.Own.Seconds())
	if d.Answers {
		m.challenges.WithLabelValues(challengeAnswered).Inc()
	}
	switch {
	case d.Use == decision.Login && d.Outcome == decision.Challenged:
		m.challenges.WithLabelValues(challengeSent).Inc()
	case d.Outcome == decision.Invalid && d.Class == decision.ChallengeFault:
		m.challenges.WithLabelValues(challengeRefused).Inc()
	}
	if d.LocksName {
		m.lockouts.Inc()
	}
}

// FreeRADIUSAnswered counts an answer to FreeRADIUS by its HTTP status, with its time.
func (m *Metrics) FreeRADIUSAnswered(request Request, status int, took time.Duration) {
	m.freeradiusAnswers.WithLabelValues(string(request), strconv.Itoa(status)).Inc()
	m.freeradiusSeconds.WithLabelValues(string(request)).Observe(took.Seconds())
}

// OpenSessions keeps the number of open sessions in a store.
func (m *Metrics) OpenSessions(store string, count int) {
	m.openSessions.Store(&storeCount{store, count})
}

// OpenSessionsUnknown forgets the number of open sessions.
func (m *Metrics) OpenSessionsUnknown() { m.openSessions.Store(nil) }

// storeCount is how many open sessions a store has.
type storeCount struct {
	store string
	count int
}

// Batch counts a batch of users.
func (m *Metrics) Batch(outcome BatchOutcome, users int) {
	m.batches.WithLabelValues(string(outcome)).Inc()
	if outcome == BatchCreated {
		m.batchUsers.Add(float64(users))
	}
}
