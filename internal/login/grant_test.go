package login

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/catalog"
	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/profile"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/users"
)

// grantOf returns what the profiles grant a login that is accepted with the answer.
func grantOf(t *testing.T, answer source.Answer, assigned ...*catalog.Compiled) Grant {
	t.Helper()
	granted, _, err := authorizationBy(assigned...).evaluate(answer, mondayNoon)
	require.NoError(t, err)
	return granted
}

// replying returns a profile that always matches.
func replying(t *testing.T, reply ...profile.Item) *catalog.Compiled {
	t.Helper()
	return compileProfile(t, 1, "replying", nil, reply)
}

func TestPoliciesAreTheUsersThenThoseOfTheProfilesThatMatch(t *testing.T) {
	t.Parallel()
	first := compileProfile(t, 1, "first", nil, nil, "vpn")
	never := compileProfile(t, 2, "never", []profile.Item{itemOf("Filter-Id", "==", "no")}, nil, "root")
	second := compileProfile(t, 3, "second", nil, nil, "wifi", "guest")
	require.Equal(t, []string{"guest"}, grantOf(t, acceptWith()).Policies, "unregistered_user_policies")
	granted := grantOf(t, acceptWith(), first, never, second)
	require.Equal(t, []string{"guest", "vpn", "wifi", "guest"}, granted.Policies)
	require.Equal(t, []string{"first", "second"}, ShortNamesOf(granted.Matched))

	authorization := authorizationBy(first)
	authorization.user = &users.User{Policies: []string{"dev"}}
	registered, _, err := authorization.evaluate(acceptWith(), mondayNoon)
	require.NoError(t, err)
	require.Equal(t, []string{"dev", "vpn"}, registered.Policies, "a registered user has no guest's")
}

// The policies of one login never become those of the next.
func TestGrantSharesNoPoliciesWithTheConfig(t *testing.T) {
	t.Parallel()
	authorization := authorizationBy(compileProfile(t, 1, "vpn", nil, nil, "vpn"))
	authorization.config.UnregisteredUserPolicies = append(make([]string, 0, 8), "guest")
	granted, _, err := authorization.evaluate(acceptWith(), mondayNoon)
	require.NoError(t, err)
	granted.Policies[0] = "root"
	require.Equal(t, []string{"guest"}, authorization.config.UnregisteredUserPolicies)
	require.Equal(t, []string{"guest", ""}, authorization.config.UnregisteredUserPolicies[:2])
}

func TestGroupsAreTheDirectorysAndTheValuesOfTheAttributes(t *testing.T) {
	t.Parallel()
	answer := acceptWith(
		repliedItem(t, "Class", "0x73746166662061646d696e"), repliedItem(t, "Filter-Id", "staff"), repliedItem(t, "Filter-Id", "staff"),
		repliedItem(t, "Filter-Id", ""), repliedItem(t, "Framed-Pool", "pool"), repliedItem(t, "Class", "0x0001"),
	)
	answer.Groups = []string{"cn=vpn", "staff"}
	granted := grantOf(t, answer, replying(t, itemOf("Filter-Id", "+=", "from-profile")))
	require.Equal(t, []string{"cn=vpn", "staff", "staff admin", "0x0001", "from-profile"}, granted.Groups([]string{"class", "Filter-Id"}))
	require.Equal(t, []string{"cn=vpn", "staff"}, granted.Groups(nil), "attributes that are not configured are no groups")
	require.Equal(t, []string{"cn=vpn", "staff"}, granted.Groups([]string{"Acme-Gone"}), "the dictionary may have lost one")

	granted.Groups(nil)[0] = "changed"
	require.Equal(t, []string{"cn=vpn", "staff"}, granted.Groups(nil))
}

func TestMetadataHasTheValuesByTheDictionarysNames(t *testing.T) {
	t.Parallel()
	answer := acceptWith(
		repliedItem(t, "Filter-Id", "a"), repliedItem(t, "Filter-Id", "b"), repliedItem(t, "Session-Timeout", "60"),
		repliedItem(t, "Service-Type", "Login-User"), repliedItem(t, "Idle-Timeout", "5"), repliedItem(t, "Framed-Pool", "pool"),
	)
	granted := grantOf(t, answer)
	require.Equal(t, map[string]string{"Filter-Id": "a,b", "Session-Timeout": "60", "Service-Type": "Login-User"},
		granted.Metadata([]string{"filter-id", "SESSION-TIMEOUT", "Service-Type", "Acme-Gone"}))
	require.Empty(t, granted.Metadata(nil))
}

func TestIdleTimeoutOfAProfileIsAlwaysMetadata(t *testing.T) {
	t.Parallel()
	granted := grantOf(t, acceptWith(), replying(t, itemOf("Idle-Timeout", ":=", "900"), itemOf("Framed-Pool", ":=", "pool")))
	require.Equal(t, map[string]string{"Idle-Timeout": "900"}, granted.Metadata(nil))
	require.Empty(t, grantOf(t, acceptWith(repliedItem(t, "Idle-Timeout", "900"))).Metadata(nil), "the server's only if it is configured")
}

func TestValueOfMetadataIsCutAt512Octets(t *testing.T) {
	t.Parallel()
	message := func(text string) dictionary.Item { return repliedItem(t, "Reply-Message", text) }
	names := []string{"Reply-Message"}
	half := strings.Repeat("x", 253)
	require.Len(t, grantOf(t, acceptWith(message(half), message(half), message("1234"))).Metadata(names)["Reply-Message"], 512)
	require.Equal(t, (half + "," + half + ",1234567")[:512],
		grantOf(t, acceptWith(message(half), message(half), message("1234567"), message("gone"))).Metadata(names)["Reply-Message"])

	characters := strings.Repeat("é", 126) // of two octets each
	text := grantOf(t, acceptWith(message(characters), message(characters), message("abcd"), message("é"))).Metadata(names)["Reply-Message"]
	require.Equal(t, characters+","+characters+",abcd,", text, "no half of a character is left")
}

func TestSessionTimeoutOfAProfileCountsAndTheServersIfItIsTo(t *testing.T) {
	t.Parallel()
	server := repliedItem(t, "Session-Timeout", "600")
	none := itemOf("Framed-Pool", ":=", "pool")
	for _, test := range []struct {
		about              string
		answer             source.Answer
		reply              profile.Item
		alone, withServers time.Duration
	}{
		{about: "neither", answer: acceptWith(), reply: none},
		{about: "the server", answer: acceptWith(server), reply: none, withServers: 600 * time.Second},
		{
			about: "the profile", answer: acceptWith(), reply: itemOf("Session-Timeout", ":=", "300"),
			alone: 300 * time.Second, withServers: 300 * time.Second,
		},
		{
			about: "a shorter one of the profile beside", answer: acceptWith(server), reply: itemOf("Session-Timeout", "+=", "300"),
			alone: 300 * time.Second, withServers: 300 * time.Second,
		},
		{
			about: "a longer one of the profile beside", answer: acceptWith(server), reply: itemOf("Session-Timeout", "+=", "900"),
			alone: 900 * time.Second, withServers: 600 * time.Second,
		},
		{
			about: "the profile instead of the server", answer: acceptWith(server), reply: itemOf("Session-Timeout", ":=", "900"),
			alone: 900 * time.Second, withServers: 900 * time.Second,
		},
		{
			about: "0, which is no limit", answer: acceptWith(server, repliedItem(t, "Session-Timeout", "0")),
			reply: none, withServers: 600 * time.Second,
		},
	} {
		granted := grantOf(t, test.answer, replying(t, test.reply))
		require.Equal(t, test.alone, granted.SessionTimeout(false), test.about)
		require.Equal(t, test.withServers, granted.SessionTimeout(true), test.about)
	}
}

func TestSessionTimeoutThatCannotBeReadIsNone(t *testing.T) {
	t.Parallel()
	broken := repliedItem(t, "Session-Timeout", "600")
	broken.Value = []byte{0, 0, 1}
	require.Zero(t, grantOf(t, acceptWith(broken)).SessionTimeout(true))
}

// limitedBy returns a profile with one limit.
func limitedBy(t *testing.T, limit profile.Item, reply ...profile.Item) *catalog.Compiled {
	t.Helper()
	return compileProfile(t, 1, "limited", []profile.Item{limit}, reply)
}

// sessionTimeouts returns the values of the Session-Timeouts of a reply, in their order.
func sessionTimeouts(reply []profile.ReplyAttribute) []string {
	var seconds []string
	for _, attribute := range reply {
		if attribute.Attribute.Name == "Session-Timeout" {
			seconds = append(seconds, attribute.Item.Text())
		}
	}
	return seconds
}

func TestReplyEndsWithWhatTheProfilesHaveLetIn(t *testing.T) {
	t.Parallel()
	untilOne := itemOf("Expiration", ":=", "Jun 01 2026 13:00:00")
	server := repliedItem(t, "Session-Timeout", "60")
	for _, test := range []struct {
		about  string
		answer source.Answer
		limit  profile.Item
		reply  []profile.Item
		want   []string
	}{
		{"one is added", acceptWith(), untilOne, nil, []string{"3600"}},
		{"a shorter one stays", acceptWith(), untilOne, []profile.Item{itemOf("Session-Timeout", ":=", "1800")}, []string{"1800"}},
		{"a longer one is cut", acceptWith(), untilOne, []profile.Item{itemOf("Session-Timeout", ":=", "7200")}, []string{"3600"}},
		{"0 is no shorter one", acceptWith(), untilOne, []profile.Item{itemOf("Session-Timeout", ":=", "0")}, []string{"3600"}},
		{"the server's stays as it was", acceptWith(server), untilOne, nil, []string{"60", "3600"}},
		{"a window ends with its last minute", acceptWith(), itemOf("Login-Time", ":=", "Al0800-1229"), nil, []string{"1800"}},
		{"no limit", acceptWith(), itemOf("Login-Time", ":=", "Al"), nil, nil},
	} {
		granted := grantOf(t, test.answer, limitedBy(t, test.limit, test.reply...))
		before := sessionTimeouts(granted.reply)
		require.Equal(t, test.want, sessionTimeouts(granted.LimitedReply(mondayNoon)), test.about)
		require.Equal(t, before, sessionTimeouts(granted.reply), "%s: the grant stays as it was", test.about)
	}
}

func TestAddedSessionTimeoutIsOfTheLimits(t *testing.T) {
	t.Parallel()
	granted := grantOf(t, acceptWith(repliedItem(t, "Class", "0x61")), limitedBy(t, itemOf("Expiration", ":=", "Jun 01 2026 13:00:00")))
	reply := granted.LimitedReply(mondayNoon)
	require.Len(t, reply, 2)
	require.Equal(t, profile.FromSource, reply[0].Profile)
	require.Equal(t, profile.FromLimits, reply[1].Profile)
}

func TestTimeLeftEndsWithTheFirstLimit(t *testing.T) {
	t.Parallel()
	expiring := limitedBy(t, itemOf("Expiration", ":=", "Jun 01 2026 13:00:00"))
	window := limitedBy(t, itemOf("Login-Time", ":=", "Al0800-1229"))
	granted := grantOf(t, acceptWith(), expiring, window)
	left, limited := granted.TimeLeft(mondayNoon)
	require.True(t, limited)
	require.Equal(t, 30*time.Minute, left)

	left, limited = granted.TimeLeft(mondayNoon.Add(2 * time.Hour))
	require.True(t, limited)
	require.Equal(t, time.Second, left, "0 would be no limit")

	_, limited = grantOf(t, acceptWith()).TimeLeft(mondayNoon)
	require.False(t, limited)
}

func TestTimeLeftEndsWhenTheUserExpires(t *testing.T) {
	t.Parallel()
	for about, test := range map[string]struct {
		expires time.Time
		want    time.Duration
	}{
		"before the profile": {mondayNoon.Add(10 * time.Minute), 10 * time.Minute},
		"after the profile":  {mondayNoon.Add(10 * time.Hour), time.Hour},
	} {
		authorization := authorizationBy(limitedBy(t, itemOf("Expiration", ":=", "Jun 01 2026 13:00:00")))
		authorization.user = &users.User{ExpiresAt: &test.expires}
		granted, _, err := authorization.evaluate(acceptWith(), mondayNoon)
		require.NoError(t, err)
		left, limited := granted.TimeLeft(mondayNoon)
		require.True(t, limited)
		require.Equal(t, test.want, left, about)
	}
}
