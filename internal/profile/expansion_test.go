package profile

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// expanded is the text that a login's Reply-Message is set to; empty if it is
// left out.
func expanded(t *testing.T, input *Input, value string, check ...string) (string, []Warning) {
	t.Helper()
	profiles := compileAll(t, Definition{Check: items(check...), Reply: items(message, ":=", value)})
	decision := Evaluate(profiles, input)
	require.Len(t, decision.Matched, 1)
	if len(decision.Reply) == 0 {
		return "", decision.Warnings
	}
	return string(decision.Reply[0].Value), decision.Warnings
}

func TestExpansions(t *testing.T) {
	t.Parallel()
	pairs := []string{
		caller, "10.0.0.1", class, "0x6162", class, "0x63", portIs, "5", port, "7", called, "%{NAS-Port} %% \\1 ",
		"Tunnel-Type:1", "VLAN", "Tunnel-Type:2", "L2TP",
	}
	for value, want := range map[string]string{
		"plain":                          "plain",
		"100%%":                          "100%",
		"%%{NAS-Port}":                   "%{NAS-Port}",
		"}{":                             "}{",
		"%{NAS-Port}":                    "7",
		"%{nas-port}":                    "7",
		"%{request:NAS-Port}":            "7",
		"a%{NAS-Port}b%{NAS-Port}}":      "a7b7}",
		"%{NAS-Port-Type}":               "Virtual",
		"%{Class}":                       "0x6162",
		"%{Class[0]}":                    "0x6162",
		"%{Class[1]}":                    "0x63",
		"%{Class[2]:-none}":              "none",
		"%{Tunnel-Type:2}":               "L2TP",
		"%{Tunnel-Type:2[1]:-none}":      "none",
		"%{Tunnel-Type[1]}":              "L2TP",
		"%{Called-Station-Id}":           "%{NAS-Port} %% \\1 ", // once, as it is
		"%{NAS-Identifier:-vault}":       "vault",
		"%{NAS-Identifier:-%{NAS-Port}}": "7",
		"%{NAS-Identifier:-a%{Filter-Id:-b%{NAS-Port}c}d}": "ab7cd",
		"%{%{NAS-Identifier}:-vault}":                      "vault",
		"%{%{NAS-Port}:-vault}":                            "7",
		"%{%{NAS-Identifier}:-%{%{NAS-Port}:-x}}":          "7",
		"%{%{NAS-Identifier:-x%{Filter-Id}}:-c}":           "c",
		"%{NAS-Identifier:-a:-b}":                          "a:-b",
		"%{NAS-Identifier:-100%%}":                         "100%",
		"x%{NAS-Identifier:-}":                             "x",
		"%{reply:Filter-Id:-none}":                         "none",
		"%{reply:Reply-Message:-none}":                     "none",
	} {
		text, warnings := expanded(t, newInput(t, attributes(t, pairs...), nil, nil), value)
		require.Equal(t, want, text, value)
		require.Empty(t, warnings, value)
	}
}

func TestExpansionsOfTheReplySeeTheSource(t *testing.T) {
	t.Parallel()
	input := newInput(t, attributes(t, "Filter-Id", "asked"), attributes(t, "Filter-Id", "answered"), nil)
	profiles := compileAll(t, sets("Filter-Id", ":=", "changed"), sets(message, "=", "%{reply:Filter-Id} %{Filter-Id}"))
	require.Equal(t, []string{"changed", "answered asked"}, values(Evaluate(profiles, input).Reply))
}

func TestGroupsOfThePatternReachTheReply(t *testing.T) {
	t.Parallel()
	input := newInput(t, attributes(t, caller, "abc", called, "xbz", class, "text", class, "0x6e"), nil, nil)
	for _, test := range []struct {
		value, want string
		check       []string
	}{
		{"%{0}", "bc", []string{caller, "=~", "b."}},
		{"%{1}", "b", []string{caller, "=~", "a(b)", called, "!~", "a"}},
		{"%{1}", "x", []string{caller, "=~", "a(b)", called, "=~", "(.)%{1}"}},
		{"%{1}", "6e", []string{class, "=~", "^0x(..)$"}},
		{"%{1:-none}", "none", []string{caller, "=~", "a(x)?"}},
	} {
		text, warnings := expanded(t, input, test.value, test.check...)
		require.Equal(t, test.want, text, "%v", test)
		require.Empty(t, warnings, "%v", test)
	}
	text, warnings := expanded(t, input, "%{1}", caller, "=~", "a(x)?")
	require.Empty(t, text)
	require.Equal(t,
		[]Warning{{0, "reply_attribute[0].value", "Reply-Message is left out: the last pattern captured nothing for %{1}"}},
		warnings,
	)
}

// Groups belong to one profile: another one's are not there.
func TestGroupsDoNotReachAnotherProfile(t *testing.T) {
	t.Parallel()
	problems := problemsOf(t, sets(message, "=", "%{1}"))
	require.Contains(t, problems[0].Text, "no such group")
	problems = problemsOf(t, Definition{Check: items(caller, "=~", "(a)(b)", caller, "=~", "(a)"), Reply: items(message, "=", "%{2}")})
	require.Contains(t, problems[0].Text, "no such group")
}

func TestGroupsOfSecretsAreNotSentBack(t *testing.T) {
	t.Parallel()
	problems := problemsOf(t, Definition{Check: items("User-Password", "=~", "(.*)"), Reply: items(message, "=", "%{1}")})
	require.Contains(t, problems[0].Text, "a secret")
	problems = problemsOf(t,
		Definition{
			Check: items("User-Password", "=~", "(.*)", caller, "!~", "x"),
			Reply: items(message, "=", "%{Class:-%{0}}"),
		},
	)
	require.Contains(t, problems[0].Text, "a secret")
}

func TestReplyWithoutAValueIsLeftOut(t *testing.T) {
	t.Parallel()
	input := newInput(t, attributes(t, caller, "soon", called, strings.Repeat("x", 200)), nil, nil)
	for value, why := range map[string]string{
		"%{Framed-MTU}":                    "request:Framed-MTU has no value to expand",
		"%{Framed-MTU[3]}":                 "request:Framed-MTU[3] has no value to expand",
		"%{reply:Framed-MTU}":              "reply:Framed-MTU has no value to expand",
		"%{Framed-MTU:-}":                  "is empty",
		"6%{Framed-MTU}":                   "request:Framed-MTU has no value to expand",
		"%{Calling-Station-Id}":            "soon",
		"%{Framed-MTU:-%{NAS-IP-Address}}": "request:NAS-IP-Address has no value to expand",
	} {
		profiles := compileAll(t, sets(session, ":=", value, message, "=", "still here"))
		decision := Evaluate(profiles, input)
		require.Equal(t, []string{"still here"}, values(decision.Reply), value)
		require.Len(t, decision.Warnings, 1)
		require.Equal(t, 0, decision.Warnings[0].Profile)
		require.Equal(t, "reply_attribute[0].value", decision.Warnings[0].Field)
		require.Contains(t, decision.Warnings[0].Text, "Session-Timeout is left out: ")
		require.Contains(t, decision.Warnings[0].Text, why)
	}
	long := strings.Repeat("%{Called-Station-Id}", 12)
	text, warnings := expanded(t, input, long)
	require.Empty(t, text, "longer than an attribute")
	require.Len(t, warnings, 1)
}

func TestExpandedTextIsLimited(t *testing.T) {
	t.Parallel()
	input := newInput(t, attributes(t, "User-Name", strings.Repeat("x", 253), caller, "a"), nil, nil)
	most := strings.Repeat("%{User-Name}", 17) // 4301 octets
	_, warnings := expanded(t, input, most)
	require.Contains(t, warnings[0].Text, "expands to more than 4096 octets")
	_, warnings = expanded(t, input, "%{User-Name:-"+most+"}")
	require.Empty(t, warnings)
	_, warnings = expanded(t, input, "%{%{NAS-Identifier:-"+most+"}:-x}")
	require.Contains(t, warnings[0].Text, "expands to more than 4096 octets")
	require.False(t, holds(t, input, caller, "!=", most))
	require.False(t, holds(t, input, caller, "!~", most))
	explanation := explained(t, input, Definition{Check: items(caller, "!~", most)})
	require.Equal(t, "nothing to compare with: expands to more than 4096 octets", explanation.Check[0].Reason)
	explanation = explained(t, input, Definition{Check: items(caller, "!~", "%{User-Name}{4}")})
	require.Contains(t, explanation.Check[0].Reason, "the pattern is too large")
}

func TestExpandedTextIsNoPattern(t *testing.T) {
	t.Parallel()
	for _, text := range []string{".", ".*", "a|b", "[a-z]", "(", `\`, `\E.*`, "^", "$", "a{2}", "é", "?"} {
		matching := func(is string) *Input { return newInput(t, attributes(t, caller, is, called, text), nil, nil) }
		for _, pattern := range []string{
			"^%{Called-Station-Id}$", "^(x|%{Called-Station-Id})$", "(?i)^%{Called-Station-Id}$",
			"^%{Called-Station-Id}{1}$", "^%{NAS-Identifier:-%{Called-Station-Id}}$",
		} {
			require.True(t, holds(t, matching(text), caller, "=~", pattern), "%q %s", text, pattern)
			require.False(t, holds(t, matching("b"), caller, "=~", pattern), "%q %s", text, pattern)
			require.False(t, holds(t, matching(""), caller, "=~", pattern), "%q %s", text, pattern)
		}
		require.True(t, holds(t, matching(text+text), caller, "=~", "^%{Called-Station-Id}{2}$"), "all of it is repeated")
	}
	input := newInput(t, attributes(t, caller, "\xff", called, "\xfe"), nil, nil)
	require.False(t, holds(t, input, caller, "=~", "%{Called-Station-Id}"), "octets that are not text are alike to a pattern")
}

// This takes other engines longer than anybody would wait.
func TestPatternsDoNotBacktrack(t *testing.T) {
	t.Parallel()
	input := newInput(t, attributes(t, caller, strings.Repeat("a", 252)+"!"), nil, nil)
	require.False(t, holds(t, input, caller, "=~", "^(a+)+$"))
	require.False(t, holds(t, input, caller, "=~", "^(a|a)*$"))
}
