package radiusauth

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/fairshare"
	"vault-plugin-auth-radius/internal/login"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/throttle"
)

// crowded is a RADIUS server that accepts everybody, or has too many logins waiting. It
// remembers the shares of logins.
type crowded struct {
	source.Checker
	full   bool
	shares []fairshare.Share
}

func (c *crowded) Check(_ context.Context, query source.Query) (source.Answer, error) {
	c.shares = append(c.shares, query.Share)
	if c.full {
		return source.Answer{}, &radclient.FullError{Host: "2001:db8::1", Port: 1812}
	}
	return source.Answer{Verdict: radclient.Verdict{Outcome: radclient.Accept, Server: "192.0.2.1:1812"}}, nil
}

// newCrowdedBackend returns a mount whose server is crowded.
func newCrowdedBackend(t *testing.T, config map[string]any) (*testBackend, *crowded) {
	t.Helper()
	b := newConfiguredBackend(t, config)
	settings, err := b.settings.get(t.Context(), vaultStorage{b.storage})
	require.NoError(t, err)
	server := &crowded{Checker: settings.login.Source.Checker}
	settings.login.Source.Checker = server
	return b, server
}

func TestFullServerIsNoRefusal(t *testing.T) {
	t.Parallel()
	b, server := newCrowdedBackend(t, map[string]any{"lockout_threshold": 1})
	b.ok(logical.UpdateOperation, "freeradius/config", map[string]any{"use_radius_sources": true})
	server.full = true
	for range 3 {
		require.Equal(t, login.NoAnswerText, b.refused(logical.UpdateOperation, "login/bob", map[string]any{"password": "p"}))
	}
	status, body := b.asFreeRADIUS("authorize", map[string]any{"username": "bob", "password": "p"})
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Empty(t, body)
	server.full = false
	b.loginOK("bob", "p") // it is not locked out
}

func TestFullServerIsLoggedOnceAMinute(t *testing.T) {
	t.Parallel()
	b, server := newCrowdedBackend(t, nil)
	now := time.Unix(0, 0)
	b.logins.Floods = throttle.New(time.Minute, func() time.Time { return now })
	server.full = true
	refuse := func(times int) {
		for range times {
			b.refused(logical.UpdateOperation, "login/bob", map[string]any{"password": "p"})
		}
	}
	refuse(50)
	now = now.Add(time.Minute)
	refuse(50)
	var lines []string
	for line := range strings.Lines(b.log.String()) {
		if strings.Contains(line, "[ERROR]") {
			lines = append(lines, line)
		}
	}
	require.Len(t, lines, 2)
	require.Contains(t, lines[0], "logins refused: too many wait")
	require.Contains(t, lines[0], "server=[2001:db8::1]:1812 refused=1 ")
	require.Contains(t, lines[1], "refused=50 ")
	require.Contains(t, lines[1], "rate-limit quota")
	require.NotContains(t, lines[1], "DNS")
}

func TestPlacesAreSharedByAddressAndName(t *testing.T) {
	t.Parallel()
	b, server := newCrowdedBackend(t, map[string]any{"send_client_address": false, "realm": "corp"})
	b.ok(logical.UpdateOperation, "freeradius/config", map[string]any{"use_radius_sources": true})
	auth := b.loginOK("bob", "p")
	b.loginOK("BOB", "p")
	b.authorized(map[string]any{"username": "bob", "password": "p"})
	b.renewOK(auth)

	require.Len(t, server.shares, 4)
	share := server.shares[0]
	require.Equal(t, "192.0.2.7", share.Address)
	require.NotEmpty(t, share.Name)
	require.Equal(t, share, server.shares[1], "another spelling")
	require.Equal(t, share, server.shares[2], "FreeRADIUS is a client as others are")
	require.NotEqual(t, share.Address, server.shares[3].Address, "strangers do not push renewals out")
	require.NotEqual(t, login.RenewalShare("alice@corp").Address, server.shares[3].Address, "nor do renewals for others")
}
