package radiusauth

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/radiustest"
)

func TestProfilesWithoutAnEffectAreRefusedWhenTheyAreWritten(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.profile("kept", map[string]any{"description": "as it was"})
	before := b.everything()
	for _, bad := range []any{
		item("Auth-Type", ":=", "Accept"), item("Auth-Type", "==", "Reject"), item("Auth-Type", ":=", "Local"),
		item("Expiration", ":=", "whenever"), item("Expiration", ">", "2030-01-01"), item("Login-Time", ":=", "whenever"),
		item("Login-Time", "==", "Wk0800-1800"), item("Time-Of-Day", ":=", "08:00"), item("Time-Of-Day", ">=", "25:00"),
		item("Current-Time", ":=", "2030-01-01"), item("Simultaneous-Use", ":=", "1"), item("Crypt-Password", ":=", "hidden"),
		item("Cleartext-Password", "+=", "hidden"), item("Crypt-Password", "==", "hidden"), item("Strip-User-Name", "==", "Yes"),
		item("Fall-Through", "=", "Yes"), item("Pool-Name", ":=", "main"), item("Proxy-To-Realm", ":=", "x"), item("Huntgroup-Name", ":=", "vpn"),
		item("NAS-Port", ":=", "5"), item("Cisco-AVPair", "+=", "x"),
	} {
		items := map[string]any{"check_attribute": []any{item("NAS-Port", "==", "5"), bad}}
		for operation, path := range map[logical.Operation]string{
			logical.UpdateOperation: "profiles/new-one",
			logical.PatchOperation:  "profiles/kept",
		} {
			items["name"] = "New"
			text := b.refused(operation, path, items)
			require.Contains(t, text, "check_attribute[1].", "%v", bad)
			require.NotContains(t, text, "hidden")
		}
	}
	require.Contains(t, b.refused(logical.PatchOperation, "profiles/kept", checks(item("Simultaneous-Use", ":=", "1"))), "has no effect here")
	require.Equal(t, before, b.everything(), "nothing has changed")
	b.ok(logical.PatchOperation, "profiles/kept", checks(item("Huntgroup-Name", "==", "vpn"), item("Realm", "=~", "x"), item("Packet-Src-IP-Address", "==", "10.0.0.0/8")))
}

func TestTimeZonesAreOfTheIANA(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	require.Equal(t, "UTC", b.ok(logical.ReadOperation, "config", nil).Data["time_zone"])
	for _, zone := range []string{"", "Mars/Olympus", "CEST", "UTC+1", "+01:00", "Local", "localtime", "posix/Europe/Berlin", "right/UTC", "../UTC", "./UTC", "Europe//Berlin", "/etc/localtime"} {
		require.Contains(t, b.refused(logical.UpdateOperation, "config", map[string]any{"time_zone": zone}), "config parameter `time_zone`", zone)
	}
	for _, zone := range []string{"Europe/Berlin", "America/Argentina/Buenos_Aires", "Asia/Kolkata", "Etc/GMT-1", "UTC"} {
		b.ok(logical.UpdateOperation, "config", map[string]any{"time_zone": zone})
		require.Equal(t, zone, b.ok(logical.ReadOperation, "config", nil).Data["time_zone"])
	}
	b.ok(logical.PatchOperation, "config", map[string]any{"time_zone": "Asia/Tokyo"})
	b.ok(logical.PatchOperation, "config", map[string]any{"time_zone": nil})
	require.Equal(t, "UTC", b.ok(logical.ReadOperation, "config", nil).Data["time_zone"])
}

func TestATrialIsAtTheTimeThatIsGiven(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.profile("night", checks(item("Login-Time", ":=", "Al2200-0600")))
	try := func(data map[string]any) map[string]any {
		t.Helper()
		return b.ok(logical.UpdateOperation, "profiles/night/test", data).Data
	}
	require.Equal(t, "2030-01-01T23:00:00Z", try(map[string]any{"time": "2030-01-01T23:00:00Z"})["time"], "the mount is not configured")
	b.startServer(radiustest.Options{})
	b.configure(map[string]any{"time_zone": "Europe/Berlin"})
	for when, want := range map[any]bool{
		"2030-01-01T21:00:00Z": true, "2030-01-01 22:00": true, "Jan  1 2030 22:00:00": true, "2030-01-01T22:00:00+01:00": true, "1893535200": true,
		float64(1893535200): true, "2030-01-01": true, "2030-01-01 21:59:59": false, "Jan  1 2030 20:00:00 UTC": false, "1 Jan 2030 12:00": false,
	} {
		data := try(map[string]any{"time": when})
		require.Equal(t, want, data["matched"], "%v", when)
		refused := "Login-Time := Al2200-0600: the time is outside of the windows"
		if want {
			refused = ""
		}
		require.Equal(t, refused, data["refused"], "%v", when)
	}
	check := try(map[string]any{"time": "2030-01-01 12:00"})["check_attribute"].([]any)[0].(map[string]any)
	require.Equal(t, []string{"Tue Jan  1 2030 12:00:00 CET"}, check["found"])
	require.Equal(t, false, check["held"])
	b.at("2030-01-01T23:00:00Z")
	require.Equal(t, "2030-01-02T00:00:00+01:00", try(nil)["time"])
	for _, bad := range []string{"whenever", "2030-01-01T25:00:00Z", "12:00", "tomorrow"} {
		require.Contains(t, b.refused(logical.UpdateOperation, "profiles/night/test", map[string]any{"time": bad}), "time: ")
	}
	for _, name := range []string{"Time-Of-Day", "current-time", "Expiration", "Login-Time"} {
		given := map[string]any{"request": map[string]any{name: "08:00"}}
		require.Contains(t, b.refused(logical.UpdateOperation, "profiles/night/test", given), "request."+name+" is not looked at: give time")
	}
}

// storedProfile is a profile as an earlier version has stored it.
func storedProfile(id int, shortName, items string) string {
	return fmt.Sprintf(`{"id":%d,"revision":1,"name":"P","short_name":%q,"description":"",`+
		`"check_attribute":[%s],"reply_attribute":[],"policies":["dev"],"enabled":true}`+"\n", id, shortName, items)
}

// Profiles that are stored with items that had no effect match no user, and are named;
// what has an effect now is enforced, and a limit of sessions is let through.
func TestStoredProfilesWithoutAnEffectMatchNobody(t *testing.T) {
	t.Parallel()
	const (
		expired  = `{"attribute":"Expiration","op":":=","value":"Jan  1 2020 00:00:00 UTC"}`
		sessions = `{"attribute":"Simultaneous-Use","op":":=","value":"1"}`
		reject   = `{"attribute":"Auth-Type","op":":=","value":"Reject"}`
		pool     = `{"attribute":"Pool-Name","op":":=","value":"main"}`
		compared = `{"attribute":"Auth-Type","op":"==","value":"Reject"}`
		junk     = `{"attribute":"Login-Time","op":":=","value":"whenever"}`
		port     = `{"attribute":"NAS-Port","op":":=","value":"5"}`
	)
	stored := []struct {
		name, items string
		accepted    bool
		warning     string
	}{
		{"expired", expired, false, ""},
		{"rejecting", reject, false, ""},
		{"sessions", sessions, true, "it has items without an effect: check_attribute[0].attribute: Simultaneous-Use does not limit logins yet"},
		{"sessions-expired", sessions + "," + expired, false, "it has items without an effect: check_attribute[0].attribute"},
		{"sessions-pool", sessions + "," + pool, false, "it matches no user until it is written anew: check_attribute[1].attribute: Pool-Name has no effect here"},
		{"pool", pool, false, "it matches no user until it is written anew: check_attribute[0].attribute"},
		{"compared", compared, false, "it matches no user until it is written anew: check_attribute[0].op"},
		{"junk", junk, false, `it matches no user until it is written anew: check_attribute[0].value: "whenever"`},
		{"port", port, false, "it matches no user until it is written anew: check_attribute[0].op"},
		{"plain", `{"attribute":"User-Name","op":"==","value":"plain"}`, true, ""},
	}
	b := accepting(t, nil)
	for i, each := range stored {
		b.store(fmt.Sprintf("profile/%d", i+1), storedProfile(i+1, each.name, each.items))
		b.store("profile-name/"+each.name, fmt.Sprintf(`{"id":%d}`+"\n", i+1))
		b.ok(logical.UpdateOperation, "users/"+each.name, map[string]any{"profiles": each.name})
	}
	for _, each := range stored {
		for range 2 {
			resp, err := b.login(each.name, "p")
			require.NoError(t, err)
			require.Equal(t, each.accepted, !resp.IsError(), each.name)
		}
	}
	info := b.ok(logical.ListOperation, "profiles", nil).Data["key_info"].(map[string]any)
	status := b.ok(logical.ReadOperation, "status", nil).Data["warnings"].([]string)
	named := 0
	for _, each := range stored {
		details := info[each.name].(map[string]any)
		read := b.ok(logical.ReadOperation, "profiles/"+each.name, nil)
		if each.warning == "" {
			require.NotContains(t, details, "warnings", each.name)
			require.Empty(t, read.Warnings, each.name)
			continue
		}
		named++
		require.Len(t, details["warnings"], 1, each.name)
		require.Contains(t, details["warnings"].([]string)[0], each.warning)
		require.Equal(t, details["warnings"], read.Warnings)
		require.Contains(t, status, "profile "+each.name+": "+details["warnings"].([]string)[0])
		lines := strings.Count(b.log.String(), "profile="+each.name+" ")
		require.Equal(t, 1, lines, "%s: once for each time that it is loaded, not for each login", each.name)
	}
	require.Len(t, status, named)

	b.refused(logical.PatchOperation, "profiles/pool", map[string]any{"description": "still with it"})
	b.ok(logical.PatchOperation, "profiles/sessions", map[string]any{"enabled": false})
	b.denied("sessions")
	require.Contains(t, b.refused(logical.PatchOperation, "profiles/sessions", map[string]any{"enabled": true}), "has no effect here")
	b.refused(logical.PatchOperation, "profiles/plain", map[string]any{"enabled": false, "check_attribute": []any{item("Simultaneous-Use", ":=", "1")}})
	b.denied("sessions")
	b.ok(logical.PatchOperation, "profiles/pool", map[string]any{"check_attribute": []any{}})
	b.loginOK("pool", "p")
	require.NotContains(t, b.ok(logical.ListOperation, "profiles", nil).Data["key_info"].(map[string]any)["pool"], "warnings")
}
