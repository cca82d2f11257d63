package radiusauth

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/radiustest"
)

// gbkStation is a Called-Station-Id with an SSID in GBK, and printedStation how FreeRADIUS
// prints it: two of the octets happen to be a letter in UTF-8.
const (
	gbkStation     = "00-11-22-33-44-55:\xce\xd2\xb5\xc4"
	printedStation = "00-11-22-33-44-55:\\316\u04b5\\304"
)

func hexed(octets string) string { return hex.EncodeToString([]byte(octets)) }

func TestUserNamesThatAreNoTextAreRefusedAndPasswordsReachTheSource(t *testing.T) {
	t.Parallel()
	const password = "p\xe4ss\x1b\x7f"
	b := newTestBackend(t)
	b.startServer(radiustest.Options{Handler: radiustest.Users{"alice": {Password: password}}.Handler()})
	b.configure(nil)
	b.ok(logical.UpdateOperation, "freeradius/config", map[string]any{"use_radius_sources": true})
	b.authorized(map[string]any{"username_hex": hexed("alice"), "password_hex": hexed(password)})
	for _, name := range []string{"alice\x00", "alice\x00x", "alice\xff", "\x1balice", "alice\x7f"} {
		text := b.refused(logical.UpdateOperation, "freeradius/authorize", map[string]any{"username_hex": hexed(name), "password_hex": hexed(password)})
		require.Contains(t, text, "username", "%q", name)
	}
	for field, data := range map[string]map[string]any{
		"password":     {"username": "alice", "password": "p\uFFFDss"},
		"username":     {"username": "alice\uFFFD", "password": "x"},
		"User-Name":    {"User-Name": "alice\uFFFD", "User-Password": "x"},
		"password_hex": {"username": "alice", "password_hex": "xyz"},
		"username_hex": {"username": "alice", "username_hex": hexed("bob"), "password": password},
	} {
		require.Contains(t, b.refused(logical.UpdateOperation, "freeradius/authorize", data), field+": ", "which octets it had is not known")
	}
	require.Len(t, b.server.Requests(), 1)
}

func TestProfilesCompareWithWhatFreeRADIUSPrints(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	b.profile("cafe", checks(item("Called-Station-Id", "==", printedStation), item("client:site", "==", `\377`)))
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"profiles": "cafe"})
	request := map[string]any{
		"username": "alice", "password": "alice-password", "called_station_id_hex": hexed(gbkStation), "site_hex": "ff",
	}
	b.authorized(request)
	request["called_station_id_hex"] = hexed("00-11-22-33-44-55:\xce\xd2\xb5\xc5")
	status, _ := b.asFreeRADIUS("authorize", request)
	require.Equal(t, http.StatusNoContent, status)
}

// A value that grows in print is cut off, and not absent: "!*" would hold.
func TestProfilesCompareTheBeginningOfLongOctets(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	b.profile("cafe", checks(item("Called-Station-Id", "=~", `^cafe.*\\377$`), item("client:site", "=*", "")))
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"profiles": "cafe"})
	b.profile("anywhere", checks(item("Called-Station-Id", "!*", "ANY")))
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"password": "bob-password", "profiles": "anywhere"})
	long := "cafe!" + strings.Repeat("\xff", 100) // 62 of them have room
	b.authorized(map[string]any{"username": "alice", "password": "alice-password", "called_station_id_hex": hexed(long), "site_hex": hexed(long)})
	status, _ := b.asFreeRADIUS("authorize", map[string]any{"username": "bob", "password": "bob-password", "called_station_id_hex": hexed(long)})
	require.Equal(t, http.StatusNoContent, status)
}

// Without a template every attribute arrives, those too that no dictionary knows.
func TestManyUnknownAttributesRefuseNobody(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	request := map[string]any{"username": "alice", "password": "alice-password"}
	for number := range 100 {
		request[fmt.Sprintf("Attr-%d", 1000+number)] = "x"
	}
	b.authorized(request)
}

func TestSessionsAndAttemptsKeepWhatFreeRADIUSPrints(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	status, _ := b.asFreeRADIUS("accounting", map[string]any{
		"status_type": "Start", "session_id_hex": hexed("1\xff"), "username_hex": hexed("alice\xe4"), "nas_ip_address": "2001:db8::9",
		"called_station_id_hex": hexed(gbkStation),
	})
	require.Equal(t, http.StatusCreated, status)
	status, _ = b.asFreeRADIUS("postauth", map[string]any{
		"username_hex": hexed("alice\xe4"), "reply": "Access-Reject", "called_station_id_hex": hexed(gbkStation),
	})
	require.Equal(t, http.StatusCreated, status)
	for _, path := range []string{"accounting", "postauth"} {
		found := b.ok(logical.ReadOperation, "freeradius/"+path, map[string]any{"called_station_id": printedStation})
		require.Contains(t, found.Data[logical.HTTPRawBody], `"username":"alice\\344"`, path)
	}
	for _, path := range []string{"accounting", "postauth"} {
		status, body := b.asFreeRADIUS(path, map[string]any{
			"status_type": "Start", "session_id": "1", "username_hex": "zz", "nas_ip_address": "192.0.2.9", "reply": "Access-Accept",
		})
		require.Equal(t, http.StatusBadRequest, status)
		require.Contains(t, body, `"username_hex":"is not hexadecimal`)
	}
}

// FreeRADIUS's acct_unique hashes the name, then the rest: as far as to a NUL.
func TestSessionsOfANameWithANULAreNotOne(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	for _, session := range []string{"1", "2"} {
		status, _ := b.asFreeRADIUS("accounting", map[string]any{
			"status_type": "Start", "session_id_hex": hexed(session), "username_hex": hexed("bob\x00"), "nas_ip_address": "192.0.2.9",
			"unique_id": "9f9d51bc70ef21ca5c14f307980a29d8", // the MD5 hash of bob
		})
		require.Equal(t, http.StatusCreated, status)
		status, _ = b.asFreeRADIUS("accounting", map[string]any{
			"Acct-Status-Type": "Start", "Acct-Session-Id": session, "User-Name": "eve\x00\xff", "NAS-IP-Address": "192.0.2.9",
			"Acct-Unique-Session-Id": "fa6a91ef9baa242de0b354a212e8cf82",
		})
		require.Equal(t, http.StatusCreated, status)
	}
	found := b.ok(logical.ReadOperation, "freeradius/accounting", nil)
	require.NotContains(t, found.Data[logical.HTTPRawBody], "9f9d51bc70ef21ca5c14f307980a29d8")
}
