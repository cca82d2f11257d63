package radiusauth

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/login"
	"vault-plugin-auth-radius/internal/source"
)

// FreeRADIUS has no field for a code: it comes after the password, as at login.
func TestFreeRADIUSMayAskWithACodeAfterThePassword(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, map[string]any{"passcode_separator": ",", "lockout_threshold": 2})
	b.ok(logical.UpdateOperation, "freeradius/config", map[string]any{"use_radius_sources": true})
	status := func(username, password string) int {
		status, _ := b.asFreeRADIUS("authorize", map[string]any{"username": username, "password": password})
		return status
	}
	require.Equal(t, "{"+acceptJSON+"}", b.authorized(map[string]any{"username": "carol", "password": "carol-password,123456"}))
	require.Equal(t, http.StatusNoContent, status("carol", "carol-password"), "a challenge is no accept")
	require.Equal(t, http.StatusNoContent, status("alice", "alice-password,123456"), "no code is asked for")
	require.Contains(t, b.log.String(), "a code came with the password, and the source does not ask for one")
	for range 2 {
		require.Equal(t, http.StatusNoContent, status("carol", "carol-password,000000"))
	}
	require.Equal(t, http.StatusNoContent, status("carol", "carol-password,123456"), "two wrong codes are two failed logins")
	require.Equal(t, []string{"carol"}, b.ok(logical.ListOperation, "unlock", nil).Data["keys"])
	b.ok(logical.UpdateOperation, "unlock/carol", nil)

	// Without a field of that name.
	passcode := map[string]any{"username": "carol", "password": "carol-password", "passcode": "123456"}
	refused, _ := b.asFreeRADIUS("authorize", passcode)
	require.Equal(t, http.StatusNoContent, refused)
	b.ok(logical.PatchOperation, "config", map[string]any{"passcode_separator": ""})
	require.Equal(t, http.StatusNoContent, status("carol", "carol-password,123456"))
}

// What profiles see of the password is the code that answered, as at login.
func TestProfilesSeeTheCodeInPlaceOfThePasswordThatFreeRADIUSHasSent(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, map[string]any{"passcode_separator": ",", "default_profiles": ""})
	b.ok(logical.UpdateOperation, "freeradius/config", map[string]any{"use_radius_sources": true})
	b.profile("code", checks(item("User-Password", "==", "123456")))
	b.ok(logical.PatchOperation, "config", map[string]any{"default_profiles": "code"})
	b.authorized(map[string]any{"username": "carol", "password": "carol-password,123456"})
}

func TestCodeDoesNotCountToTheLengthOfThePassword(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, map[string]any{"passcode_separator": ","})
	longest := strings.Repeat("x", 128) // of a User-Password
	require.Equal(t, login.DeniedText, b.refused(logical.UpdateOperation, "login/carol", map[string]any{"password": longest + ",123456"}))
	require.Len(t, b.server.Requests(), 1)
	require.Equal(t, longest, b.server.Requests()[0].Password())
	text := b.refused(logical.UpdateOperation, "login/carol", map[string]any{"password": longest + "x,123456"})
	require.Contains(t, text, "password is longer than 128 octets")
}

func TestPatternOfCodesGoesWithTheSeparator(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, map[string]any{"passcode_separator": ",", "passcode_pattern": "[0-9]{6}"})
	b.ok(logical.UpdateOperation, "config", map[string]any{"passcode_separator": "+"})
	require.Equal(t, "[0-9]{6}", b.ok(logical.ReadOperation, "config", nil).Data["passcode_pattern"])
	b.ok(logical.UpdateOperation, "config", map[string]any{"passcode_separator": ""})
	require.Equal(t, source.DefaultPasscodePattern, b.ok(logical.ReadOperation, "config", nil).Data["passcode_pattern"])
	require.Contains(t, b.refused(logical.UpdateOperation, "config", map[string]any{"passcode_pattern": "[0-9]{6}"}), "has no effect")
	for _, pattern := range []string{"", strings.Repeat("a", 257)} {
		data := map[string]any{"passcode_separator": ",", "passcode_pattern": pattern}
		require.Contains(t, b.refused(logical.UpdateOperation, "config", data), "passcode_pattern")
	}
}
