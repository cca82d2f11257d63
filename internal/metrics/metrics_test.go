package metrics

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/acct"
	"vault-plugin-auth-radius/internal/decision"
	"vault-plugin-auth-radius/internal/directory"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
)

// exposition returns what a scrape with the snapshot shows.
func exposition(t *testing.T, m *Metrics, snapshot Snapshot) string {
	t.Helper()
	var out strings.Builder
	require.NoError(t, m.Write(&out, func() (Snapshot, error) { return snapshot, nil }))
	return out.String()
}

// requireLines requires that the exposition has each line.
func requireLines(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		require.Contains(t, "\n"+text, "\n"+Prefix+line+"\n")
	}
}

// usedMount returns metrics in which everything has happened, and the state of the mount.
func usedMount() (*Metrics, Snapshot) {
	m := New("v1.2.3")
	for _, use := range decision.Uses {
		m.Decided(decision.Decision{
			Use: use, Source: "staff", SourceType: "ldap", Server: "ldap.example:636", Username: "alice", Station: "00-11-22-33-44-55",
			Address: "192.0.2.7", RequestID: "id-of-request", Reason: "wrong password", Outcome: decision.Refused,
			Class: decision.Rejected, Duration: 200 * time.Millisecond, Own: 2 * time.Millisecond,
		})
	}
	m.Decided(decision.Decision{Use: decision.Login, Outcome: decision.Challenged, Class: decision.None, Answers: true})
	m.Decided(decision.Decision{Use: decision.Login, Outcome: decision.Invalid, Class: decision.ChallengeFault, LocksName: true})
	m.FreeRADIUSAnswered(Authorize, http.StatusOK, 3*time.Millisecond)
	store := m.Store("postgres", failingStore{err: errors.New("disk is on fire")})
	_, _ = store.Record(context.Background(), acct.Packet{})
	m.OpenSessions("postgres", 12)
	m.Batch(BatchCreated, 20)
	used := usedServer("(config)", "radius.example:1812")
	return m, Snapshot{
		Sources: []SourceState{{"(config)", "radius", false}, {"staff", "ldap", true}},
		Servers: []source.ServerStats{used, {
			Source: "staff", SourceType: "ldap", Server: "ldap.example:636",
			Directory: &directory.Stats{
				State: directory.Dead, Accepted: 1, Rejected: 2, Unavailable: 3, FailedOver: 4, Full: 5, InFlight: 6,
			},
		}},
		Certificates: []source.Certificate{{Source: "staff", Kind: "ca", NotAfter: time.Unix(1893456000, 0)}},
		LockedNames:  7,
		Caches:       []Cache{{"users", 8, 9}},
	}
}

func TestWhatHappensIsCounted(t *testing.T) {
	t.Parallel()
	m, snapshot := usedMount()
	requireLines(
		t, exposition(t, m, snapshot),
		`logins_total{outcome="refused",reason="rejected",source="staff",source_type="ldap"} 1`,
		`renewals_total{outcome="refused",reason="rejected",source="staff",source_type="ldap"} 1`,
		`authorizations_total{outcome="refused",reason="rejected",source="staff",source_type="ldap"} 1`,
		`trials_total{outcome="refused",reason="rejected",source="staff",source_type="ldap"} 1`,
		`decision_seconds_bucket{source_type="ldap",use="renewal",le="0.1"} 0`,
		`decision_seconds_bucket{source_type="ldap",use="renewal",le="0.25"} 1`,
		`decision_seconds_sum{source_type="ldap",use="login"} 0.2`,
		`own_seconds_sum{use="trial"} 0.002`,
		`challenges_total{event="sent"} 1`,
		`challenges_total{event="answered"} 1`,
		`challenges_total{event="refused"} 1`,
		`lockouts_total 1`,
		`locked_names 7`,
		`freeradius_requests_total{answer="200",request="authorize"} 1`,
		`freeradius_request_seconds_sum{request="authorize"} 0.003`,
		`store_seconds_count{operation="record",store="postgres"} 1`,
		`store_errors_total{fault="other",operation="record",store="postgres"} 1`,
		`store_errors_total{fault="away",operation="record",store="postgres"} 0`,
		`open_sessions{store="postgres"} 12`,
		`batches_total{outcome="created"} 1`,
		`batches_total{outcome="failed"} 0`,
		`batch_users_total 20`,
		`cache_lookups_total{cache="users",result="hit"} 8`,
		`cache_lookups_total{cache="users",result="miss"} 9`,
		`source_faulty{source="(config)",source_type="radius"} 0`,
		`source_faulty{source="staff",source_type="ldap"} 1`,
		`certificate_expiry_timestamp_seconds{source="staff",certificate="ca",server=""} 1.893456e+09`,
	)
}

func TestServersOfBothKindsAreShown(t *testing.T) {
	t.Parallel()
	m, snapshot := usedMount()
	snapshot.Servers = append(snapshot.Servers, snapshot.Servers[0]) // Prometheus takes no series twice
	const radius, ldap = `source="(config)",server="radius.example:1812"`, `source="staff",server="ldap.example:636"`
	text := exposition(t, m, snapshot)
	requireLines(
		t, text,
		`server_logins_total{`+radius+`,outcome="challenged"} 12345`,
		`server_logins_total{`+radius+`,outcome="abandoned"} 123`,
		`server_packets_sent_total{`+radius+`} 1.234567e+06`,
		`server_dropped_total{`+radius+`,reason="late"} 1234`,
		`server_dropped_total{`+radius+`,reason="unsolicited_proxy_state"} 0`,
		`server_state{`+radius+`,state="unknown"} 1`,
		`server_last_answer_timestamp_seconds{`+radius+`} 1.893456e+09`,
		`round_trip_seconds_bucket{`+radius+`,le="0.005"} 123456`,
		`round_trip_seconds_bucket{`+radius+`,le="0.025"} 246912`,
		`round_trip_seconds_bucket{`+radius+`,le="+Inf"} 864192`,
		`round_trip_seconds_count{`+radius+`} 864192`,
		`server_logins_total{`+ldap+`,outcome="accepted"} 1`,
		`server_logins_total{`+ldap+`,outcome="rejected"} 2`,
		`server_logins_total{`+ldap+`,outcome="unavailable"} 3`,
		`server_logins_total{`+ldap+`,outcome="full"} 5`,
		`server_failovers_total{`+ldap+`} 4`,
		`server_in_flight{`+ldap+`} 6`,
		`server_state{`+ldap+`,state="dead"} 1`,
	)
	require.NotContains(t, text, "last_answer_timestamp_seconds{"+ldap, "none has come")
	require.Equal(t, 1, strings.Count(text, "server_in_flight{"+radius))
}

func parse(t *testing.T, text string) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	require.NoError(t, err)
	return families
}

// Every metric of the table is in the exposition of a mount that is in use, as the table
// describes it, and the exposition has no others of ours.
func TestExpositionIsWhatTheDefinitionsSay(t *testing.T) {
	t.Parallel()
	m, snapshot := usedMount()
	families := parse(t, exposition(t, m, snapshot))
	defined := map[string]bool{}
	for _, d := range Definitions {
		defined[d.FullName()] = true
		family := families[d.FullName()]
		require.NotNil(t, family, d.Name)
		require.Equal(t, d.Help, family.GetHelp())
		require.Equal(t, types[d.Type], family.GetType(), d.Name)
		for _, metric := range family.GetMetric() {
			var labels []string
			for _, label := range metric.GetLabel() {
				labels = append(labels, label.GetName())
			}
			require.ElementsMatch(t, d.Labels, labels, d.Name)
		}
	}
	for name := range families {
		if strings.HasPrefix(name, Prefix) {
			require.True(t, defined[name], name)
		} else {
			require.Regexp(t, "^(go|process)_", name)
		}
	}
}

// The conventions of Prometheus, as its linter has them, and that units are seconds.
func TestNamesFollowTheConventions(t *testing.T) {
	t.Parallel()
	m, snapshot := usedMount()
	problems, err := promlint.New(strings.NewReader(exposition(t, m, snapshot))).Lint()
	require.NoError(t, err)
	require.Empty(t, problems)
	for _, d := range Definitions {
		require.Regexp(t, `^[a-z][a-z_]*$`, d.Name)
		require.Equal(t, d.Type == Counter, strings.HasSuffix(d.Name, "_total"), d.Name)
		require.Equal(t, d.Type == Histogram, d.Buckets != nil, d.Name)
		require.Regexp(t, regexp.MustCompile(`^[A-Z0-9].*\.$`), d.Help)
		require.NotContains(t, d.Help, "|", "of the table")
		if d.Type == Histogram {
			require.True(t, strings.HasSuffix(d.Name, "_seconds"), d.Name)
		}
	}
}

func TestNothingOfAUserIsALabel(t *testing.T) {
	t.Parallel()
	m, snapshot := usedMount()
	text := exposition(t, m, snapshot)
	for _, secret := range []string{"alice", "00-11-22", "192.0.2.7", "id-of-request", "wrong password"} {
		require.NotContains(t, text, secret)
	}
}

func TestSeriesOfSourcesThatAreGoneEnd(t *testing.T) {
	t.Parallel()
	m := New("v1.2.3")
	for _, labels := range []sourceLabels{{"(config)", "radius"}, {"local", "local"}, {"", ""}, {"staff", "ldap"}, {"guests", "ldap"}} {
		for _, use := range decision.Uses {
			m.Decided(decision.Decision{
				Use: use, Source: labels.name, SourceType: labels.kind, Outcome: decision.Accepted, Class: decision.None,
			})
		}
	}
	text := exposition(t, m, Snapshot{Sources: []SourceState{{"staff", "ad", false}, {"guests", "ldap", false}}})
	require.NotContains(t, text, `source="staff",source_type="ldap"`, "another source has the name")
	for _, counter := range decisionCounters {
		for _, kept := range []string{
			`source="(config)",source_type="radius"`, `source="local",source_type="local"`, `source="",source_type=""`,
			`source="guests",source_type="ldap"`,
		} {
			requireLines(t, text, counter+`{outcome="accepted",reason="none",`+kept+`} 1`)
		}
	}
	require.NotContains(t, exposition(t, m, Snapshot{}), "guests")
}

func TestScrapeFailsIfTheStateCannotBeRead(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	fault := errors.New("storage is away")
	require.ErrorIs(t, New("").Write(&out, func() (Snapshot, error) { return Snapshot{}, fault }), fault)
	require.Empty(t, out.String())
}

func TestOpenSessionsAreOfOneStoreOrUnknown(t *testing.T) {
	t.Parallel()
	m := New("")
	m.OpenSessions("vault", 1)
	m.OpenSessions("postgres", 2)
	text := exposition(t, m, Snapshot{})
	requireLines(t, text, `open_sessions{store="postgres"} 2`)
	require.NotContains(t, text, `open_sessions{store="vault"}`)
	m.OpenSessionsUnknown()
	require.NotContains(t, exposition(t, m, Snapshot{}), "open_sessions")
}

func TestDecisionsOfEveryUseAreCounted(t *testing.T) {
	t.Parallel()
	for _, use := range decision.Uses {
		require.NotEmpty(t, decisionCounters[use])
	}
	New("").Decided(decision.Decision{Use: "none that there is"}) // is no panic
}

// All states that a server may have are words, so that their number is bounded.
func TestStatesAndReasonsAreWords(t *testing.T) {
	t.Parallel()
	word := regexp.MustCompile(`^[a-z_]+$`)
	for reason := range radclient.Drops(radclient.Drops{}) {
		if reason > 0 {
			require.Regexp(t, word, radclient.DropReason(reason).Name())
		}
	}
	for _, reason := range forgeries {
		require.Regexp(t, word, reason.Name())
	}
}
