package radiusauth

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
	"layeh.com/radius/rfc2865"
)

func groupNames(auth *logical.Auth) []string {
	var names []string
	for _, alias := range auth.GroupAliases {
		names = append(names, alias.Name)
	}
	return names
}

func TestGroupAttributesBecomeGroupAliases(t *testing.T) {
	t.Parallel()
	b := accepting(t, map[string]any{"group_attributes": "class,Filter-Id"},
		class("vpn users"), filterID("Staff"), class("vpn users"), class("\x00\x01"), class("größe"), text(rfc2865.ReplyMessage_Type, "hello"))
	b.profile("more", replies(item("Filter-Id", "+=", "from-profile"), item("Framed-Pool", "+=", "pool")))
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"profiles": "more"})
	require.Equal(t, []string{"vpn users", "Staff", "0x0001", "größe"}, groupNames(b.loginOK("eve", "p")), "each once, Class as text if it is")
	require.Equal(t, []string{"vpn users", "Staff", "0x0001", "größe", "from-profile"}, groupNames(b.loginOK("bob", "p")))
	require.Equal(t, []string{"class", "Filter-Id"}, b.ok(logical.ReadOperation, "config", nil).Data["group_attributes"])

	b.ok(logical.UpdateOperation, "config", map[string]any{"group_attributes": ""})
	require.Empty(t, b.loginOK("bob", "p").GroupAliases)
}

func TestMetadataAttributesBecomeMetadata(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 250)
	b := accepting(t, map[string]any{"metadata_attributes": "filter-id,Session-Timeout,Reply-Message,Service-Type"},
		filterID("a"), filterID("b"), integer(rfc2865.SessionTimeout_Type, 60), integer(rfc2865.IdleTimeout_Type, 5), class("c"),
		integer(rfc2865.ServiceType_Type, uint32(rfc2865.ServiceType_Value_LoginUser)),
		text(rfc2865.ReplyMessage_Type, long), text(rfc2865.ReplyMessage_Type, long+"é"), text(rfc2865.ReplyMessage_Type, "no room at all"))
	require.Equal(t, map[string]string{
		"username": "eve", "policies": "", "Filter-Id": "a,b", "Session-Timeout": "60", "Service-Type": "Login-User",
		"Reply-Message": (long + "," + long + "é,no room at all")[:512],
	}, b.loginOK("eve", "p").Metadata, "the server's Idle-Timeout was not asked for")

	b.profile("idle", replies(item("Idle-Timeout", ":=", "900")))
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"profiles": "idle"})
	require.Equal(t, "900", b.loginOK("bob", "p").Metadata["Idle-Timeout"], "that of a profile always is")
}

func TestMetadataIsCutBetweenCharacters(t *testing.T) {
	t.Parallel()
	b := accepting(t, map[string]any{"metadata_attributes": "Reply-Message"},
		text(rfc2865.ReplyMessage_Type, strings.Repeat("é", 126)), text(rfc2865.ReplyMessage_Type, strings.Repeat("é", 126)), text(rfc2865.ReplyMessage_Type, "é"), text(rfc2865.ReplyMessage_Type, "éé"))
	text := b.loginOK("eve", "p").Metadata["Reply-Message"]
	require.Len(t, text, 252+1+252+1+2+1+2, "not half of the last one, which ends after the 513th octet")
	require.True(t, strings.HasSuffix(text, "é,é,é"), text)
}

// A custom dictionary may call an attribute as the method calls its own metadata,
// or give a second name to one.
func TestNamesOfACustomDictionaryCannotMislead(t *testing.T) {
	t.Parallel()
	b := accepting(t, map[string]any{"group_attributes": "Filter-Id", "metadata_attributes": "Filter-Id"}, filterID("staff"), text(105, "root"))
	b.ok(logical.UpdateOperation, "dictionary/custom/odd", map[string]any{"text": "ATTRIBUTE profiles 105 string\nATTRIBUTE Acme-Role 11 string\n"})
	for _, name := range []string{"profiles", "Profiles"} {
		require.Contains(t, b.refused(logical.UpdateOperation, "config", map[string]any{"metadata_attributes": name}), "every token has")
	}
	auth := b.loginOK("eve", "p")
	require.Equal(t, map[string]string{"username": "eve", "policies": "", "Filter-Id": "staff"}, auth.Metadata)
	require.Equal(t, []string{"staff"}, groupNames(auth), "the same attribute, whatever it is called")
}

func TestSessionTimeoutLimitsTheTokensLife(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour // the mount's default
	tests := map[string]struct {
		config        map[string]any
		server        uint32
		profile       []any
		ttl, explicit time.Duration
	}{
		"the server's, not wanted":     {nil, 3600, nil, 0, 0},
		"the server's, below default":  {map[string]any{"session_timeout_as_ttl": true}, 3600, nil, time.Hour, time.Hour},
		"the server's, above default":  {map[string]any{"session_timeout_as_ttl": true}, 172_800, nil, day, 2 * day},
		"the server's, above ttl":      {map[string]any{"session_timeout_as_ttl": true, "token_ttl": "30m"}, 3600, nil, 30 * time.Minute, time.Hour},
		"the server's, below ttl":      {map[string]any{"session_timeout_as_ttl": true, "token_ttl": "30m"}, 60, nil, time.Minute, time.Minute},
		"above the explicit max":       {map[string]any{"session_timeout_as_ttl": true, "token_explicit_max_ttl": "10m"}, 3600, nil, time.Hour, 10 * time.Minute},
		"the server's zero":            {map[string]any{"session_timeout_as_ttl": true}, 0, nil, 0, 0},
		"a profile's, always":          {nil, 0, []any{item("Session-Timeout", ":=", "600")}, 10 * time.Minute, 10 * time.Minute},
		"a profile's overwrites":       {map[string]any{"session_timeout_as_ttl": true}, 60, []any{item("Session-Timeout", ":=", "600")}, 10 * time.Minute, 10 * time.Minute},
		"the smaller of two":           {map[string]any{"session_timeout_as_ttl": true}, 60, []any{item("Session-Timeout", "+=", "600")}, time.Minute, time.Minute},
		"the smaller of two, later":    {map[string]any{"session_timeout_as_ttl": true}, 60, []any{item("Session-Timeout", "+=", "30")}, 30 * time.Second, 30 * time.Second},
		"a profile's, beside unwanted": {nil, 60, []any{item("Session-Timeout", "+=", "600")}, 10 * time.Minute, 10 * time.Minute},
		"a periodic token":             {map[string]any{"token_period": "1h"}, 0, []any{item("Session-Timeout", ":=", "600")}, 10 * time.Minute, 10 * time.Minute},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := accepting(t, test.config, integer(rfc2865.SessionTimeout_Type, test.server))
			if test.profile != nil {
				b.profile("limit", replies(test.profile...))
				b.ok(logical.UpdateOperation, "users/bob", map[string]any{"profiles": "limit"})
			}
			auth := b.loginOK("bob", "p")
			require.Equal(t, test.ttl, auth.TTL)
			require.Equal(t, test.explicit, auth.ExplicitMaxTTL)
		})
	}
}

func TestMountWithAShorterDefaultLeaseKeepsIt(t *testing.T) {
	t.Parallel()
	b := accepting(t, map[string]any{"session_timeout_as_ttl": true}, integer(rfc2865.SessionTimeout_Type, 3600))
	b.System().(*logical.StaticSystemView).DefaultLeaseTTLVal = 5 * time.Minute
	auth := b.loginOK("bob", "p")
	require.Equal(t, 5*time.Minute, auth.TTL)
	require.Equal(t, time.Hour, auth.ExplicitMaxTTL)
}
