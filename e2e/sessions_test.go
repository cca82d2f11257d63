package e2e

import (
	"fmt"
	"hash/fnv"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/longtest"
)

// sessionCase is what a NAS sends, and which sessions are known then.
type sessionCase struct {
	name    string
	nas     string    // NAS-IPv6-Address, of one that is on IPv6; else it has an IPv4 address of its own
	packets []string  // as accounting returns them
	want    []session // after them
	later   []string  // more packets
	then    []session // after these
}

// session is what is expected of one, by field. Those of a case are in the order of a page:
// the newest start first. A time may be a minute off.
type session map[string]any

// TestSessionsAreWhatNASesMean sends packets of NASes that have all kinds of clocks, and of
// some that change their mind, and reads what became of their sessions.
func TestSessionsAreWhatNASesMean(t *testing.T) {
	t.Parallel()
	stores := map[string]func(t *testing.T) map[string]any{
		"vault": func(*testing.T) map[string]any { return map[string]any{"store": "vault"} },
		"postgres": func(t *testing.T) map[string]any {
			return map[string]any{"store": "postgres", "connection_url": startPostgres(t).URL("postgres")}
		},
	}
	for name, config := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := startPlugin(t)
			v.write("auth/radius/config", map[string]any{"extauth": "local"})
			v.write("auth/radius/freeradius/config", config(t))
			f := startFrontend(t, v)
			now := time.Now()

			cases := slices.Concat(clockCases(now), changedMindCases(now), reuseCases(now), attributeCases())
			checkSessions(t, v, f, cases, func() {})
			t.Run("packets about no session are logged", func(t *testing.T) {
				v.log.await(t, "accounting packets were acknowledged and not kept")
			})
			t.Run("of an API client", func(t *testing.T) { testSessionsOfClient(t, v) })
			if longtest.Enabled() { // Vault runs the maintenance once a minute, and not on demand
				v.write("auth/radius/freeradius/config", map[string]any{"stale_session_after": "10m", "retention": "12h"})
				checkSessions(t, v, f, maintainedCases(time.Now()), v.awaitMaintenance)
			}
		})
	}
}

// checkSessions sends the packets of all cases, waits, and compares the sessions of each
// with what it wants; then the same with its later packets.
func checkSessions(t *testing.T, v *vaultServer, f *frontend, cases []sessionCase, wait func()) {
	t.Helper()
	unanswered := sendPackets(t, f, cases, func(c sessionCase) []string { return c.packets })
	wait()
	first := readSessions(v, cases)
	unansweredLater := sendPackets(t, f, cases, func(c sessionCase) []string { return c.later })
	second := readSessions(v, cases)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			require.Empty(t, unanswered[c.name])
			requireSessions(t, c.want, first[c.name])
			require.Empty(t, unansweredLater[c.name])
			if c.later != nil {
				requireSessions(t, c.then, second[c.name])
			}
		})
	}
}

// testSessionsOfClient tells with a Start, and with an Interim-Update, how the session has
// ended, as no NAS does.
func testSessionsOfClient(t *testing.T, v *vaultServer) {
	for _, status := range []string{"Start", "Interim-Update"} {
		username := "told by " + status
		packet := mustMarshal(t, map[string]any{
			"status_type": status, "session_id": "1", "nas_ip_address": "192.0.2.1", "username": username,
			"start_time": "2018-03-02T00:00:00Z", "stop_time": "2018-03-02T01:00:00Z", "terminate_cause": "User-Request",
		})
		code, answer := v.request(http.MethodPost, "auth/radius/freeradius/accounting", "application/json", packet)
		require.Equal(t, http.StatusCreated, code, answer)
		began := time.Date(2018, 3, 2, 0, 0, 0, 0, time.UTC)
		want := []session{{"start_time": began, "stop_time": began.Add(hours(1)), "terminate_cause": "User-Request"}}
		requireSessions(t, want, known{sessions: v.sessions("username=" + url.QueryEscape(username))})
	}
}

// awaitMaintenance waits until Vault has run the maintenance.
func (v *vaultServer) awaitMaintenance() {
	v.t.Helper()
	deadline := time.After(readyWithin)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for len(v.sessions("username="+url.QueryEscape(forgotten))) > 0 {
		select {
		case <-tick.C:
		case <-deadline:
			v.t.Fatalf("the maintenance has not run within %s", readyWithin)
		}
	}
}

// sendPackets sends packets of all cases with radclient, each when the one before is
// answered, and returns those without an answer, by the name of the case.
func sendPackets(
	t *testing.T, f *frontend, cases []sessionCase, packets func(sessionCase) []string,
) (unanswered map[string][]string) {
	t.Helper()
	unanswered = map[string][]string{}
	for _, host := range []string{"127.0.0.1", "::1"} {
		var names, sent []string // of each packet: its case, and what it is
		for _, c := range cases {
			for _, packet := range packets(c) {
				if (host == "::1") == (c.nas != "") {
					names, sent = append(names, c.name), append(sent, c.complete(packet))
				}
			}
		}
		for len(sent) > 0 { // radclient ends with a packet that is not answered
			command := exec.CommandContext(t.Context(), "radclient", "-x", "-r", "1", "-t", fmt.Sprint(f.answersWithin.Seconds()),
				net.JoinHostPort(host, strconv.Itoa(f.acctPort)), "acct", frontendSecret)
			command.Stdin = strings.NewReader(strings.Join(sent, "\n\n") + "\n")
			out, _ := command.CombinedOutput() // which has what was answered
			answers := strings.Split(string(out), "Sent Accounting-Request")[1:]
			require.NotEmpty(t, answers, "%s", out)
			for i, answer := range answers {
				if !strings.Contains(answer, "Received Accounting-Response") {
					unanswered[names[i]] = append(unanswered[names[i]], sent[i])
				}
			}
			names, sent = names[len(answers):], sent[len(answers):]
		}
	}
	return unanswered
}

// complete returns a packet with what all have: the user is named as the case.
func (c sessionCase) complete(packet string) string {
	address := "NAS-IPv6-Address = " + c.nas
	if c.nas == "" {
		address = "NAS-IP-Address = " + c.address()
	}
	if packet += ", " + address; !strings.Contains(packet, "Acct-Session-Id = ") {
		packet += ", Acct-Session-Id = 1"
	}
	if !strings.Contains(packet, "= Accounting-O") {
		packet += ", User-Name = " + quoted(c.name)
	}
	return packet
}

// address returns one that no other case has.
func (c sessionCase) address() string {
	sum := fnv.New32a()
	sum.Write([]byte(c.name))
	digest := sum.Sum(nil)
	return net.IPv4(10, digest[1], digest[2], digest[3]).String()
}

// known is what is known of a case: all of its sessions, and those listed as open.
type known struct{ sessions, open []map[string]any }

// readSessions returns what is known of each case, by its name.
func readSessions(v *vaultServer, cases []sessionCase) map[string]known {
	v.t.Helper()
	open := map[any][]map[string]any{}
	for _, listed := range v.sessions("is_open=true&page_size=100") {
		open[listed["username"]] = append(open[listed["username"]], listed)
	}
	found := map[string]known{}
	for _, c := range cases {
		found[c.name] = known{v.sessions("username=" + url.QueryEscape(c.name)), open[c.name]}
	}
	return found
}

// requireSessions compares what is known of a case with what it wants.
func requireSessions(t *testing.T, want []session, found known) {
	t.Helper()
	require.Len(t, found.sessions, len(want), "%v", found.sessions)
	var open []map[string]any
	for i, record := range found.sessions {
		if record["stop_time"] == nil {
			open = append(open, record)
		}
		for field, value := range want[i] {
			switch value := value.(type) {
			case time.Time:
				require.NotNil(t, record[field], "%s of %v", field, record)
				require.WithinDuration(t, value, parsedTime(t, record[field]), time.Minute, "%s of %v", field, record)
			case about:
				require.InDelta(t, float64(value), record[field], 60, "%s of %v", field, record)
			default:
				require.EqualValues(t, value, record[field], "%s of %v", field, record)
			}
		}
	}
	require.Equal(t, open, found.open)
}
