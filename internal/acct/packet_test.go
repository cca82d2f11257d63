package acct

import (
	"encoding/json"
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var arrival = time.Date(2024, 1, 3, 0, 0, 0, 0, time.UTC)

// start is a Start as a template of FreeRADIUS sends it: all text, empty for what
// the packet lacks.
func start() map[string]string {
	return map[string]string{
		"status_type": "Start", "session_id": "35000006", "unique_id": "a93dda260677e044ac99bf633bc49f7c", "username": "jim", "realm": "",
		"nas_ip_address": "172.16.64.91", "nas_port_id": "1", "nas_port_type": "Wireless-802.11", "session_time": "", "authentication": "RADIUS",
		"input_octets": "", "output_octets": "", "called_station_id": "00-27-22-F3-FA-F1:hotspot", "calling_station_id": "5c:7d:c1:72:a7:3b",
		"terminate_cause": "", "service_type": "Framed-User", "framed_protocol": "PPP", "framed_ip_address": "10.0.0.7",
		"framed_ipv6_address": "2001:db8::7", "framed_ipv6_prefix": "2001:db8:1::/64", "framed_interface_id": "0:0:0:7",
		"delegated_ipv6_prefix": "2001:db8:f00::/56",
	}
}

func TestTemplateOfFreeRADIUSIsRead(t *testing.T) {
	t.Parallel()
	p, problems := ParsePacket(start(), arrival)
	require.Empty(t, problems)
	require.Equal(t, Packet{
		StatusType: Start, Time: arrival, Arrived: arrival,
		Attributes: Attributes{
			SessionID: "35000006", UniqueID: "a93dda260677e044ac99bf633bc49f7c", Username: "jim", NASAddress: testNAS,
			NASPortID: "1", NASPortType: "Wireless-802.11", Authentication: "RADIUS",
			CalledStationID: "00-27-22-F3-FA-F1:hotspot", CallingStationID: "5c:7d:c1:72:a7:3b", ServiceType: "Framed-User", FramedProtocol: "PPP",
			FramedIPAddress: netip.MustParseAddr("10.0.0.7"), FramedIPv6Address: netip.MustParseAddr("2001:db8::7"),
			FramedIPv6Prefix: netip.MustParsePrefix("2001:db8:1::/64"), FramedInterfaceID: "0:0:0:7",
			DelegatedIPv6Prefix: netip.MustParsePrefix("2001:db8:f00::/56"),
		},
	}, p)
}

func TestAttributesAreReadByTheirRADIUSNames(t *testing.T) {
	t.Parallel()
	p, problems := ParsePacket(map[string]string{
		"Acct-Status-Type": "Stop", "Acct-Session-Id": "35000006", "User-Name": "jim", "NAS-IP-Address": "172.16.64.91",
		"NAS-Identifier": "ap-1", "NAS-Port-Id": "wlan0", "NAS-Port": "1", "Acct-Session-Time": "300",
		"Acct-Input-Octets": "100", "Acct-Input-Gigawords": "1", "Connect-Info": "bye", "Cisco-AVPair": "unknown",
		"Event-Timestamp": "Jan  2 2024 03:04:05 UTC",
	}, arrival)
	require.Empty(t, problems)
	require.Equal(t, epoch, p.Time)
	r := Merge(nil, p)
	require.Equal(t, "a93dda260677e044ac99bf633bc49f7c", r.UniqueID, "as FreeRADIUS computes it")
	require.EqualValues(t, int64(4294967396), *r.InputOctets)
	require.Equal(t, "bye", r.ConnectionInfoStop)
}

func TestAnythingThatCannotBeRecordedIsNamed(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change map[string]string
		want   []string
	}{
		"nothing at all": {
			map[string]string{"status_type": "", "session_id": "", "nas_ip_address": ""},
			[]string{"nas_ip_address", "session_id", "status_type"},
		},
		"unknown status type": {map[string]string{"status_type": "99"}, []string{"status_type"}},
		"wrong address":       {map[string]string{"nas_ip_address": "172.16.64.300"}, []string{"nas_ip_address"}},
		"host name":           {map[string]string{"framed_ip_address": "localhost"}, []string{"framed_ip_address"}},
		"wrong prefix":        {map[string]string{"framed_ipv6_prefix": "2001:db8::/129"}, []string{"framed_ipv6_prefix"}},
		"fraction":            {map[string]string{"session_time": "1.5"}, []string{"session_time"}},
		"negative": {
			map[string]string{"input_octets": "-1", "output_octets": "-1", "session_time": "-1"},
			[]string{"input_octets", "output_octets", "session_time"},
		},
		"far too negative":              {map[string]string{"input_octets": "-99999999999999999999"}, []string{"input_octets"}},
		"no number":                     {map[string]string{"output_octets": "many"}, []string{"output_octets"}},
		"unique id that no table takes": {map[string]string{"unique_id": "a93dda260677e044ac99bf633bc49f7c0"}, []string{"unique_id"}},
		"no time":                       {map[string]string{"start_time": "yesterday"}, []string{"start_time"}},
		"Accounting-On needs a NAS only": {
			map[string]string{"status_type": "Accounting-On", "session_id": "", "unique_id": "", "username": ""},
			nil,
		},
		"no user name":                       {map[string]string{"username": ""}, nil},
		"number that is too large":           {map[string]string{"input_octets": "99999999999999999999"}, nil},
		"NAS-IPv6-Address alone":             {map[string]string{"nas_ip_address": "", "nas_ipv6_address": "2001:db8::5"}, nil},
		"Event-Timestamp that is not a time": {map[string]string{"event_timestamp": "soon"}, nil},
	}
	for name, test := range tests {
		values := start()
		maps.Copy(values, test.change)
		_, problems := ParsePacket(values, arrival)
		require.Equal(t, test.want, slices.Sorted(maps.Keys(problems)), name)
	}
	_, problems := ParsePacket(map[string]string{"status_type": "Stop", "session_id": "1"}, arrival)
	require.EqualError(t,
		problems,
		"nas_ip_address: is missing: a template for FreeRADIUS can send %{%{NAS-IP-Address}:-%{Packet-Src-IP-Address}}",
	)
}

func TestStatusTypesAreReadInEverySpelling(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]StatusType{
		"Start": Start, "1": Start, "STOP": Stop, "2": Stop, "Alive": InterimUpdate, "interim-update": InterimUpdate, "3": InterimUpdate,
		"Accounting-On": AccountingOn, "7": AccountingOn, "Accounting-Off": AccountingOff, "8": AccountingOff,
	} {
		values := start()
		values["status_type"] = text
		p, problems := ParsePacket(values, arrival)
		require.Empty(t, problems, text)
		require.Equal(t, want, p.StatusType)
		require.Equal(t, want == AccountingOn || want == AccountingOff, p.StatusType.AboutNAS())
	}
}

func TestTimeOfAPacket(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status  string
		values  map[string]string
		want    time.Time
		started time.Time
	}{
		"arrival":                          {"Start", nil, arrival, time.Time{}},
		"seconds":                          {"Start", map[string]string{"event_timestamp": "1704164645"}, epoch, time.Time{}},
		"FreeRADIUS's form":                {"Start", map[string]string{"event_timestamp": "Jan  2 2024 03:04:05 UTC"}, epoch, time.Time{}},
		"RFC 3339":                         {"Start", map[string]string{"event_timestamp": "2024-01-02T04:04:05+01:00"}, epoch, time.Time{}},
		"a zone with several meanings":     {"Start", map[string]string{"event_timestamp": "Jan  2 2024 03:04:05 CST"}, arrival, time.Time{}},
		"a NAS that has just booted":       {"Start", map[string]string{"event_timestamp": "60"}, arrival, time.Time{}},
		"a NAS that is ahead of its time":  {"Start", map[string]string{"event_timestamp": "1804164645"}, arrival, time.Time{}},
		"start_time of a Start":            {"Start", map[string]string{"start_time": "2024-01-02T03:04:05Z"}, epoch, epoch},
		"stop_time of a Stop":              {"Stop", map[string]string{"stop_time": "2024-01-02T03:04:05Z"}, epoch, time.Time{}},
		"update_time of an Interim-Update": {"Interim-Update", map[string]string{"update_time": "2024-01-02T03:04:05Z"}, epoch, time.Time{}},
		"start_time of a Stop":             {"Stop", map[string]string{"start_time": "2024-01-02T03:04:05Z"}, arrival, epoch},
		"Event-Timestamp goes first": {
			"Stop",
			map[string]string{"stop_time": "2024-01-01T00:00:00Z", "Event-Timestamp": "1704164645"},
			epoch,
			time.Time{},
		},
	}
	for name, test := range tests {
		values := start()
		maps.Copy(values, test.values)
		values["status_type"] = test.status
		p, problems := ParsePacket(values, arrival)
		require.Empty(t, problems, name)
		require.True(t, test.want.Equal(p.Time), "%s: %s", name, p.Time)
		require.True(t, test.started.Equal(p.StartTime), name)
	}
	p := packet(Start, "1", 0)
	p.Time = time.Time{}
	require.Contains(t, p.Check(), "event_timestamp")
}

func TestUniqueID(t *testing.T) {
	t.Parallel()
	sessionIDOnly := Packet{Attributes: Attributes{SessionID: "s1"}}
	mark := "0123456789abcdef0123456789ABCDEF"
	tests := map[string]struct {
		packet Packet
		want   string // the MD5 sum that md5sum prints
	}{
		"all": {
			Packet{
				Attributes: Attributes{Username: "jim", SessionID: "35000006", NASAddress: testNAS, NASPortID: "wlan0", NASIdentifier: "ap-1"},
				NASPort:    "1",
			},
			"a93dda260677e044ac99bf633bc49f7c",
		},
		"session id only": {sessionIDOnly, "1c0e2f71f2ae54495ed592d595fb94d5"},
		"IPv6 goes first": {
			Packet{
				Attributes:     Attributes{SessionID: "s1", NASAddress: testNAS},
				NASIPv6Address: netip.MustParseAddr("2001:db8::5"),
			},
			"534483470874523abfc9b86a18075c69",
		},
		"Class with a mark": {
			Packet{Attributes: Attributes{SessionID: "s1", Username: "jim", Class: "ai:" + mark + "more"}},
			"71505ce6bc92517831b339d0a82ce1cf",
		},
		"the same, in octets": {
			Packet{
				Attributes: Attributes{
					SessionID: "s1",
					Class:     "0x61693a3031323334353637383961626364656630313233343536373839414243444546",
				},
			},
			"71505ce6bc92517831b339d0a82ce1cf",
		},
		"Class without one": {Packet{Attributes: Attributes{SessionID: "s1", Class: "ai:0123"}}, "1c0e2f71f2ae54495ed592d595fb94d5"},
		"Class that is not hex": {
			Packet{Attributes: Attributes{SessionID: "s1", Class: "ai:0123456789abcdef0123456789ABCDEX"}},
			"1c0e2f71f2ae54495ed592d595fb94d5",
		},
	}
	for name, test := range tests {
		require.Equal(t, test.want, uniqueID(test.packet), name)
	}
	given := sessionIDOnly
	given.UniqueID = "given"
	require.Equal(t, "given", Merge(nil, given).UniqueID)
}

func TestRecordsAreShownWithTheRESTNames(t *testing.T) {
	t.Parallel()
	r := mergeAll(packet(Start, "1", 0), packet(InterimUpdate, "1", 60, counters(60, 5, 6)))
	text, err := json.Marshal(r)
	require.NoError(t, err)
	require.JSONEq(t, `{
		"session_id": "s-1", "unique_id": "1", "username": "bob", "groupname": "", "realm": "",
		"nas_ip_address": "172.16.64.91", "nas_port_id": "", "nas_port_type": "",
		"start_time": "2024-01-02T03:04:05.000000Z", "update_time": "2024-01-02T03:05:05.000000Z", "stop_time": null,
		"interval": 60, "session_time": 60, "input_octets": 5, "output_octets": 6,
		"authentication": "", "connection_info_start": "", "connection_info_stop": "",
		"called_station_id": "", "calling_station_id": "", "terminate_cause": "", "service_type": "", "framed_protocol": "",
		"framed_ip_address": "", "framed_ipv6_address": "", "framed_ipv6_prefix": "", "framed_interface_id": "", "delegated_ipv6_prefix": "",
		"class": ""
	}`, string(text))
	var read Record
	require.NoError(t, json.Unmarshal(text, &read))
	require.Equal(t, shown(r), read)
	require.Error(t, json.Unmarshal([]byte(`{"stop_time": "yesterday"}`), &read))
}

func TestLoginsAreShownWithoutAPassword(t *testing.T) {
	t.Parallel()
	shown, err := json.Marshal(PostAuth{ID: 7, Time: TimeOf(epoch), Username: "bob", Reply: "Access-Accept"})
	require.NoError(t, err)
	require.JSONEq(t,
		`{"id": 7, "date": "2024-01-02T03:04:05.000000Z", "username": "bob", "reply": "Access-Accept", `+
			`"called_station_id": "", "calling_station_id": "", "class": ""}`,
		string(shown),
	)
}
