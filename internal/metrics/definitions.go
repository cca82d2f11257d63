package metrics

import (
	"strings"

	"vault-plugin-auth-radius/internal/radclient"
)

// Prefix begins the names of the plugin's own metrics.
const Prefix = "radius_auth_"

// Type is the type of a metric.
type Type string

// The types.
const (
	Counter   Type = "counter"
	Gauge     Type = "gauge"
	Histogram Type = "histogram"
)

// Definition describes a metric.
type Definition struct {
	Name    string // without Prefix
	Type    Type
	Labels  []string
	Help    string    // a sentence
	Buckets []float64 // the upper bounds of a histogram, in seconds
}

// FullName returns the name in the exposition.
func (d Definition) FullName() string { return Prefix + d.Name }

// Names of labels that several metrics have.
const (
	labelSource     = "source"
	labelSourceType = "source_type"
	labelServer     = "server"
	labelOutcome    = "outcome"
	labelReason     = "reason"
	labelUse        = "use"
	labelRequest    = "request"
	labelStore      = "store"
	labelOperation  = "operation"
)

var (
	// decided are the labels of counters of decisions.
	decided = []string{labelSourceType, labelSource, labelOutcome, labelReason}
	// ofServer are the labels of what is known of a server.
	ofServer = []string{labelSource, labelServer}

	// loginBuckets reach from a password that is checked here to a user who looks for a phone.
	loginBuckets = []float64{.005, .025, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}
	// ownBuckets are for what the plugin computes, without a wait.
	ownBuckets = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .1, .5, 2.5}
	// answerBuckets are for answers to FreeRADIUS, which gives up after some seconds.
	answerBuckets = []float64{.001, .005, .025, .1, .5, 1, 2.5, 5, 10}
	// storeBuckets are for the stores of sessions, whose calls end after seconds.
	storeBuckets = []float64{.001, .005, .025, .1, .5, 2.5, 10}
)

// Definitions are the plugin's own metrics: the collectors and the table of the documentation
// are made from them.
var Definitions = []Definition{
	{
		Name: "logins_total", Type: Counter, Labels: decided,
		Help: "Attempts to log in to Vault that were decided.",
	},
	{
		Name: "renewals_total", Type: Counter, Labels: decided,
		Help: "Renewals of tokens that were decided.",
	},
	{
		Name: "authorizations_total", Type: Counter, Labels: decided,
		Help: "Users that FreeRADIUS asked about with authorize and that were decided.",
	},
	{
		Name: "trials_total", Type: Counter, Labels: decided,
		Help: "Logins that operators tried out, with explain or verify.",
	},
	{
		Name: "decision_seconds", Type: Histogram, Labels: []string{labelUse, labelSourceType}, Buckets: loginBuckets,
		Help: "Time from a request to its decision, with the wait for the source and for users and their phones.",
	},
	{
		Name: "own_seconds", Type: Histogram, Labels: []string{labelUse}, Buckets: ownBuckets,
		Help: "Part of that time that the plugin itself needed, with reads of Vault's storage, " +
			"without the wait for the source and for other logins of the name.",
	},
	{
		Name: "round_trip_seconds", Type: Histogram, Labels: ofServer, Buckets: roundTripBuckets(),
		Help: "Time to the answer of a RADIUS server to logins that were sent once, with the time of users and their phones.",
	},
	{
		Name: "server_logins_total", Type: Counter, Labels: []string{labelSource, labelServer, labelOutcome},
		Help: "Logins by what came of them at a server. The outcome full means that too many waited.",
	},
	{
		Name: "server_packets_sent_total", Type: Counter, Labels: ofServer,
		Help: "Packets of logins that were sent to a RADIUS server, copies included.",
	},
	{
		Name: "server_retransmissions_total", Type: Counter, Labels: ofServer,
		Help: "Copies among these packets, which were sent again as no answer had come.",
	},
	{
		Name: "server_probes_sent_total", Type: Counter, Labels: ofServer,
		Help: "Probes that were sent to a RADIUS server, Status-Server or logins of the test user.",
	},
	{
		Name: "server_probes_answered_total", Type: Counter, Labels: ofServer,
		Help: "Probes that the server answered.",
	},
	{
		Name: "server_failovers_total", Type: Counter, Labels: ofServer,
		Help: "Logins that went on from a server, which did not answer them, to another one.",
	},
	{
		Name: "server_dropped_total", Type: Counter, Labels: []string{labelSource, labelServer, labelReason},
		Help: "Datagrams and packets that were not believed to be the answer of a RADIUS server.",
	},
	{
		Name: "server_in_flight", Type: Gauge, Labels: ofServer,
		Help: "Logins that wait for the answer of a server now.",
	},
	{
		Name: "server_state", Type: Gauge, Labels: []string{labelSource, labelServer, "state"},
		Help: "1 for the state that a server is in, the best one of its addresses. Other states have no series.",
	},
	{
		Name: "server_last_answer_timestamp_seconds", Type: Gauge, Labels: ofServer,
		Help: "When the latest valid answer of a server came, as Unix time. None has come of a server without a series.",
	},
	{
		Name: "certificate_expiry_timestamp_seconds", Type: Gauge, Labels: []string{labelSource, "certificate", labelServer},
		Help: "When certificates of a source end, as Unix time, the earliest of ca, of client, and of the chain " +
			"that a server showed last.",
	},
	{
		Name: "source_faulty", Type: Gauge, Labels: []string{labelSource, labelSourceType},
		Help: "Whether a source cannot be asked as it is stored, 1 if so.",
	},
	{
		Name: "challenges_total", Type: Counter, Labels: []string{"event"},
		Help: "Challenges that were sent to clients, answers to them that came, and those of them that could not be taken.",
	},
	{
		Name: "lockouts_total", Type: Counter,
		Help: "Names that were locked out after failed logins.",
	},
	{
		Name: "locked_names", Type: Gauge,
		Help: "Names that are locked out now.",
	},
	{
		Name: "freeradius_requests_total", Type: Counter, Labels: []string{labelRequest, "answer"},
		Help: "Requests of FreeRADIUS by the HTTP status of the answer.",
	},
	{
		Name: "freeradius_request_seconds", Type: Histogram, Labels: []string{labelRequest}, Buckets: answerBuckets,
		Help: "Time to the answer to FreeRADIUS.",
	},
	{
		Name: "store_seconds", Type: Histogram, Labels: []string{labelStore, labelOperation}, Buckets: storeBuckets,
		Help: "Time of calls of the store of sessions and of FreeRADIUS's attempts to log in, failed calls included.",
	},
	{
		Name: "store_errors_total", Type: Counter, Labels: []string{labelStore, labelOperation, "fault"},
		Help: "Calls of the store that failed. The fault away means that PostgreSQL does not answer.",
	},
	{
		Name: "open_sessions", Type: Gauge, Labels: []string{labelStore},
		Help: "Open sessions, counted each minute by the active server, in PostgreSQL up to 10000. " +
			"There is no series before the first count, nor while the store is away.",
	},
	{
		Name: "batches_total", Type: Counter, Labels: []string{labelOutcome},
		Help: "Batches of users that were created, could not be created, or were deleted.",
	},
	{
		Name: "batch_users_total", Type: Counter,
		Help: "Users that were created in batches.",
	},
	{
		Name: "cache_lookups_total", Type: Counter, Labels: []string{"cache", "result"},
		Help: "Lookups in caches of stored entries. A miss reads Vault's storage.",
	},
	{
		Name: "build_info", Type: Gauge, Labels: []string{"version", "goversion"},
		Help: "1, with the versions of the plugin and of Go.",
	},
}

// definition returns the definition of a name, which has to be in the table.
func definition(name string) Definition {
	for _, d := range Definitions {
		if d.Name == name {
			return d
		}
	}
	panic("no metric is defined as " + name)
}

// roundTripBuckets returns the bounds in which the client counts, in seconds.
func roundTripBuckets() []float64 {
	var bounds []float64
	for _, bound := range radclient.RoundTripBuckets {
		bounds = append(bounds, bound.Seconds())
	}
	return bounds
}

// Table returns the definitions as the lines of a table in Markdown.
func Table() []string {
	lines := []string{"| metric | type | labels | meaning |", "|---|---|---|---|"}
	for _, d := range Definitions {
		var labels []string
		for _, label := range d.Labels {
			labels = append(labels, "`"+label+"`")
		}
		cells := []string{"`" + d.FullName() + "`", string(d.Type), strings.Join(labels, ", "), d.Help}
		lines = append(lines, "| "+strings.Join(cells, " | ")+" |")
	}
	return lines
}
