package e2e

import (
	"fmt"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// window is a Login-Time around now, which ends in an hour and a minute at most.
func window(now time.Time) string {
	end := now.Add(time.Hour)
	day := func(t time.Time) string { return t.Format("Mon")[:2] }
	if day(now) == day(end) {
		return fmt.Sprintf("%s%s-%s", day(now), now.Format("1504"), end.Format("1504"))
	}
	return fmt.Sprintf("%s%s-2400,%s0000-%s", day(now), now.Format("1504"), day(end), end.Format("1504"))
}

var sessionTimeout = regexp.MustCompile(`Session-Timeout = ([0-9]+)`)

func TestLimitsOfProfilesHoldForTokensAndSessions(t *testing.T) {
	t.Parallel()
	v := startPlugin(t)
	now := time.Now().UTC()
	v.write("auth/radius/config", map[string]any{"extauth": "local", "password_hash_cost": 1, "renewal": "recheck", "token_ttl": "10m", "time_zone": "UTC"})
	for name, items := range map[string][]any{
		"in-hours":     {map[string]any{"attribute": "Login-Time", "op": ":=", "value": window(now)}},
		"out-of-hours": {map[string]any{"attribute": "Login-Time", "op": ":=", "value": window(now.Add(48 * time.Hour))}},
		"expires-soon": {map[string]any{"attribute": "Expiration", "op": ":=", "value": now.Add(time.Hour).Format("Jan _2 2006 15:04:05 UTC")}},
		"expired":      {map[string]any{"attribute": "Expiration", "op": ":=", "value": "Jan  1 2020 00:00:00 UTC"}},
		"rejected":     {map[string]any{"attribute": "Auth-Type", "op": ":=", "value": "Reject"}},
	} {
		v.write("auth/radius/profiles", map[string]any{"name": name, "short_name": name, "check_attribute": items})
		v.write("auth/radius/users/"+name, map[string]any{"password": "the-password", "profiles": name})
	}
	for name, end := range map[string]string{"temporary": now.Add(time.Hour).Format(time.RFC3339), "permanent": "9999-12-31"} {
		v.write("auth/radius/users/"+name, map[string]any{"password": "the-password", "expires_at": end})
	}
	f := startFrontend(t, v)
	for _, name := range []string{"in-hours", "expires-soon", "temporary"} {
		auth := v.login("auth/radius", name, "the-password")
		require.Equal(t, 600, auth.LeaseDuration)
		renewed, err := v.as(auth.ClientToken).Auth().Token().RenewSelf(24 * 3600)
		require.NoError(t, err)
		require.LessOrEqual(t, renewed.Auth.LeaseDuration, 3660, "whatever increment is asked for")
		require.Greater(t, renewed.Auth.LeaseDuration, 3000)

		answer := f.login(name, "the-password")
		require.Contains(t, answer, "Access-Accept", name)
		found := sessionTimeout.FindStringSubmatch(answer)
		require.Len(t, found, 2, answer)
		seconds, err := strconv.Atoi(found[1])
		require.NoError(t, err)
		require.LessOrEqual(t, seconds, 3660)
		require.Greater(t, seconds, 3000)
	}
	require.Equal(t, 600, v.login("auth/radius", "permanent", "the-password").LeaseDuration)
	require.NotRegexp(t, sessionTimeout, f.login("permanent", "the-password"))
	for _, name := range []string{"out-of-hours", "expired", "rejected"} {
		status, text := v.refused("auth/radius/login/"+name, map[string]any{"password": "the-password"})
		require.Equal(t, 400, status)
		require.Equal(t, "access denied by the authentication server", text)
		require.Contains(t, f.login(name, "the-password"), "Access-Reject", name)
	}
	v.log.await(t, "profile expired: Expiration := Jan  1 2020 00:00:00 UTC: that time has passed")
}
