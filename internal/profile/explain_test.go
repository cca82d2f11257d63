package profile

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func explained(t *testing.T, input *Input, definition Definition) Explanation {
	t.Helper()
	_, explanations := Explain(compileAll(t, definition), input)
	return explanations[0]
}

func TestCheckItemsAreExplained(t *testing.T) {
	t.Parallel()
	input := newInput(t,
		attributes(t, port, "6", port, "7", caller, "abc", called, "abc", nas, "10.1.2.3", portIs, "Virtual"),
		attributes(t, "Filter-Id", "vpn"), map[string]string{"device": "laptop"})
	for _, test := range []struct {
		item Item
		want CheckExplanation
	}{
		{Item{port, "==", "0x5"}, CheckExplanation{
			Found: []string{"6", "7"}, Compared: "5", Reason: "no value is equal to what it is compared with",
		}},
		{Item{port, ">", "5"}, CheckExplanation{
			Found: []string{"6", "7"}, Compared: "5", Held: true,
			Reason: "a value is greater than what it is compared with",
		}},
		{Item{port, "<=", "6"}, CheckExplanation{
			Found: []string{"6", "7"}, Compared: "6", Held: true,
			Reason: "a value is less than or equal to what it is compared with",
		}},
		{Item{portIs, "!=", "5"}, CheckExplanation{
			Found: []string{"Virtual"}, Compared: "Virtual",
			Reason: "no value is other than what it is compared with",
		}},
		{Item{nas, "==", "10.0.0.0/8"}, CheckExplanation{
			Found: []string{"10.1.2.3"}, Compared: "10.0.0.0/8", Held: true,
			Reason: "a value is equal to what it is compared with",
		}},
		{Item{"reply:Filter-Id", "==", "x"}, CheckExplanation{
			Found: []string{"vpn"}, Compared: "x", Reason: "no value is equal to what it is compared with",
		}},
		{Item{"client:device", "==", "laptop"}, CheckExplanation{
			Found: []string{"laptop"}, Compared: "laptop", Held: true,
			Reason: "a value is equal to what it is compared with",
		}},
		{Item{caller, "==", "%{Called-Station-Id}"}, CheckExplanation{
			Found: []string{"abc"}, Compared: "abc", Held: true,
			Reason: "a value is equal to what it is compared with",
		}},
		{Item{caller, "==", "%{Class}"}, CheckExplanation{
			Found: []string{"abc"}, Reason: "nothing to compare with: request:Class has no value to expand",
		}},
		{Item{caller, "=~", "^%{Called-Station-Id}.$"}, CheckExplanation{
			Found: []string{"abc"}, Compared: "^(?:abc).$", Reason: "no value matches the pattern",
		}},
		{Item{caller, "=*", "^a"}, CheckExplanation{Found: []string{"abc"}, Compared: "^a", Held: true, Reason: "a value matches the pattern"}},
		{Item{caller, "!~", "^a"}, CheckExplanation{Found: []string{"abc"}, Compared: "^a", Reason: "every value matches the pattern"}},
		{Item{caller, "!~", "^b"}, CheckExplanation{
			Found: []string{"abc"}, Compared: "^b", Held: true, Reason: "a value does not match the pattern",
		}},
		{Item{class, "!=", "x"}, CheckExplanation{Compared: "0x78", Reason: "request:Class is absent"}},
		{Item{class, "!*", "ANY"}, CheckExplanation{Held: true, Reason: "request:Class is absent"}},
		{Item{"client:name", "=*", ""}, CheckExplanation{Reason: "client:name is absent"}},
		{Item{caller, "!*", ""}, CheckExplanation{Found: []string{"abc"}, Reason: "request:Calling-Station-Id is present"}},
	} {
		test.want.Item = test.item
		explanation := explained(t, input, Definition{Check: []Item{test.item}})
		require.Equal(t, []CheckExplanation{test.want}, explanation.Check)
		require.Equal(t, test.want.Held, explanation.Matched)
	}
}

func TestEveryCheckItemIsExplained(t *testing.T) {
	t.Parallel()
	definition := Definition{Check: items(caller, "=~", "(x)", caller, "==", "%{1}", caller, "==", "abc"), Reply: items(message, "=", "x")}
	explanation := explained(t, newInput(t, attributes(t, caller, "abc"), nil, nil), definition)
	require.False(t, explanation.Matched)
	require.Empty(t, explanation.Reply)
	require.Len(t, explanation.Check, 3)
	require.Equal(t, []bool{false, false, true}, []bool{explanation.Check[0].Held, explanation.Check[1].Held, explanation.Check[2].Held})
	require.Equal(t, "nothing to compare with: the last pattern captured nothing for %{1}", explanation.Check[1].Reason)
}

func TestReplyItemsAreExplained(t *testing.T) {
	t.Parallel()
	definition := Definition{Reply: items(
		message, ":=", "hello %{Calling-Station-Id}", class, "=", "0x61", session, "+=", "0x3c",
		session, "=", "%{Framed-MTU}", "Tunnel-Password", ":=", "hidden")}
	explanation := explained(t, newInput(t, attributes(t, caller, "abc"), attributes(t, message, "m", class, "c"), nil), definition)
	require.True(t, explanation.Matched)
	var reasons, shown []string
	var applied []bool
	for i, reply := range explanation.Reply {
		if i < 4 {
			require.Equal(t, definition.Reply[i], reply.Item)
		}
		reasons, shown, applied = append(reasons, reply.Reason), append(shown, reply.Value), append(applied, reply.Applied)
	}
	require.Equal(t, []string{
		"replaces a value of Reply-Message", "left out: the reply has Class already, and = does not change it", "added",
		"left out: request:Framed-MTU has no value to expand", "added",
	}, reasons)
	require.Equal(t, []string{"hello abc", "", "60", "", "[redacted]"}, shown)
	require.Equal(t, []bool{true, false, true, false, true}, applied)
}

func TestSecretsAreNotShown(t *testing.T) {
	t.Parallel()
	const secret = "p4ssw0rd"
	response := "0x" + hex.EncodeToString([]byte(strings.Repeat(secret, 7)[:50]))
	input := newInput(t,
		attributes(t,
			"User-Password", secret, "CHAP-Password", secret, caller, "abc", "Tunnel-Password", secret,
			"MS-CHAP-Response", response, port, "5",
		),
		attributes(t, "Tunnel-Password", secret, "Aruba-MPSK-Passphrase", secret, "MS-MPPE-Send-Key", secret),
		map[string]string{"otp": secret, "my-password": secret})
	for _, pairs := range [][]string{
		{"User-Password", "==", secret},
		{"User-Password", "==", "%{User-Password}"},
		{"User-Password", "=~", "^" + secret},
		{"User-Password", "=*", "ANY"},
		{"User-Password", "!~", secret},
		{"User-Password", "!=", secret},
		{"User-Password", "==", "x%{User-Password}"},
		{"CHAP-Password", ">", "x"},
		{"reply:MS-MPPE-Send-Key", "=~", "."},
		{"reply:Tunnel-Password", "==", secret},
		{"reply:Aruba-MPSK-Passphrase", "==", secret},
		{"MS-CHAP-Response", "==", response},
		{"client:otp", "==", secret},
		{"client:my-password", "==", secret},
		{"client:otp", "==", "%{User-Password}"},
		{caller, "==", "%{User-Password}"},
		{caller, "=~", "%{User-Password}"},
		{caller, "==", "%{Class:-%{User-Password}}"},
		{port, "==", "%{User-Password}"},
		{nas, "!=", "%{User-Password}/8"},
		{"User-Password", "=~", "(.*)", caller, "==", "%{1}", port, "==", "%{1}"},
		{"User-Password", "=~", "(.*)", caller, "!=", "%{1}", class, "=~", "(x)", caller, "==", "%{1}", port, "==", "%{1}"},
	} {
		definition := Definition{
			Check: items(pairs...),
			Reply: items("Tunnel-Password", ":=", secret, "Tunnel-Password", ":=", "%{Class:-"+secret+"}"),
		}
		decision, explanations := Explain(compileAll(t, definition), input)
		text, err := json.Marshal(explanations)
		require.NoError(t, err)
		require.NotContains(t, string(text), secret, "%v", pairs)
		require.NotContains(t, string(text), "0x70347373", "%v", pairs)
		require.NotContains(t, fmt.Sprint(decision.Warnings), secret, "%v", pairs)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		require.Equal(t, "[redacted]", fmt.Sprintf(verb, input))
	}
}

func TestAnExplanationShowsSomeValues(t *testing.T) {
	t.Parallel()
	var pairs []string
	for range 50 {
		pairs = append(pairs, class, "0x61")
	}
	explanation := explained(t, newInput(t, attributes(t, pairs...), nil, nil), Definition{Check: items(class, "==", "0x62")})
	require.Len(t, explanation.Check[0].Found, maxFound)
}

// What the wire hides is secret, whatever its name.
func TestEncryptedAttributesAreSecret(t *testing.T) {
	t.Parallel()
	input := newInput(t, attributes(t, caller, "p4ssw0rd", "ERX-Med-Port-Number", "1812"), nil, nil)
	profiles := compileAll(t, Definition{
		Check: items("ERX-Med-Port-Number", "<", "4242"),
		Reply: items("ERX-Med-Port-Number", ":=", "%{Calling-Station-Id}", "ERX-Med-Port-Number", ":=", "4242"),
	})
	decision, explanations := Explain(profiles, input)
	require.Equal(t,
		[]Warning{{0, "reply_attribute[0].value", "ERX-Med-Port-Number is left out: its expansion is not a valid value"}},
		decision.Warnings,
	)
	require.NotContains(t, fmt.Sprint(explanations), "1812")
	require.NotContains(t, fmt.Sprint(explanations), "4242")
}

func TestAnExplanationShowsValuesWithTheTag(t *testing.T) {
	t.Parallel()
	input := newInput(t, attributes(t, "Tunnel-Type:1", "VLAN", "Tunnel-Type:2", "L2TP"), nil, nil)
	explanation := explained(t, input, Definition{Check: items("Tunnel-Type:2", "==", "VLAN", "Tunnel-Type:3", "==", "VLAN")})
	require.Equal(t, []string{"L2TP"}, explanation.Check[0].Found)
	require.Equal(t, "request:Tunnel-Type:3 is absent", explanation.Check[1].Reason)
}
