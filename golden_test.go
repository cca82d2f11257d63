package radiusauth

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/challenge"
)

// update has the golden files written anew: go test -run Golden . -update.
var update = flag.Bool("update", false, "write the golden files of testdata anew")

// requireGolden compares a text with the one that is kept in testdata.
func requireGolden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), text)
}

// What a client can observe of the paths: patterns, operations, fields with their types
// and defaults, responses, and all texts about them.
func TestAPIIsTheGoldenOne(t *testing.T) {
	t.Parallel()
	var api strings.Builder
	for _, path := range newTestBackend(t).Paths {
		fmt.Fprintf(&api, "PATH %s\n", path.Pattern)
		describe(&api, "  ", path.HelpSynopsis, path.HelpDescription)
		for _, name := range slices.Sorted(maps.Keys(path.Fields)) {
			writeField(&api, "  ", name, path.Fields[name])
		}
		for _, operation := range slices.Sorted(maps.Keys(path.Operations)) {
			properties := path.Operations[operation].Properties()
			fmt.Fprintf(&api, "  OPERATION %s unpublished=%t standby=%t secondary=%t names=%s\n", operation, properties.Unpublished,
				properties.ForwardPerformanceStandby, properties.ForwardPerformanceSecondary, display(path.DisplayAttrs, properties.DisplayAttrs))
			describe(&api, "    ", properties.Summary, properties.Description)
			for _, status := range slices.Sorted(maps.Keys(properties.Responses)) {
				for _, response := range properties.Responses[status] {
					fmt.Fprintf(&api, "    RESPONSE %d %s\n", status, response.MediaType)
					describe(&api, "      ", response.Description)
					for _, name := range slices.Sorted(maps.Keys(response.Fields)) {
						writeField(&api, "      ", name, response.Fields[name])
					}
				}
			}
		}
	}
	requireGolden(t, "api.golden", api.String())
}

// describe writes texts that help, which may change.
func describe(api *strings.Builder, indent string, texts ...string) {
	for _, text := range texts {
		if text = strings.TrimSpace(text); text != "" {
			fmt.Fprintf(api, "%s# %s\n", indent, strings.ReplaceAll(text, "\n", "\n"+indent+"# "))
		}
	}
}

func writeField(api *strings.Builder, indent, name string, field *framework.FieldSchema) {
	fmt.Fprintf(api, "%sFIELD %s type=%s required=%t query=%t deprecated=%t default=%#v allowed=%v\n",
		indent, name, field.Type, field.Required, field.Query, field.Deprecated, field.Default, field.AllowedValues)
	describe(api, indent+"  ", field.Description)
	if shown := field.DisplayAttrs; shown != nil {
		fmt.Fprintf(api, "%s  SHOWN group=%q sensitive=%t\n", indent, shown.Group, shown.Sensitive)
		describe(api, indent+"  ", shown.Name, shown.Description)
	}
}

// display returns how generated clients call an operation.
func display(all ...*framework.DisplayAttributes) string {
	var names []string
	for _, shown := range all {
		if shown != nil {
			names = append(names, shown.OperationPrefix, shown.OperationVerb, shown.OperationSuffix)
		}
	}
	return strings.Join(slices.DeleteFunc(names, func(name string) bool { return name == "" }), "/")
}

// randomID ends the keys of attempts to log in.
var randomID = regexp.MustCompile(`-[a-z2-7]{26}$`)

// The bytes of one entry of each kind, written by requests, and a token: they have to stay,
// so that an earlier version reads what a later one has stored, and the other way round.
func TestStoredBytesAreTheGoldenOnes(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, b *testBackend) {
		for _, write := range goldenWrites {
			b.ok(logical.UpdateOperation, write.path, write.data)
		}
		var stored strings.Builder
		everything := b.everything()
		for _, key := range slices.Sorted(maps.Keys(everything)) {
			value := everything[key]
			if key == challenge.StorageKey {
				value = fmt.Sprintf("%d octets, drawn at random", len(value))
			}
			fmt.Fprintf(&stored, "%s\n%s\n\n", randomID.ReplaceAllString(key, "-?"), strings.TrimSuffix(value, "\n"))
		}
		auth := b.ok(logical.UpdateOperation, "login/bob", map[string]any{"password": "Cam0_liX"}).Auth
		token, err := json.Marshal(auth)
		require.NoError(t, err)
		fmt.Fprintf(&stored, "the token of bob\n%s\n", token)
		requireGolden(t, "stored.golden", stored.String())
	})
}

var goldenWrites = []struct {
	path string
	data map[string]any
}{
	{"dictionary/custom/golden", map[string]any{
		"text": "VENDOR Golden 64999\nBEGIN-VENDOR Golden\nATTRIBUTE Golden-Role 1 string\nEND-VENDOR Golden\n",
	}},
	{"profiles", map[string]any{
		"name": "Staff", "short_name": "staff", "description": "all of them",
		"check_attribute": []any{map[string]any{"attribute": "Login-Time", "op": ":=", "value": "Al0000-2300"}},
		"reply_attribute": []any{
			map[string]any{"attribute": "Session-Timeout", "op": ":=", "value": "3600"},
			map[string]any{"attribute": "Golden-Role", "op": "+=", "value": "admin"},
		},
	}},
	{"extauth", map[string]any{
		"name": "branch", "type": "radius", "nasid": "vault", "host": "192.0.2.2", "secret": testSecret,
		"realms": "branch.example",
	}},
	{"extauth", map[string]any{
		"name": "directory", "type": "ldap", "host": "192.0.2.3", "starttls": false, "allow_cleartext": true,
		"user_search_base": "ou=people,dc=example,dc=com", "user_attribute": "uid", "search_binddn": "cn=reader",
		"search_password": "reader-password",
	}},
	{"config", map[string]any{
		"host": "192.0.2.1", "secret": testSecret,
		"hosts":                      []any{map[string]any{"host": "192.0.2.4", "port": 1645, "secret": testSecret}},
		"unregistered_user_policies": "guest", "default_profiles": "staff", "group_attributes": "Class",
		"token_ttl": 600, "token_policies": "all",
		"request_attributes": []any{map[string]any{"attribute": "Connect-Info", "value": "vault"}},
		"lockout_threshold":  5, "time_zone": "Europe/Berlin",
	}},
	{"users/alice", map[string]any{"policies": "dev,ops"}},
	{"users/bob", map[string]any{
		"policies": "boss", "profiles": "staff", "extauth": "local",
		"password_hash": "nt:891fc570507eef023cbfec043dd5f2b1", "expose_credential": true,
		"expires_at": "2030-01-01T00:00:00Z", "email": "bob@example.com", "first_name": "Bob",
		"last_name": "Builder", "metadata": map[string]any{"site": "north"},
	}},
	{"freeradius/config", map[string]any{
		"store": "vault", "retention": "12h", "stale_session_after": "10m", "auto_group": true,
	}},
	{"freeradius/batch", map[string]any{
		"name": "guests", "strategy": "csv",
		"csvfile":         "carol,nt:891fc570507eef023cbfec043dd5f2b1,carol@example.com,Carol,Singer",
		"expiration_date": "2030-12-31",
	}},
	{"freeradius/accounting", goldenPacket("Start", "1")},
	{"freeradius/accounting", goldenPacket("Start", "2")},
	{"freeradius/accounting", goldenPacket("Interim-Update", "2")},
	{"freeradius/accounting", goldenPacket("Stop", "2")},
	{"freeradius/accounting", goldenPacket("Start", "3")},
	{"freeradius/accounting", map[string]any{
		"status_type": "Accounting-On", "nas_ip_address": "192.0.2.9", "event_timestamp": "2000-01-01T01:00:00Z",
	}},
	{"freeradius/postauth", map[string]any{
		"username": "bob", "reply": "Access-Accept", "called_station_id": "00-11", "calling_station_id": "66-77",
	}},
}

func goldenPacket(status, session string) map[string]any {
	return map[string]any{
		"status_type": status, "session_id": session, "username": "bob", "nas_ip_address": "192.0.2.9",
		"nas_port_id":     "port-7",
		"event_timestamp": "2000-01-01T00:00:00Z", "session_time": "60", "input_octets": "1000",
		"called_station_id": "00-11", "calling_station_id": "66-77",
	}
}
