package profile

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"vault-plugin-auth-radius/internal/dictionary"
)

// fuzzLogin is a login with something of everything, and one value of the
// fuzzer's choice in each list.
func fuzzLogin(tb testing.TB, value string) *Input {
	tb.Helper()
	request := attributes(tb, append(loginPairs, class, "0x61", class, "0x62", network, "2001:db8::/32", "Tunnel-Type:1", "VLAN")...)
	reply := attributes(tb, class, "admins", session, "3600")
	for _, list := range []*[]dictionary.Item{&request, &reply} {
		for _, name := range []string{called, class, port, network} {
			attribute, _ := dictionary.Standard().Lookup(name)
			*list = append(*list, dictionary.Item{Attribute: attribute, Value: []byte(value)})
		}
	}
	return newInput(tb, request, reply, map[string]string{"device": value[:min(len(value), MaxValueLength)]})
}

// Whatever the items are, they are refused with a problem for each field that
// is wrong, or evaluated: with one outcome, explained or not.
func FuzzItems(f *testing.F) {
	for _, row := range table {
		for _, definition := range row.profiles {
			for _, item := range definition.Check {
				f.Add(item.Attribute, item.Operator, item.Value, message, "=", "%{0}", "10.1.2.3")
			}
			for _, item := range definition.Reply {
				f.Add(caller, "=~", "(.)", item.Attribute, item.Operator, item.Value, "x")
			}
		}
	}
	for _, row := range limitTable {
		f.Add(row.item.Attribute, row.item.Operator, row.item.Value, message, "=", "x", "y")
	}
	f.Add("Auth-Type", ":=", "Reject", message, "=", "x", "y")
	f.Add("client:device", "=~", "^%{Class:-(a)}", "Tunnel-Type:1", ":=", "%{reply:Class[1]:-%{1}}", "(a+)+$")
	f.Fuzz(func(t *testing.T, attribute, operator, value, replyAttribute, replyOperator, replyValue, sent string) {
		definition := Definition{
			Check: []Item{{attribute, operator, value}, {"request:" + attribute, operator, "%{0}" + value}},
			Reply: []Item{{replyAttribute, replyOperator, replyValue}, {message, "+=", replyValue}},
		}
		for _, definition := range []Definition{
			definition,
			{Check: definition.Check[:1]},
			{Reply: definition.Reply},
			{Check: definition.Check[:1], Reply: definition.Reply[:1]},
		} {
			compiled, err := Compile(dictionary.Standard(), definition)
			var problems Problems
			if err != nil && (!errors.As(err, &problems) || len(problems) == 0 || compiled != nil) {
				t.Fatal(err)
			}
			if err != nil {
				continue
			}
			input := fuzzLogin(t, sent)
			profiles := []*Profile{compiled, compiled}
			decision := Evaluate(profiles, input)
			_, explanations := Explain(profiles, input)
			if matched := len(decision.Matched) == 2; matched != explanations[0].Matched || matched != explanations[1].Matched {
				t.Fatalf("%v, but explained as %v", decision, explanations)
			}
			for _, attribute := range decision.Reply {
				if attribute.Profile != FromSource && len(attribute.Value) > MaxValueLength {
					t.Fatalf("%d octets", len(attribute.Value))
				}
			}
		}
	})
}

// Whatever a value is, it expands to no more than a packet holds, and to itself
// if there is no percent sign in it.
func FuzzExpansion(f *testing.F) {
	for _, value := range []string{
		"%{Class}", "%{%{Class[1]}:-x}", "%{reply:Class:-%{User-Name}}", "%%", "%{0}", "%{Tunnel-Type:1}", "%{",
		"%{%{%{",
	} {
		f.Add(value, "sent")
	}
	f.Fuzz(func(t *testing.T, value, sent string) {
		if len(value) > MaxValueLength {
			return
		}
		c := &compiler{dictionary: dictionary.Standard(), lastPattern: &checkItem{pattern: &pattern{groups: 1}}}
		parsed, err := c.template(value)
		if err != nil {
			return
		}
		text, err := parsed.expand(nil, newEvaluation(fuzzLogin(t, sent)))
		if err == nil && len(text) > maxExpanded {
			t.Fatalf("%d octets", len(text))
		}
		if !strings.Contains(value, "%") && string(text) != value {
			t.Fatalf("%q", text)
		}
	})
}

// Whatever is sent, in a pattern it stands for itself: it adds no group, and a
// pattern of nothing else matches it alone.
func FuzzExpandedPattern(f *testing.F) {
	const expansion = "%{Called-Station-Id}"
	for _, sent := range []string{".*", `\E`, "a-z", "^$", "(?i)a", "é", "\U000F0000\U000F0001", "a\n", "(a)"} {
		f.Add("(?i)x", "|a", sent, "b")
		f.Add("[a", "]", sent, "b")
		f.Add(`^\Qa`, `\E`, sent, "b")
	}
	f.Fuzz(func(t *testing.T, before, after, sent, other string) {
		if sent == "" || len(before)+len(after) > MaxValueLength {
			return
		}
		from := newEvaluation(newInput(t, attributesOf(called, sent), nil, nil))
		complete := func(text string) (*pattern, *regexp.Regexp) {
			parsed, err := parseTemplate(text, func(name string) (reference, error) { return resolve(dictionary.Standard(), name) })
			if err != nil {
				return nil, nil
			}
			made, err := newPattern(parsed)
			if err != nil {
				return nil, nil
			}
			compiled, err := made.complete(from)
			if err != nil {
				return nil, nil
			}
			return made, compiled
		}
		if made, compiled := complete(before + expansion + after); compiled != nil && compiled.NumSubexp() != made.groups {
			t.Fatalf("%q has not %d groups", compiled, made.groups)
		}
		_, compiled := complete("^" + expansion + "$")
		switch {
		case compiled == nil && utf8.ValidString(sent) && len(sent) <= MaxValueLength:
			t.Fatalf("no pattern for %q", sent)
		case compiled != nil && compiled.MatchString(other) != (other == sent):
			t.Fatalf("%q matches %q", compiled, other)
		}
	})
}

func attributesOf(name, value string) []dictionary.Item {
	attribute, _ := dictionary.Standard().Lookup(name)
	return []dictionary.Item{{Attribute: attribute, Value: []byte(value)}}
}
