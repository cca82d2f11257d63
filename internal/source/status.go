package source

import (
	"time"

	"vault-plugin-auth-radius/internal/directory"
	"vault-plugin-auth-radius/internal/radclient"
)

// Status returns the servers for a read of status.
func (s *Source) Status() []any {
	servers := []any{}
	for _, server := range s.Stats() {
		if server.RADIUS != nil {
			servers = append(servers, serverStatus(*server.RADIUS))
		} else {
			servers = append(servers, directoryStatus(*server.Directory))
		}
	}
	return servers
}

// serverStatus returns a server's counters for a read of status. Times are in milliseconds.
func serverStatus(stats radclient.Stats) map[string]any {
	dropped := map[string]any{}
	for reason, count := range stats.Drops {
		if count > 0 {
			dropped[radclient.DropReason(reason).Name()] = count
		}
	}
	lastAnswer := ""
	if !stats.LastAnswer.IsZero() {
		lastAnswer = stats.LastAnswer.UTC().Format(time.RFC3339)
	}
	addresses := []any{}
	for _, address := range stats.Addresses {
		addresses = append(addresses, map[string]any{"address": address.Address.String(), "state": string(address.State)})
	}
	return map[string]any{
		"host":              stats.Host,
		"port":              stats.Port,
		"state":             string(stats.State()),
		"addresses":         addresses,
		"last_answer":       lastAnswer,
		"round_trip_p50_ms": Milliseconds(stats.RoundTrip(50)),
		"round_trip_p99_ms": Milliseconds(stats.RoundTrip(99)),
		"accepted":          stats.Accepted,
		"rejected":          stats.Rejected,
		"challenged":        stats.Challenged,
		"timed_out":         stats.TimedOut,
		"unreachable":       stats.Unreachable,
		"too_many_waiting":  stats.Full,
		"abandoned":         stats.Abandoned,
		"in_flight":         stats.InFlight,
		"failed_over":       stats.FailedOver,
		"probes_sent":       stats.ProbesSent,
		"probes_answered":   stats.ProbesAnswered,
		"sent":              stats.Sent,
		"retransmitted":     stats.Retransmitted,
		"dropped":           dropped,
	}
}

// Milliseconds returns a duration as a read shows it.
func Milliseconds(d time.Duration) float64 {
	return float64(d.Round(10*time.Microsecond)) / float64(time.Millisecond)
}

// directoryStatus returns a directory server's counters for a read of status. Times are in
// milliseconds.
func directoryStatus(stats directory.Stats) map[string]any {
	lastAnswer := ""
	if !stats.LastAnswer.IsZero() {
		lastAnswer = stats.LastAnswer.UTC().Format(time.RFC3339)
	}
	return map[string]any{
		"host":        stats.Host,
		"port":        stats.Port,
		"state":       string(stats.State),
		"last_answer": lastAnswer,
		"accepted":    stats.Accepted,
		"rejected":    stats.Rejected,
		"unavailable": stats.Unavailable,
		"failed_over": stats.FailedOver,
		"in_flight":   stats.InFlight,

		"too_many_waiting": stats.Full,
	}
}
