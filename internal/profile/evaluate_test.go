package profile

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/dictionary"
)

// holds reports whether a profile with these check items matches a login.
func holds(t *testing.T, input *Input, check ...string) bool {
	t.Helper()
	profiles := compileAll(t, checks(check...)...)
	decision := Evaluate(profiles, input)
	explained, explanations := Explain(profiles, input)
	require.Equal(t, decision, explained)
	require.Equal(t, len(decision.Matched) == 1, explanations[0].Matched)
	return len(decision.Matched) == 1
}

func TestListsDoNotLeakIntoEachOther(t *testing.T) {
	t.Parallel()
	input := newInput(t,
		attributes(t, "Filter-Id", "asked", caller, "10.0.0.1"),
		attributes(t, "Filter-Id", "answered"),
		map[string]string{"device": "laptop", "Filter-Id": "claimed", "User-Name": "root"},
	)
	require.True(t, holds(t, input, "Filter-Id", "==", "asked"))
	require.True(t, holds(t, input, "request:Filter-Id", "==", "asked"))
	require.True(t, holds(t, input, "REPLY:filter-id", "==", "answered"))
	require.True(t, holds(t, input, "client:device", "==", "laptop"))
	require.True(t, holds(t, input, "client:Filter-Id", "==", "claimed"))
	require.False(t, holds(t, input, "Filter-Id", "==", "claimed"))
	require.False(t, holds(t, input, "reply:Filter-Id", "==", "claimed"))
	require.False(t, holds(t, input, "request:User-Name", "=*", "ANY"))
	require.False(t, holds(t, input, "reply:"+caller, "=*", "ANY"))
	require.False(t, holds(t, input, "client:Device", "=*", ""), "client names are as they are")
	require.True(t, holds(t, input, "client:device", "=~", "^lap", "client:device", "<", "z", "client:other", "!*", ""))
}

func TestChecksDoNotSeeWhatProfilesReply(t *testing.T) {
	t.Parallel()
	profiles := compileAll(t,
		sets("Filter-Id", ":=", "admins"),
		Definition{Check: items("reply:Filter-Id", "==", "admins"), Reply: items(message, "=", "%{reply:Filter-Id}")},
		Definition{Check: items("reply:Filter-Id", "==", "guests"), Reply: items(message, "=", "%{reply:Filter-Id}")},
	)
	decision := Evaluate(profiles, newInput(t, nil, attributes(t, "Filter-Id", "guests"), nil))
	require.Equal(t, []int{0, 2}, decision.Matched)
	require.Equal(t, []string{"admins", "guests"}, values(decision.Reply))
}

func TestProfilesChangeTheSourcesReply(t *testing.T) {
	t.Parallel()
	source := attributes(t, class, "0x61", message, "one", message, "two")
	profiles := compileAll(t,
		sets(class, "=", "0x62", session, "=", "60"),
		sets(message, ":=", "three", session, "=", "90", class, "+=", "0x63"),
	)
	decision := Evaluate(profiles, newInput(t, nil, source, nil))
	type set struct {
		value string
		by    int
	}
	var applied []set
	for _, attribute := range decision.Reply {
		applied = append(applied, set{attribute.Attribute.PrintValue(attribute.Value), attribute.Profile})
	}
	require.Equal(t, []set{{"0x61", FromSource}, {"three", 1}, {"two", FromSource}, {"60", 0}, {"0x63", 1}}, applied)
	require.Equal(t, attributes(t, class, "0x61", message, "one", message, "two"), source, "what came in is untouched")
}

// Tags tell no attributes apart: FreeRADIUS's := leaves only the last one too.
func TestMergingIgnoresTags(t *testing.T) {
	t.Parallel()
	profiles := compileAll(t, sets("Tunnel-Type:1", ":=", "VLAN"), sets("Tunnel-Type:2", ":=", "L2TP"), sets("Tunnel-Type:3", "=", "PPTP"))
	reply := Evaluate(profiles, newInput(t, nil, nil, nil)).Reply
	require.Equal(t, []string{"L2TP"}, values(reply))
	require.EqualValues(t, 2, reply[0].Tag)
}

func TestOverwritingGoesThroughTheInstances(t *testing.T) {
	t.Parallel()
	source := attributes(t, message, "a", message, "b", message, "c")
	profiles := compileAll(t,
		sets(message, ":=", "x", message, ":=", "y"),
		sets(message, ":=", "p", message, ":=", "q", message, ":=", "r", message, ":=", "s"),
	)
	require.Equal(t, []string{"x", "y", "c"}, values(Evaluate(profiles[:1], newInput(t, nil, source, nil)).Reply))
	require.Equal(t, []string{"p", "q", "r", "s"}, values(Evaluate(profiles, newInput(t, nil, source, nil)).Reply))
}

func TestAbsentAttributesNeverMatch(t *testing.T) {
	t.Parallel()
	input := newInput(t, nil, nil, nil)
	for _, attribute := range []string{port, caller, class, nas, network, "User-Password", "reply:" + caller, "client:device"} {
		for operator := range checkOperators {
			value := map[string]string{port: "5", nas: "10.0.0.0", network: "2001:db8::/32"}[attribute]
			if value == "" {
				value = "x"
			}
			if checkOperators[operator].test == assigns {
				continue
			}
			require.False(t, holds(t, input, attribute, operator, value), "%s %s %s", attribute, operator, value)
		}
		require.False(t, holds(t, input, attribute, "=*", "ANY"))
		require.True(t, holds(t, input, attribute, "!*", "ANY"))
	}
	require.True(t, holds(t, input), "a profile without check items matches")
}

func TestFailedExpansionsNeverMatch(t *testing.T) {
	t.Parallel()
	input := newInput(t, attributes(t, caller, "a", port, "5", nas, "10.0.0.1", called, ""), nil, nil)
	for _, operator := range []string{"=", "==", "!=", "<", "<=", ">", ">=", "=~", "!~", "=*", "!*"} {
		for _, value := range []string{
			"%{NAS-Identifier}", "x%{NAS-Identifier}", "%{Called-Station-Id}", "%{Calling-Station-Id[1]}",
			"%{reply:Calling-Station-Id}",
		} {
			require.False(t, holds(t, input, caller, operator, value), "%s %s", operator, value)
		}
	}
	for _, operator := range []string{"!=", "<", ">"} {
		require.False(t, holds(t, input, port, operator, "%{Calling-Station-Id}"), "no number")
		require.False(t, holds(t, input, nas, operator, "%{NAS-Port}.0.0.0/99"), "no network")
	}
	require.False(t, holds(t, input, nas, "<", "%{NAS-IP-Address}/8"), "networks have no order")
	require.True(t, holds(t, input, nas, "==", "%{NAS-IP-Address}/8"))
}

// A source may call what it answers by any name.
func TestAnswersMayHaveInternalNames(t *testing.T) {
	t.Parallel()
	input := newInput(t, nil, attributes(t, "Group", "admins", "Expiration", "2026-12-31"), nil)
	require.True(t, holds(t, input, "reply:Group", "==", "admins"))
	require.True(t, holds(t, input, "reply:Expiration", ">", "2026-06-01"))
	require.False(t, holds(t, input, "reply:Auth-Type", "==", "Accept"))
}

func TestValuesCompareByType(t *testing.T) {
	t.Parallel()
	tests := []struct{ attribute, value, operator, with string }{
		{"Framed-IPv6-Address", "2001:db8::9", "<", "2001:db8::a"},
		{nas, "200.0.0.1", ">", "10.0.0.1"},
		{port, "4294967295", ">=", "4294967295"},
		{network, "2001:db8::/48", "<", "2001:db8::/32"},
		{network, "2001:db8::/32", ">=", "2001:db8::/32"},
		{network, "2001:db8::/32", ">=", "2001:db8:5::/48"},
		{network, "2001:db8::/32", "!=", "2001:db9::/32"},
		{network, "2001:db8::/32", "!=", "2001:db8::/33"},
		{class, "0x61", ">", "0x616263"}, // other lengths are greater
		{class, "0x61", "!=", "0x616263"},
		{class, "0x62", ">", "0x61"},
		{"3GPP2-GMT-Time-Zone-Offset", "-3600", "<", "3600"},
		{"3GPP2-GMT-Time-Zone-Offset", "-3600", ">", "-7200"},
		{"ALU-AAA-Address-0", "10.0.0.9", "<", "10.0.0.10"},
		{"ALU-AAA-Address-0", "10.0.0.9", "!=", "2001:db8::9"},
		{caller, "9", ">=", "10"},
		{caller, "a", "<", "aa"},
		{happens, "2021-06-01T00:00:01Z", ">", "1622505600"},
		{happens, "1622505600", "==", "2021-06-01T00:00:00Z"},
	}
	opposite := map[string]string{"<": ">=", "<=": ">", "==": "!=", "!=": "==", ">": "<=", ">=": "<"}
	for _, test := range tests {
		input := newInput(t, attributes(t, test.attribute, test.value), nil, nil)
		require.True(t, holds(t, input, test.attribute, test.operator, test.with), "%v", test)
		require.False(t, holds(t, input, test.attribute, opposite[test.operator], test.with), "%v", test)
	}
}

func TestAddressesCompareWithNetworks(t *testing.T) {
	t.Parallel()
	input := newInput(t, attributes(t, nas, "10.1.2.3", "Framed-IPv6-Address", "2001:db8::9", "ALU-AAA-Address-0", "10.1.2.3"), nil, nil)
	for attribute, networks := range map[string]struct{ around, elsewhere string }{
		nas:                   {"10.0.0.0/8", "11.0.0.0/8"},
		"Framed-IPv6-Address": {"2001:db8::/32", "2001:db9::/32"},
		"ALU-AAA-Address-0":   {"10.0.0.0/8", "2001:db8::/32"},
	} {
		for _, operator := range []string{"=", "==", "<="} {
			require.True(t, holds(t, input, attribute, operator, networks.around))
			require.False(t, holds(t, input, attribute, operator, networks.elsewhere))
		}
		require.False(t, holds(t, input, attribute, "!=", networks.around))
		require.True(t, holds(t, input, attribute, "!=", networks.elsewhere))
	}
}

func TestDisjointNetworksHaveNoOrder(t *testing.T) {
	t.Parallel()
	input := newInput(t, attributes(t, network, "2001:db8:1::/48"), nil, nil)
	for _, operator := range []string{"<", "<=", ">", ">=", "=="} {
		require.False(t, holds(t, input, network, operator, "2001:dead::/32"), operator)
	}
}

func TestValuesOfAWrongSizeNeverMatch(t *testing.T) {
	t.Parallel()
	for name, with := range map[string]string{port: "5", nas: "10.0.0.1", network: "2001:db8::/32", happens: "1"} {
		attribute, _ := dictionary.Standard().Lookup(name)
		for _, value := range [][]byte{nil, {1}, make([]byte, 19), {0, 129, 1}} {
			input := newInput(t, []dictionary.Item{{Attribute: attribute, Value: value}}, nil, nil)
			for _, operator := range []string{"==", "!=", "<", "<=", ">", ">="} {
				require.False(t, holds(t, input, name, operator, with), "%s %s %v", name, operator, value)
			}
		}
	}
	attribute, _ := dictionary.Standard().Lookup(nas)
	input := newInput(t, []dictionary.Item{{Attribute: attribute, Value: []byte{1}}}, nil, nil)
	require.False(t, holds(t, input, nas, "!=", "10.0.0.0/8"))
}

func TestTagsMustAgree(t *testing.T) {
	t.Parallel()
	input := newInput(t, attributes(t, "Tunnel-Type:1", "VLAN", "Tunnel-Type:2", "L2TP"), nil, nil)
	require.True(t, holds(t, input, "Tunnel-Type", "==", "L2TP"))
	require.False(t, holds(t, input, "Tunnel-Type:1", "==", "L2TP"))
	require.False(t, holds(t, input, "Tunnel-Type:1", "!=", "VLAN"))
	require.False(t, holds(t, input, "Tunnel-Type:1", "=~", "L2TP"))
	require.False(t, holds(t, input, "Tunnel-Type:3", "=*", ""))
	require.True(t, holds(t, input, "Tunnel-Type:3", "!*", ""))
	require.True(t, holds(t, input, "Tunnel-Type:2", "==", "%{Tunnel-Type:2}"))
	require.False(t, holds(t, input, "Tunnel-Type:2", "==", "%{Tunnel-Type:1}"))
}

// A profile goes on to work when a vendor's dictionary is added.
func TestProfilesOutliveTheirDictionary(t *testing.T) {
	t.Parallel()
	attribute, _ := dictionary.Standard().Lookup("NAS-Port-Type")
	other := *attribute
	input := newInput(t, []dictionary.Item{{Attribute: &other, Value: []byte{0, 0, 0, 5}}}, nil, nil)
	require.True(t, holds(t, input, "NAS-Port-Type", "==", "Virtual"))
}

func TestClientAttributesAreLimited(t *testing.T) {
	t.Parallel()
	many := make(map[string]string)
	for i := range 65 {
		many[fmt.Sprint("a", i)] = "x"
	}
	for name, test := range map[string]struct {
		sent map[string]string
		text string
	}{
		"too many":   {many, "65 are too many"},
		"long value": {map[string]string{"device": strings.Repeat("x", 254)}, "client attribute device: the value has 254 octets"},
		"no name":    {map[string]string{"": "x"}, "use a name of at most 64"},
		"long name":  {map[string]string{strings.Repeat("a", 65): "x"}, "use a name of at most 64"},
		"odd name":   {map[string]string{"a:b": "x"}, "use a name of at most 64"},
	} {
		_, err := NewInput(noon, nil, nil, test.sent)
		require.ErrorContains(t, err, test.text, name)
	}
}

// The same number of another vendor is another attribute.
func TestVendorsAreKeptApart(t *testing.T) {
	t.Parallel()
	input := newInput(t, attributes(t, "Cisco-AVPair", "a", "User-Name", "b", "Cisco-AVPair", "c", "User-Name", "d"), nil, nil)
	require.True(t, holds(t, input, "Cisco-AVPair", "==", "a", "Cisco-AVPair", "==", "c"))
	require.True(t, holds(t, input, "User-Name", "==", "b", "User-Name", "==", "d"))
	require.False(t, holds(t, input, "User-Name", "==", "a"))
	require.False(t, holds(t, input, "Cisco-AVPair", "==", "d"))
}

// All extended attributes of a kind have one number on the outside.
func TestExtendedAttributesAreKeptApart(t *testing.T) {
	t.Parallel()
	input := newInput(t, attributes(t, "Frag-Status", "1", "Proxy-State-Length", "2"), nil, nil)
	require.True(t, holds(t, input, "Frag-Status", "==", "1", "Proxy-State-Length", "==", "2"))
	require.False(t, holds(t, input, "Frag-Status", "==", "2"))
	require.False(t, holds(t, input, "Original-Packet-Code", "=*", "ANY"))
}

func TestInstancesKeepTheirOrder(t *testing.T) {
	t.Parallel()
	var pairs []string
	for i := range 40 {
		pairs = append(pairs, message, fmt.Sprint("message ", i), class, fmt.Sprint("class ", i))
	}
	input := newInput(t, attributes(t, append(pairs, caller, "message 7")...), nil, nil)
	require.True(t, holds(t, input, caller, "==", "%{Reply-Message[7]}"))
}

func TestAProfileServesManyLoginsAtOnce(t *testing.T) {
	t.Parallel()
	profiles := compileAll(t, Definition{
		Check: items(caller, "=~", "^(.)", portIs, "=~", "^%{1}|Virtual$", class, "==", "%{Class}"),
		Reply: items(message, ":=", "%{0} of %{Calling-Station-Id}"),
	})
	var logins sync.WaitGroup
	for i := range 8 {
		login := fmt.Sprint(i, "-login")
		input := newInput(t, attributes(t, caller, login, portIs, "5", class, login), nil, nil)
		logins.Go(func() {
			assert.Equal(t, []string{"Virtual of " + login}, values(Evaluate(profiles, input).Reply))
		})
	}
	logins.Wait()
}
