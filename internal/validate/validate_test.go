package validate

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestHostsAreOneNameOrAddress(t *testing.T) {
	t.Parallel()
	label := strings.Repeat("a", 63)
	for text, want := range map[string]bool{
		"radius": true, "radius.example.com": true, "radius.example.com.": true, "my_server": true, "192.0.2.1": true,
		"2001:db8::1": true, "fe80::1%eth0": true, label + ".example": true,
		"": false, ".": false, "a..b": false, ".a": false, "a b": false, "radius:1812": false, "[2001:db8::1]": false,
		"https://radius": false, "a,b": false, "Radius": false, "r\u00e4dius": false, label + "a.example": false,
		strings.Repeat("a.", 127): false, strings.Repeat("a.", 126) + "a": true,
	} {
		require.Equal(t, want, IsHost(text), text)
	}
}

func TestValueOutOfAListIsNamedWithTheList(t *testing.T) {
	t.Parallel()
	colours := []string{"red", "green"}
	require.Empty(t, CheckEnum("colour", "green", colours))
	for _, value := range []string{"", "Red", "red,green"} {
		require.Equal(t, "`colour` is not one of red, green", CheckEnum("colour", value, colours))
	}
}

func TestTextsOfUsersAreShortAndPrintable(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "Zo\u00eb O'Hara", strings.Repeat("x", MaxText)} {
		require.NoError(t, CheckText(text), text)
	}
	require.EqualError(t, CheckText(strings.Repeat("x", MaxText+1)), "is longer than 253 octets")
	for _, text := range []string{"a\nb", "a\x00", "\x7f", "\u0085", "caf\xe9"} {
		require.EqualError(t, CheckText(text), "must be UTF-8 without control characters", "%q", text)
	}
}

func TestSecretsEndInNoLineEnd(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"", "a\nb", "a b "} {
		require.NoError(t, CheckLineEnd(secret))
	}
	for _, secret := range []string{"s3cret\n", "s3cret\r\n", "s3cret\r"} {
		err := CheckLineEnd(secret)
		require.ErrorContains(t, err, "ends in a line end")
		require.NotContains(t, err.Error(), "s3cret")
	}
}

func TestExpiryIsADayATimeOrSeconds(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2030-02-28": "2030-03-01T00:00:00Z", "2030-02-28T12:00:00+02:00": "2030-02-28T10:00:00Z", "1900000000": "2030-03-17T17:46:40Z",
		" 2030-02-28 ": "2030-03-01T00:00:00Z", "2030-02-28 10:00:00": "2030-02-28T10:00:00Z",
		"Feb 28 2030 10:00:00 UTC": "2030-02-28T10:00:00Z",
		"9999-12-31":               "9999-12-31T23:59:59Z", "9999-12-30": "9999-12-31T00:00:00Z", "9999-12-31T23:59:59.9Z": "9999-12-31T23:59:59Z",
	} {
		at, err := ParseExpiry(text)
		require.NoError(t, err)
		require.Equal(t, want, at.Format(time.RFC3339))
		require.Equal(t, time.UTC, at.Location())
	}
	for _, text := range []string{"", " "} {
		at, err := ParseExpiry(text)
		require.NoError(t, err)
		require.Nil(t, at)
	}
	for _, text := range []string{
		"tomorrow", "-1", "99999999999999", "20301231", "0", "2030-02-30", "28-02-2030", "02/03/2030", "Feb 28 2030 10:00:00 CET",
	} {
		_, err := ParseExpiry(text)
		require.Error(t, err, text)
	}
}

func TestRootIsFoundAsVaultReadsPolicies(t *testing.T) {
	t.Parallel()
	for _, policies := range [][]string{{"root"}, {"dev", " ROOT "}, {"Root\t"}} {
		require.True(t, ContainsRoot(policies), "%q", policies)
	}
	for _, policies := range [][]string{nil, {"roots"}, {"my root"}, {"dev", "default"}} {
		require.False(t, ContainsRoot(policies), "%q", policies)
	}
}

func TestPoliciesAreSplitAtCommasInTheirOrder(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"b", "A", "c", "b"}, SplitPolicies([]string{"b, A", "", " c ,, b"}))
	require.Equal(t, []string{}, SplitPolicies(nil), "a list, as the built-in method stores it")
}
