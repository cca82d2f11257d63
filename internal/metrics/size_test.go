package metrics

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/decision"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
)

// largest is how large the exposition of a mount may be that has 31 servers in its config and
// 20 sources, in octets.
const largest = 200 << 10

// largeMount returns the metrics of such a mount, all of whose servers have been used for
// long: with challenges, silence, copies and late answers.
func largeMount() (*Metrics, Snapshot) {
	m := New("v1.2.3")
	snapshot := Snapshot{LockedNames: 17}
	for i := range 31 {
		snapshot.Servers = append(snapshot.Servers, usedServer("(config)", fmt.Sprintf("radius-%02d.example.org:1812", i)))
	}
	snapshot.Sources = append(snapshot.Sources, SourceState{"(config)", "radius", false})
	for i := range 20 {
		name := fmt.Sprintf("campus-%02d", i)
		snapshot.Sources = append(snapshot.Sources, SourceState{name, "radius", false})
		snapshot.Servers = append(snapshot.Servers, usedServer(name, fmt.Sprintf("radius.%s.example:1812", name)))
	}
	for _, name := range []string{"config", "users", "profiles", "dictionaries", "sources", "freeradius"} {
		snapshot.Caches = append(snapshot.Caches, Cache{name, 123456789, 1234})
	}
	for i, present := range snapshot.Sources {
		decideAll(m, present)
		if i%4 != 1 { // these have no certificates
			continue
		}
		for _, kind := range []string{"ca", "client", "server"} {
			snapshot.Certificates = append(snapshot.Certificates, source.Certificate{
				Source: present.Name, Kind: kind, Server: "radius.example.org:2083", NotAfter: time.Unix(1893456000, 0),
			})
		}
	}
	m.Store("postgres", nil)
	for _, call := range operations {
		m.storeSeconds.WithLabelValues("postgres", string(call)).Observe(0.0123)
	}
	for range 1234 {
		m.Decided(decision.Decision{Use: decision.Login, LocksName: true})
	}
	m.OpenSessions("postgres", 1234)
	return m, snapshot
}

// decideAll counts decisions of each kind that the logins of a source usually have.
func decideAll(m *Metrics, of SourceState) {
	for _, use := range []decision.Use{decision.Login, decision.FreeRADIUS} {
		for class, outcome := range map[decision.Class]decision.Outcome{
			decision.None: decision.Accepted, decision.Rejected: decision.Refused, decision.NoAnswer: decision.Unanswered,
		} {
			m.Decided(decision.Decision{
				Use: use, Source: of.Name, SourceType: of.Type, Outcome: outcome, Class: class,
				Duration: 123456 * time.Microsecond, Own: 123 * time.Microsecond,
			})
		}
	}
}

func usedServer(name, address string) source.ServerStats {
	stats := &radclient.Stats{
		Accepted: 1234567, Rejected: 123456, Challenged: 12345, TimedOut: 1234, Abandoned: 123,
		FailedOver: 1234, ProbesSent: 12345, ProbesAnswered: 12345, Sent: 1234567, Retransmitted: 12345,
		LastAnswer: time.Unix(1893456000, 0), InFlight: 12,
		RoundTrips: radclient.Histogram{Sum: 1234567890 * time.Microsecond},
	}
	for range len(radclient.RoundTripBuckets) + 1 {
		stats.RoundTrips.Counts = append(stats.RoundTrips.Counts, 123456)
	}
	stats.Drops[radclient.DropLate] = 1234
	return source.ServerStats{Source: name, SourceType: "radius", Server: address, RADIUS: stats}
}

func TestLargeMountHasSmallExposition(t *testing.T) {
	t.Parallel()
	m, snapshot := largeMount()
	var out bytes.Buffer
	require.NoError(t, m.Write(&out, func() (Snapshot, error) { return snapshot, nil }))
	t.Logf("%d octets", out.Len())
	require.LessOrEqual(t, out.Len(), largest)
}

func BenchmarkWrite(b *testing.B) {
	m, snapshot := largeMount()
	for b.Loop() {
		if err := m.Write(io.Discard, func() (Snapshot, error) { return snapshot, nil }); err != nil {
			b.Fatal(err)
		}
	}
}
