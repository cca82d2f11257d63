package profile

import (
	"fmt"
	"math"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/dictionary"
)

func (r limitRow) String() string { return fmt.Sprintf("%v at %s in %s", r.item, r.at, r.zone) }

// time is when the row is looked at, by its clock.
func (r limitRow) time(t *testing.T) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, r.at)
	require.NoError(t, err)
	zone, err := time.LoadLocation(r.zone)
	require.NoError(t, err)
	return at.In(zone)
}

func inputAt(t *testing.T, now time.Time) *Input {
	t.Helper()
	input, err := NewInput(now, nil, nil, nil)
	require.NoError(t, err)
	return input
}

// stayOf is what a decision about one profile makes of a login.
func stayOf(decision Decision, now time.Time) stay {
	if len(decision.Matched) == 0 {
		return kept
	}
	seconds, _ := decision.Ends.SessionTimeout(now)
	if decision.Ends == (Ends{}) {
		return unlimited
	}
	return stay(seconds)
}

func TestLimitsFollowTheTable(t *testing.T) {
	t.Parallel()
	require.GreaterOrEqual(t, len(limitTable), 60)
	for _, row := range limitTable {
		now := row.time(t)
		profiles := compileAll(t, Definition{Check: []Item{row.item}})
		decision := Evaluate(profiles, inputAt(t, now))
		require.Equal(t, row.want, stayOf(decision, now), "%s", row)
		limits := row.item.Operator == ":=" || row.item.Operator == "+="
		require.Equal(t, limits && row.want == kept, decision.Refused != nil, "%s", row)
		explained, explanations := Explain(profiles, inputAt(t, now))
		require.Equal(t, decision, explained, "%s", row)
		require.Equal(t, row.want != kept, explanations[0].Matched, "%s", row)
		require.Equal(t, row.want != kept, explanations[0].Check[0].Held, "%s", row)
		again := Recheck(profiles, nil, now)
		require.Equal(t, row.want == kept, again.Refused != nil, "%s", row)
		require.Equal(t, decision.Ends, again.Ends, "%s", row)
		require.Equal(t, row.freeRADIUS != nil, row.deviation != "", "%s", row)
		require.True(t, row.freeRADIUS == nil || *row.freeRADIUS != row.want, "%s", row)
	}
}

// What no profile's item says in FreeRADIUS's way.
func TestDatesAreTakenInTheWaysOfTheirTime(t *testing.T) {
	t.Parallel()
	for _, row := range []limitRow{
		limited(utc, expires, ":=", "2026-06-01T12:00:00Z", "2026-06-01T11:00:00Z", 3600),
		limited(berlin, expires, ":=", "2026-06-01T12:00:00Z", "2026-06-01T11:00:00Z", 3600),
		limited(utc, expires, ":=", "2026-06-01T14:00:00+02:00", "2026-06-01T11:00:00Z", 3600),
		limited(utc, expires, ":=", "2026-06-01T14:00:00+02:00", "2026-06-01T12:00:00Z", kept),
		limited(berlin, expires, ":=", "2026-06-01T14:00:00", "2026-06-01T11:00:00Z", 3600),
		limited(berlin, expires, ":=", "2026-06-01 14:00:00", "2026-06-01T12:00:00Z", kept),
		limited(berlin, expires, ":=", "2026-06-01", "2026-05-31T21:59:59Z", 1),
		limited(berlin, expires, ":=", "2026-06-01", "2026-05-31T22:00:00Z", kept),
		limited(berlin, expires, "==", "2026-06-01", "2026-05-31T22:00:00Z", kept),
		limited(utc, current, "<", "2026-06-01T12:00:00Z", "2026-06-01T11:59:59Z", unlimited),
		limited(utc, current, "<", "2026-06-01T12:00:00Z", "2026-06-01T12:00:00Z", kept),
		limited(utc, current, "<=", "2026-06-01T12:00:00Z", "2026-06-01T12:00:00Z", unlimited),
		limited(berlin, current, ">=", "1 Jun 2026 14:00", "2026-06-01T12:00:00Z", unlimited),
		limited(berlin, current, ">", "1 Jun 2026 14:00", "2026-06-01T12:00:00Z", kept),
		limited(utc, "request:"+expires, ":=", "2026-06-01", "2026-05-31T23:59:59Z", 1),
		limited(utc, "login-time", ":=", "Wk0800-1800", "2026-06-06T12:00:00Z", kept),
	} {
		now := row.time(t)
		decision := Evaluate(compileAll(t, Definition{Check: []Item{row.item}}), inputAt(t, now))
		require.Equal(t, row.want, stayOf(decision, now), "%s", row)
	}
}

func TestALimitRefusesTheLoginWhateverOtherProfilesSay(t *testing.T) {
	t.Parallel()
	all := Definition{Reply: items(session, ":=", "3600")}
	for name, test := range map[string]struct {
		limit Item
		want  string
	}{
		"expired":       {Item{expires, ":=", "1 Jan 2020"}, "Expiration := 1 Jan 2020: that time has passed"},
		"at night":      {Item{within, ":=", "Al2200-0600"}, "Login-Time := Al2200-0600: the time is outside of the windows"},
		"for all times": {Item{"Auth-Type", ":=", "Reject"}, "Auth-Type := Reject: every login that matches the other check items is refused"},
		"by its number": {Item{"auth-type", "+=", "4"}, "Auth-Type += 4: every login that matches the other check items is refused"},
	} {
		limited := Definition{Check: []Item{test.limit, {caller, "==", "abc"}}, Reply: items(message, "=", "x")}
		for _, order := range [][]Definition{{limited, all}, {all, limited}} {
			profiles := compileAll(t, order...)
			decision := Evaluate(profiles, newInput(t, attributes(t, caller, "abc"), nil, nil))
			require.NotNil(t, decision.Refused, name)
			require.Equal(t, test.want, decision.Refused.Reason, name)
			require.Len(t, order[decision.Refused.Profile].Check, 2, name)
			require.Equal(t, Decision{Refused: decision.Refused}, decision, name)

			decision = Evaluate(profiles, newInput(t, attributes(t, caller, "xyz"), nil, nil))
			require.Nil(t, decision.Refused, "%s: the other items do not hold", name)
			require.Len(t, decision.Matched, 1, name)
			require.Equal(t, Ends{}, decision.Ends, name)
		}
	}
}

func TestComparisonsWithTheClockBindTheirProfileAlone(t *testing.T) {
	t.Parallel()
	for _, item := range []Item{{expires, "==", "1 Jan 2020"}, {current, "==", "Al2200-0600"}, {ofDay, ">=", "22:00"}} {
		profiles := compileAll(t, Definition{Check: []Item{item}}, Definition{})
		decision := Evaluate(profiles, newInput(t, nil, nil, nil))
		require.Nil(t, decision.Refused)
		require.Equal(t, []int{1}, decision.Matched)
	}
}

// The request has these by the clock, whatever it was sent with.
func TestTheClockCannotBeSent(t *testing.T) {
	t.Parallel()
	sent := newInput(t, attributes(t, ofDay, "23:00", current, "x", expires, "2099-01-01", within, "Al"), nil, nil)
	require.False(t, holds(t, sent, ofDay, ">=", "22:00"))
	require.False(t, holds(t, sent, current, "==", "Al2200-0600"))
	require.False(t, holds(t, sent, expires, ":=", "2020-01-01"))
	require.False(t, holds(t, sent, within, ":=", "Al2200-0600"))
	for _, name := range []string{ofDay, current, expires, within} {
		attribute, _ := dictionary.Standard().Lookup(name)
		require.True(t, DecidedByClock(attribute), name)
	}
	for _, name := range []string{"Auth-Type", port, "Huntgroup-Name", class} {
		attribute, _ := dictionary.Standard().Lookup(name)
		require.False(t, DecidedByClock(attribute), name)
	}
}

func TestTheFirstEndCounts(t *testing.T) {
	t.Parallel()
	profiles := compileAll(t,
		Definition{Check: items(within, ":=", "Mo0800-1759", expires, ":=", "2026-06-02")},
		Definition{Check: items(within, ":=", "Mo0800-1659")},
		Definition{Check: items(within, ":=", "Mo0800-1259", caller, "==", "never")},
		Definition{Check: items(expires, "==", "2026-06-03")})
	decision := Evaluate(profiles, newInput(t, nil, nil, nil))
	require.Equal(t, []int{0, 1, 3}, decision.Matched)
	evening, tomorrow := noon.Add(5*time.Hour), noon.Add(12*time.Hour)
	require.Equal(t, Ends{Window: evening, Expiration: tomorrow}, decision.Ends)
	require.Equal(t, evening, decision.Ends.First())
	seconds, limited := decision.Ends.SessionTimeout(noon)
	require.True(t, limited)
	require.Equal(t, uint32(5*3600), seconds)
	require.Equal(t, tomorrow, Ends{Expiration: tomorrow}.First())
	require.Zero(t, Ends{}.First())
	_, limited = Ends{}.SessionTimeout(noon)
	require.False(t, limited)
}

func TestItemsWithoutAnEffectAreRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		item       Item
		part, text string
	}{
		{Item{"Auth-Type", ":=", "Accept"}, "value", "nothing is accepted without a password"},
		{Item{"Auth-Type", ":=", "254"}, "value", "nothing is accepted without a password"},
		{Item{"Auth-Type", ":=", "Local"}, "value", "only Auth-Type := Reject has one"},
		{Item{"Auth-Type", ":=", "PAP"}, "value", "only Auth-Type := Reject has one"},
		{Item{"Auth-Type", ":=", "No-Such-Type"}, "value", ""},
		{Item{"Auth-Type", ":=", "%{User-Name}"}, "value", "cannot have expansions"},
		{Item{"Auth-Type", "==", "Reject"}, "op", "only Auth-Type := Reject has an effect here"},
		{Item{"Auth-Type", "=", "Reject"}, "op", "only Auth-Type := Reject has an effect here"},
		{Item{"Auth-Type", "!*", "ANY"}, "op", "only Auth-Type := Reject has an effect here"},
		{Item{"request:auth-type", "!=", "Reject"}, "op", "only Auth-Type := Reject has an effect here"},
		{Item{expires, ":=", "whenever"}, "value", `"whenever" is not a time`},
		{Item{expires, ":=", ""}, "value", "is not a time"},
		{Item{expires, ":=", "1 Jan 2030 CET"}, "value", "is not a time"},
		{Item{expires, ":=", "%{reply:Expiration}"}, "value", "cannot have expansions"},
		{Item{expires, ":=", "20301231"}, "value", "write a day as 2030-12-31"},
		{Item{expires, "==", "2030"}, "value", "write a day as 2030-12-31"},
		{Item{current, ">", "20200101"}, "value", "write a day as 2030-12-31"},
		{Item{expires, ">", "1 Jan 2030"}, "op", "has no meaning for Expiration: use :="},
		{Item{expires, "<=", "1 Jan 2030"}, "op", "has no meaning for Expiration: use :="},
		{Item{expires, "!=", "1 Jan 2030"}, "op", "has no meaning for Expiration: use :="},
		{Item{expires, "=~", "2030"}, "op", "has no meaning for Expiration: use :="},
		{Item{expires, "!*", "ANY"}, "op", "has no meaning for Expiration: use :="},
		{Item{within, ":=", "whenever"}, "value", `"whenever" has no valid days`},
		{Item{within, ":=", ""}, "value", "is empty"},
		{Item{within, ":=", "Wk08:00-18:00"}, "value", "has no valid hours"},
		{Item{within, "==", "Wk0800-1800"}, "op", "or Current-Time =="},
		{Item{within, "=*", "ANY"}, "op", "or Current-Time =="},
		{Item{current, ":=", "Wk0800-1800"}, "op", "Login-Time := refuses"},
		{Item{current, "+=", "Wk0800-1800"}, "op", "Login-Time := refuses"},
		{Item{current, "==", "1 Jan 2030"}, "value", "dates take <, <=, > and >="},
		{Item{current, "==", "%{User-Name}"}, "value", "cannot have expansions"},
		{Item{current, "<", "Wk0800-1800"}, "value", "is not a time"},
		{Item{current, "=~", "Wk"}, "op", "has no meaning for Current-Time"},
		{Item{current, "!*", "ANY"}, "op", "has no meaning for Current-Time"},
		{Item{ofDay, ":=", "08:00"}, "op", "has no effect here with Time-Of-Day"},
		{Item{ofDay, "=*", "ANY"}, "op", "has no meaning for Time-Of-Day"},
		{Item{ofDay, ">=", "24:00"}, "value", "is not a time of the day"},
		{Item{ofDay, ">=", "08:60"}, "value", "is not a time of the day"},
		{Item{ofDay, ">=", "0800"}, "value", "is not a time of the day"},
		{Item{ofDay, ">=", "08:00:00:00"}, "value", "is not a time of the day"},
		{Item{ofDay, ">=", "008:00"}, "value", "is not a time of the day"},
		{Item{ofDay, ">=", "+8:00"}, "value", "is not a time of the day"},
		{Item{ofDay, ">=", ""}, "value", "is not a time of the day"},
		{Item{"Crypt-Password", ":=", "secret"}, "attribute", "passwords are set under users/"},
		{Item{"Cleartext-Password", ":=", "secret"}, "attribute", "passwords are set under users/"},
		{Item{"Cleartext-Password", "==", "secret"}, "attribute", "passwords are set under users/"},
		{Item{"NT-Password", "!=", "0x00"}, "attribute", "passwords are set under users/"},
		{Item{"Crypt-Password", "==", "secret"}, "attribute", "passwords are set under users/"},
		{Item{"Strip-User-Name", ":=", "Yes"}, "attribute", "has no effect here"},
		{Item{"Strip-User-Name", "==", "Yes"}, "attribute", "has no effect here"},
		{Item{"Simultaneous-Use", ":=", "1"}, "attribute", "does not limit logins yet"},
		{Item{"Simultaneous-Use", "+=", "1"}, "attribute", "does not limit logins yet"},
		{Item{"Simultaneous-Use", "==", "1"}, "attribute", "does not limit logins yet"},
		{Item{"Fall-Through", ":=", "Yes"}, "attribute", "has no effect here"},
		{Item{"Fall-Through", "=", "Yes"}, "attribute", "has no effect here"},
		{Item{"Pool-Name", ":=", "main"}, "attribute", "has no effect here"},
		{Item{"Pool-Name", "!*", "ANY"}, "attribute", "has no effect here"},
		{Item{"Proxy-To-Realm", ":=", "example.org"}, "attribute", "has no effect here"},
		{Item{"User-Profile", ":=", "x"}, "attribute", "has no effect here"},
		{Item{"Autz-Type", "==", "x"}, "attribute", "has no effect here"},
		{Item{"Acct-Type", "==", "x"}, "attribute", "has no effect here"},
		{Item{"Group", "==", "admins"}, "attribute", "compare reply:Group"},
		{Item{"Huntgroup-Name", ":=", "vpn"}, "attribute", "has no effect here"},
		{Item{"Realm", "+=", "x"}, "attribute", "has no effect here"},
		{Item{"Packet-Src-IP-Address", ":=", "10.0.0.1"}, "attribute", "has no effect here"},
		{Item{"Tmp-String-0", ":=", "x"}, "attribute", "has no effect here"},
		{Item{"User-Password", ":=", "x"}, "op", "use == to compare"},
		{Item{port, ":=", "5"}, "op", "use == to compare"},
		{Item{"Tunnel-Type:1", ":=", "VLAN"}, "op", "use == to compare"},
		{Item{"NAS-Identifier", "+=", "vpn"}, "op", "use == to compare"},
		{Item{"Cisco-AVPair", ":=", "x"}, "op", "use == to compare"},
		{Item{"reply:Expiration", ":=", "1 Jan 2030"}, "op", "use == to compare"},
		{Item{"client:expiration", ":=", "1 Jan 2030"}, "op", "use == to compare"},
		{Item{caller, "==", "%{Auth-Type}"}, "value", "never has a value"},
		{Item{caller, "==", "%{Simultaneous-Use:-1}"}, "value", "never has a value"},
	} {
		problems := problemsOf(t, Definition{Check: []Item{{port, "==", "5"}, test.item}})
		require.Len(t, problems, 1, "%v", test.item)
		require.Equal(t, "check_attribute[1]."+test.part, problems[0].Field, "%v", test.item)
		require.Contains(t, problems[0].Text, test.text, "%v", test.item)
		require.NotContains(t, problems[0].Text, "secret", "%v", test.item)
	}
	problems := problemsOf(t, Definition{Reply: items(session, ":=", "%{Login-Time}")})
	require.Equal(t, "reply_attribute[0].value", problems[0].Field)
}

// FreeRADIUS puts these into requests, and operators may add their own.
func TestWhatFreeRADIUSSendsIsCompared(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"Huntgroup-Name": "vpn", "Realm": "example.org", "Stripped-User-Name": "bob", "Packet-Src-IP-Address": "10.0.0.1",
		"Packet-Src-IPv6-Address": "2001:db8::1", "Client-Shortname": "switch", "Client-IP-Address": "10.0.0.1", "Virtual-Server": "inner",
		"TLS-Client-Cert-Common-Name": "laptop", "EAP-Type": "PEAP", "LDAP-UserDN": "uid=bob", "Called-Station-SSID": "guests",
		"Tmp-Integer-0": "5", "Hint": "ppp", "SQL-User-Name": "bob", "NAS-Identifier": "nas",
	} {
		require.True(t, holds(t, newInput(t, attributes(t, name, value), nil, nil), name, "==", value), name)
		require.False(t, holds(t, newInput(t, nil, nil, nil), name, "==", value), name)
	}
	extended, err := dictionary.Standard().Extend("ATTRIBUTE\tSite-Building\t3000\tstring\nATTRIBUTE\tSite-Limit\t3001\tinteger\n")
	require.NoError(t, err)
	_, err = Compile(extended, Definition{Check: items("Site-Building", "==", "north", caller, "==", "%{Site-Building}")})
	require.NoError(t, err)
	_, err = Compile(extended, Definition{Check: items("Site-Limit", ":=", "5")})
	require.ErrorContains(t, err, "check_attribute[0].attribute: Site-Limit has no effect here")
	_, err = Compile(extended, Definition{Reply: items("Site-Limit", ":=", "5")})
	require.ErrorContains(t, err, "reply_attribute[0].attribute")
}

// An item that an earlier version has stored is enforced now, or the profile does not
// compile; but for the limit of sessions.
func TestStoredItemsLimitOrDoNotCompile(t *testing.T) {
	t.Parallel()
	profile, ineffective, err := CompileStored(dictionary.Standard(), Definition{
		Check: items("Simultaneous-Use", ":=", "1", caller, "==", "abc", "Simultaneous-Use", "+=", "%{NAS-Port}"),
		Reply: items(message, "=", "x%{Auth-Type}", session, "=", "60"),
	})
	require.NoError(t, err)
	require.Equal(t, Problems{
		{"check_attribute[0].attribute", "Simultaneous-Use does not limit logins yet"},
		{"check_attribute[2].attribute", "Simultaneous-Use does not limit logins yet"},
	}, ineffective)
	decision, explanations := Explain([]*Profile{profile}, newInput(t, attributes(t, caller, "abc"), nil, nil))
	require.Equal(t, []int{0}, decision.Matched)
	require.Equal(t, []string{"60"}, values(decision.Reply))
	require.Equal(t, "Simultaneous-Use does not limit logins yet", explanations[0].Check[0].Reason)

	for _, item := range []Item{
		{within, ":=", "whenever"},
		{"Auth-Type", ":=", "Accept"},
		{"Auth-Type", "==", "Reject"},
		{"Crypt-Password", "==", "x"},
		{"Strip-User-Name", "==", "Yes"},
		{"Pool-Name", ":=", "main"},
		{port, ":=", "5"},
		{"Simultaneous-Use", "==", "1"},
	} {
		_, _, err := CompileStored(dictionary.Standard(), Definition{Check: []Item{item, {"Simultaneous-Use", ":=", "1"}}})
		require.Error(t, err, "%v", item)
	}

	profile, ineffective, err = CompileStored(
		dictionary.Standard(), Definition{Check: items(expires, ":=", "1 Jan 2020", "Auth-Type", ":=", "Reject")},
	)
	require.NoError(t, err)
	require.Empty(t, ineffective)
	require.NotNil(t, Evaluate([]*Profile{profile}, newInput(t, nil, nil, nil)).Refused)
}

func TestRecheckLooksAtTheClockAlone(t *testing.T) {
	t.Parallel()
	profiles := compileAll(t, Definition{Check: items(caller, "==", "abc", ofDay, "<", "18:00", within, ":=", "Mo0800-1759")})
	require.Equal(t, Decision{Ends: Ends{Window: noon.Add(6 * time.Hour)}, Reply: []ReplyAttribute{}}, Recheck(profiles, nil, noon))
	evening := Recheck(profiles, nil, noon.Add(6*time.Hour))
	require.Equal(t, "Time-Of-Day < 18:00: the clock is not less than that", evening.Refused.Reason)
}

func TestSessionTimeoutsOfLoginsThatExpire(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 6, 1, 12, 0, 0, 500_000_000, time.UTC)
	for end, want := range map[time.Time]uint32{
		now.Add(time.Nanosecond):              1,
		now.Add(time.Second):                  1,
		now.Add(1500 * time.Millisecond):      2,
		now.Add(-time.Hour):                   1,
		now.AddDate(80, 0, 0):                 2524521600,
		now.Add(math.MaxUint32 * time.Second): math.MaxUint32,
	} {
		seconds, limited := Ends{}.ExpiringAt(end).SessionTimeout(now)
		require.True(t, limited, "%s", end)
		require.Equal(t, want, seconds, "%s", end)
	}
	for _, end := range []time.Time{now.AddDate(140, 0, 0), now.AddDate(300, 0, 0), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)} {
		_, limited := Ends{}.ExpiringAt(end).SessionTimeout(now)
		require.False(t, limited, "%s: the attribute cannot say it", end)
	}
	window := now.Add(time.Hour)
	require.Equal(t, Ends{window, now}, Ends{Window: window, Expiration: window}.ExpiringAt(now))
	require.Equal(t, Ends{window, now}, Ends{Window: window, Expiration: now}.ExpiringAt(window))
}

func TestProfilesAreRuledOutByWhatIsNoMatterOfTime(t *testing.T) {
	t.Parallel()
	profiles := compileAll(t,
		Definition{Check: items(current, "==", "Sa", "Auth-Type", ":=", "Reject")},
		Definition{Check: items("NAS-Identifier", "=~", "^(v)", current, "==", "Sa", caller, "==", "%{1}1", within, ":=", "Sa0800-1000")},
		Definition{Check: items("NAS-Identifier", "==", "x", current, "==", "Sa", "Auth-Type", ":=", "Reject")},
		Definition{Check: items("NAS-Identifier", "==", "x", "Auth-Type", ":=", "Reject")},
		Definition{Check: items(current, "==", "Sa", expires, "==", "2026-07-01")},
		Definition{})
	input := newInput(t, attributes(t, "NAS-Identifier", "vpn", caller, "v1"), nil, nil)
	decision := Evaluate(profiles, input)
	require.Equal(t, []int{5}, decision.Matched)
	require.Equal(t, []int{2, 3}, decision.RuledOut)
	explained, _ := Explain(profiles, input)
	require.Equal(t, decision, explained)

	saturday := noon.AddDate(0, 0, 5)
	require.Equal(t, Recheck(nil, nil, noon), Recheck(profiles[5:], profiles[:2], noon))
	require.Equal(t, 1, Recheck(profiles[5:], profiles[:2], saturday).Refused.Profile)
	require.Zero(t, Recheck(profiles[5:], profiles[4:5], saturday).Ends, "it has no limit")
	require.Equal(t, 0, Recheck(profiles[:1], profiles[1:2], noon).Refused.Profile)
	early := Recheck(profiles[5:], profiles[1:2], saturday.Add(-3*time.Hour))
	require.Nil(t, early.Refused)
	require.Equal(t, saturday.Add(-2*time.Hour+time.Minute), early.Ends.Window)
}
