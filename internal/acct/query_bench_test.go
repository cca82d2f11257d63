//go:build protocol

package acct

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// queries are the most frequent ones.
func benchQueries() map[string]Filter {
	open := true
	return map[string]Filter{
		"user": {Username: "user7"},
		"open": {IsOpen: &open},
		"time": {StartTime: at(50_000), StopTime: at(5_000_000)},
	}
}

// BenchmarkPostgresQueries asks for the first page of 1,000,000 sessions.
func BenchmarkPostgresQueries(b *testing.B) {
	server, database := newDatabase(b)
	store := openPostgres(b, server.URL(database))
	require.NoError(b, server.Exec(b.Context(), database, `
		INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, callingstationid, calledstationid,
			acctstarttime, acctupdatetime, acctstoptime)
		SELECT n, md5(n::text), 'user' || n % 20000, ('10.0.0.' || n % 100)::inet, 'station' || n % 30000, 'point' || n % 50,
			timestamptz '2024-01-01 00:00:00+00' + n * interval '1 second', timestamptz '2024-01-01 00:00:00+00' + n * interval '1 second',
			CASE WHEN n % 200 > 0 THEN timestamptz '2024-01-01 00:30:00+00' + n * interval '1 second' END
		FROM generate_series(1, 1000000) n;
		ANALYZE`))
	for name, filter := range benchQueries() {
		b.Run(name, func(b *testing.B) { reportQueries(b, store, filter) })
	}
}

// BenchmarkVaultQueries does the same on 100,000 sessions in Vault's storage, in
// memory: each read would be a round trip to the Vault process. reads/query says
// how many those are.
func BenchmarkVaultQueries(b *testing.B) {
	storage := newMemory()
	store := NewVaultStore(storage)
	for n := range 100_000 {
		packet := Packet{StatusType: Start, Time: at(n * 10), Attributes: Attributes{
			SessionID: fmt.Sprint(n), UniqueID: fmt.Sprintf("%032x", n), Username: fmt.Sprintf("user%d", n%2000), NASAddress: checkAddress,
		}}
		_, err := store.Record(b.Context(), packet)
		require.NoError(b, err)
		if n%200 > 0 {
			packet.StatusType, packet.Time = Stop, at(n*10+1800)
			_, err = store.Record(b.Context(), packet)
			require.NoError(b, err)
		}
	}
	for name, filter := range benchQueries() {
		b.Run(name, func(b *testing.B) {
			before := storage.total
			reportQueries(b, store, filter)
			b.ReportMetric(float64(storage.total-before)/benchRuns, "reads/query")
		})
	}
}

const benchRuns = 300

func reportQueries(b *testing.B, store Store, filter Filter) {
	b.Helper()
	times := make([]time.Duration, 0, benchRuns)
	for range benchRuns {
		began := time.Now()
		found, _, err := store.Sessions(b.Context(), filter, Page{})
		require.NoError(b, err)
		require.NotEmpty(b, found)
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[benchRuns/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(times[benchRuns*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(0, "ns/op")
}
