package e2e

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// clockCases are of NASes whose clocks are wrong.
func clockCases(now time.Time) []sessionCase {
	return []sessionCase{
		{
			name:    "Accounting-On by a clock of 2024",
			packets: []string{accounting("Start", made(now, hours(1))), accounting("Accounting-On", by(day(2024)))},
			want: []session{{
				"start_time": now.Add(-hours(1)), "stop_time": now, "terminate_cause": "NAS-Reboot", "session_time": about(3600),
			}},
		},
		{
			name:    "Accounting-On after a Start by a clock 8 h ahead",
			packets: []string{accounting("Start", by(now.Add(hours(8)))), accounting("Accounting-On")},
			want: []session{{
				"start_time": now.Add(hours(8)), "stop_time": now.Add(hours(8)), "terminate_cause": "NAS-Reboot", "session_time": about(0),
			}},
		},
		{
			name:    "Accounting-On, late, of a clock 8 h ahead",
			packets: []string{accounting("Start"), accounting("Accounting-On", by(now.Add(hours(8))), delayed(hours(1)))},
			want:    []session{{"stop_time": nil}}, // begun after it
		},
		{
			name:    "an Interim-Update comes first",
			packets: []string{accounting("Interim-Update", lasting(hours(1)))},
			want:    []session{{"start_time": now.Add(-hours(1)), "update_time": now, "stop_time": nil, "session_time": 3600}},
		},
		{
			name:    "an Interim-Update comes first, by a clock of 2008",
			packets: []string{accounting("Interim-Update", by(day(2008)), lasting(hours(1)))},
			want:    []session{{"start_time": day(2008).Add(-hours(1)), "stop_time": nil, "session_time": 3600}},
		},
		{
			name:    "an Interim-Update comes first, an hour late",
			packets: []string{accounting("Interim-Update", delayed(hours(1)), lasting(hours(1)))},
			want:    []session{{"start_time": now.Add(-hours(2)), "update_time": now.Add(-hours(1)), "session_time": 3600}},
		},
		{
			name:    "a Stop comes first, an hour late",
			packets: []string{accounting("Stop", delayed(hours(1)), lasting(hours(1)))},
			want:    []session{{"start_time": now.Add(-hours(2)), "stop_time": now.Add(-hours(1)), "session_time": 3600}},
		},
	}
}

// changedMindCases are of ends that were guessed, and how they give way.
func changedMindCases(now time.Time) []sessionCase {
	const ap1, ap2 = "NAS-Identifier = ap-1", "NAS-Identifier = ap-2"
	const station1 = `Called-Station-Id = "00-11-22-33-44-01:office"`
	const station2 = `Called-Station-Id = "00-11-22-33-44-02:office"`
	two := func(first, second string) []string {
		return []string{
			accounting("Start", named("1"), made(now, hours(3)), first),
			accounting("Start", named("2"), made(now, hours(2)), second),
		}
	}
	onlyFirst := []session{
		{"session_id": "2", "stop_time": nil},
		{"session_id": "1", "stop_time": now.Add(-hours(1)), "terminate_cause": "NAS-Reboot"},
	}
	restarted := []string{
		accounting("Start", made(now, hours(3))),
		accounting("Interim-Update", made(now, hours(2)), lasting(hours(1))),
		accounting("Accounting-On", made(now, hours(1))),
	}
	guessed := []session{{"stop_time": now.Add(-hours(1)), "terminate_cause": "NAS-Reboot", "session_time": about(7200)}}
	stopped := func(cause string) sessionCase {
		return sessionCase{
			name: "a Stop for " + cause + " after a guess", packets: restarted, want: guessed,
			later: []string{accounting("Stop", made(now, minutes(90)), lasting(minutes(90)), "Acct-Terminate-Cause = "+cause)},
			then:  []session{{"stop_time": now.Add(-minutes(90)), "terminate_cause": cause, "session_time": 5400}},
		}
	}
	return []sessionCase{
		{
			name: "an Interim-Update after a guess", packets: restarted, want: guessed,
			later: []string{accounting("Interim-Update", made(now, 0), lasting(hours(3)), "Acct-Input-Octets = 7")},
			then: []session{{
				"start_time": now.Add(-hours(3)), "stop_time": nil, "terminate_cause": "", "session_time": 10800, "input_octets": 7,
			}},
		},
		{
			name: "an Interim-Update after a Stop",
			packets: []string{
				accounting("Start", made(now, hours(3))),
				accounting("Stop", made(now, hours(1)), lasting(hours(2)), "Acct-Terminate-Cause = User-Request"),
				accounting("Interim-Update", made(now, minutes(30)), lasting(hours(2))),
			},
			want: []session{{"stop_time": now.Add(-hours(1)), "terminate_cause": "User-Request", "session_time": 7200}},
		},
		{
			name:    "an Interim-Update after a Stop that replaced a guess",
			packets: slices.Concat(restarted, stopped("Lost-Carrier").later),
			want:    stopped("Lost-Carrier").then,
			later:   []string{accounting("Interim-Update", made(now, 0), lasting(hours(3)))},
			then:    []session{{"stop_time": now.Add(-minutes(90)), "terminate_cause": "Lost-Carrier"}},
		},
		stopped("NAS-Reboot"),
		stopped("Lost-Carrier"),
		stopped("User-Request"),
		{
			name:    "Accounting-On of one NAS-Identifier",
			packets: append(two(ap1, ap2), accounting("Accounting-On", made(now, hours(1)), ap1)),
			want:    onlyFirst,
		},
		{
			name: "Accounting-On of one Called-Station-Id",
			packets: append(two(station1, station2),
				accounting("Accounting-On", made(now, hours(1)), "Called-Station-Id = 001122334401")),
			want: onlyFirst,
		},
		{
			name: "Accounting-Off of a NAS-Identifier before Called-Station-Id",
			packets: append(two(ap1+", "+station2, ap2+", "+station1),
				accounting("Accounting-Off", made(now, hours(1)), ap1, station1)),
			want: onlyFirst,
		},
		{
			name:    "Accounting-On without a name",
			packets: append(two(ap1, ap2), accounting("Accounting-On", made(now, hours(1)))),
			want: []session{
				{"session_id": "2", "terminate_cause": "NAS-Reboot"},
				{"session_id": "1", "terminate_cause": "NAS-Reboot"},
			},
		},
	}
}

// reuseCases are of NASes that use a session id, user and port again.
func reuseCases(now time.Time) []sessionCase {
	const octets = "Acct-Input-Octets = "
	first := []string{
		accounting("Start", made(now, hours(5))),
		accounting("Interim-Update", made(now, hours(4)), lasting(hours(1)), octets+"1000"),
	}
	restart := accounting("Accounting-On", made(now, hours(3)))
	stop := accounting("Stop", made(now, hours(3)), lasting(hours(2)), octets+"2000")
	start := accounting("Start", made(now, hours(2)))
	update := accounting("Interim-Update", made(now, hours(1)), lasting(hours(1)), octets+"5")
	again := session{"start_time": now.Add(-hours(2)), "stop_time": nil, "session_time": 3600, "input_octets": 5}
	ended := session{"start_time": now.Add(-hours(5)), "stop_time": now.Add(-hours(3)), "session_time": 7200, "input_octets": 2000}
	return []sessionCase{
		{
			name:    "the same ids after Accounting-On",
			packets: slices.Concat(first, []string{restart, start, update}),
			want: []session{again, {
				"start_time": now.Add(-hours(5)), "stop_time": now.Add(-hours(3)), "terminate_cause": "NAS-Reboot", "input_octets": 1000,
			}},
		},
		{
			name:    "the same ids after a Stop",
			packets: slices.Concat(first, []string{stop, start, update}),
			want:    []session{again, ended},
		},
		{
			name:    "the same ids, and the Start is lost",
			packets: slices.Concat(first, []string{stop, update}),
			want:    []session{again, ended},
		},
		{
			name: "the same ids, by a clock that begins with 2008 again",
			packets: []string{
				accounting("Start", by(day(2008)), delayed(hours(5))),
				accounting("Interim-Update", by(day(2008).Add(hours(1))), delayed(hours(4)), lasting(hours(1)), octets+"1000"),
				accounting("Accounting-On", by(day(2008)), delayed(hours(3))),
				accounting("Start", by(day(2008).Add(minutes(2))), delayed(hours(2))),
			},
			want: []session{
				{"stop_time": nil, "session_time": 0, "input_octets": 0},
				{"terminate_cause": "NAS-Reboot", "input_octets": 1000},
			},
		},
	}
}

// attributeCases are of what packets tell beside times, and of those about no session.
func attributeCases() []sessionCase {
	class := "0x" + strings.Repeat("00ff", 126) + "63" // 253 octets
	cases := []sessionCase{
		{
			name: "NAS-Port without NAS-Port-Id", packets: []string{accounting("Start", "NAS-Port = 48")},
			want: []session{{"nas_port_id": "48"}},
		},
		{
			name:    "NAS-Port with NAS-Port-Id",
			packets: []string{accounting("Start", "NAS-Port = 48", "NAS-Port-Id = ge-0/0/48")},
			want:    []session{{"nas_port_id": "ge-0/0/48"}},
		},
		{
			name: "Connect-Info",
			packets: []string{
				accounting("Start", `Connect-Info = "CONNECT 54Mbps"`),
				accounting("Stop", lasting(0), `Connect-Info = "11 Mbps, \"b\""`),
			},
			want: []session{{"connection_info_start": "CONNECT 54Mbps", "connection_info_stop": `11 Mbps, "b"`}},
		},
		{
			name: "a Class of 253 octets", packets: []string{accounting("Start", "Class = "+class)},
			want: []session{{"class": class}},
		},
		{
			name: "a counter that wraps",
			packets: []string{
				accounting("Start"),
				accounting("Interim-Update", lasting(minutes(1)), "Acct-Input-Octets = 4294967000", "Acct-Output-Octets = 3000000000"),
				accounting("Interim-Update", lasting(minutes(2)), "Acct-Input-Octets = 4", "Acct-Output-Octets = 2900000000"),
				accounting("Stop", lasting(minutes(3)), "Acct-Input-Octets = 3", "Acct-Output-Octets = 1"),
			},
			want: []session{{"input_octets": int64(1<<32 + 4), "output_octets": int64(1<<32 + 1)}},
		},
		{
			name: "a NAS on IPv6", nas: "2001:db8::9",
			packets: []string{accounting("Start"), accounting("Accounting-On")},
			want:    []session{{"nas_ip_address": "2001:db8::9", "terminate_cause": "NAS-Reboot"}},
		},
	}
	for _, status := range []int{9, 10, 11, 12, 13, 14, 15, 99} {
		number := strconv.Itoa(status)
		cases = append(cases, sessionCase{name: "Acct-Status-Type " + number, packets: []string{accounting(number)}})
	}
	return cases
}

// maintainedCases are of sessions that the maintenance looks at, with a stale_session_after
// of ten minutes and a retention of twelve hours. It runs before the later packets.
func maintainedCases(now time.Time) []sessionCase {
	silent := []string{
		accounting("Start", made(now, hours(3))),
		accounting("Interim-Update", made(now, hours(2)), lasting(hours(1))),
	}
	closed := []session{{"stop_time": now.Add(-hours(2)), "terminate_cause": "Lost-Carrier", "session_time": about(3600)}}
	ended := func(name string, start time.Time) sessionCase {
		return sessionCase{
			name:    name,
			packets: []string{accounting("Start", by(start)), accounting("Stop", by(start.Add(hours(1))), lasting(hours(1)))},
			want:    []session{{"start_time": start, "stop_time": start.Add(hours(1)), "session_time": 3600}},
		}
	}
	living := func(name string, start time.Time) sessionCase {
		open := []session{{"start_time": start, "stop_time": nil, "terminate_cause": ""}}
		return sessionCase{
			name: name, packets: []string{accounting("Start", by(start))}, want: open,
			later: []string{accounting("Interim-Update", by(start.Add(hours(1))), lasting(hours(1)))}, then: open,
		}
	}
	stopped := func(cause string) sessionCase {
		return sessionCase{
			name: "a Stop for " + cause + " after a silence", packets: silent, want: closed,
			later: []string{accounting("Stop", made(now, hours(1)), lasting(hours(2)), "Acct-Terminate-Cause = "+cause)},
			then:  []session{{"stop_time": now.Add(-hours(1)), "terminate_cause": cause, "session_time": 7200}},
		}
	}
	return []sessionCase{
		ended("ended, by a clock of 2008", day(2008)),
		ended("ended, by a clock 39 days behind", now.Add(-39*hours(24))),
		living("living, by a clock of 2008", day(2008)),
		living("living, by a clock 2 h behind", now.Add(-hours(2))),
		{
			name:    "silent, by a clock 8 h ahead",
			packets: []string{accounting("Start", by(now.Add(hours(8))), delayed(hours(1)))},
			want:    []session{{"start_time": now.Add(hours(8)), "stop_time": now.Add(hours(8)), "terminate_cause": "Lost-Carrier"}},
		},
		{
			name: "silent, without a clock", packets: []string{accounting("Start", delayed(hours(1)))},
			want: []session{{"start_time": now.Add(-hours(1)), "stop_time": now.Add(-hours(1)), "terminate_cause": "Lost-Carrier"}},
		},
		{
			name: "an Interim-Update after a silence", packets: silent, want: closed,
			later: []string{accounting("Interim-Update", made(now, 0), lasting(hours(3)))},
			then:  []session{{"start_time": now.Add(-hours(3)), "stop_time": nil, "terminate_cause": "", "session_time": 10800}},
		},
		stopped("Lost-Carrier"),
		stopped("NAS-Reboot"),
		{name: forgotten, packets: []string{accounting("Stop", made(now, hours(13)), lasting(0))}},
	}
}

// forgotten is the name of a case whose session the maintenance deletes, as the last thing
// that it does.
const forgotten = "ended 13 h ago"

// accounting returns an Accounting-Request as radclient reads it.
func accounting(status string, attributes ...string) string {
	return strings.Join(append([]string{"Acct-Status-Type = " + status}, attributes...), ", ")
}

// by returns the Event-Timestamp of a NAS whose clock shows that time.
func by(clock time.Time) string { return fmt.Sprintf("Event-Timestamp = %d", clock.Unix()) }

// delayed returns the Acct-Delay-Time of a packet that has got through after that long.
func delayed(d time.Duration) string { return fmt.Sprintf("Acct-Delay-Time = %d", d/time.Second) }

// made returns what a NAS whose clock is right says of a packet that it made that long ago.
func made(now time.Time, ago time.Duration) string { return by(now.Add(-ago)) + ", " + delayed(ago) }

// lasting returns the Acct-Session-Time of a session that has lasted that long.
func lasting(d time.Duration) string { return fmt.Sprintf("Acct-Session-Time = %d", d/time.Second) }

func named(id string) string { return "Acct-Session-Id = " + id }

func hours(n int) time.Duration { return time.Duration(n) * time.Hour }

func minutes(n int) time.Duration { return time.Duration(n) * time.Minute }

// day returns the time at which a clock begins that takes that year for now.
func day(year int) time.Time { return time.Date(year, 1, 1, 0, 0, 10, 0, time.UTC) }

// about is a number of seconds which may be a minute off.
type about float64
