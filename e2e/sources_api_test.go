package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const sourcesPath = "auth/radius/extauth"

// TestExternalAuthenticationIsManagedAsElsewhere sends every request of Fudo's
// documentation of external authentication, under Vault's paths.
func TestExternalAuthenticationIsManagedAsElsewhere(t *testing.T) {
	t.Parallel()
	v := startPlugin(t)
	ids := createDocumentedSources(t, v)
	ad := sourcesPath + "/" + ids["ad"].String()
	v.run(t, "sources are listed by type, without secrets", func(t *testing.T) { testListedSources(t, v) })
	for _, behaviour := range []struct {
		name     string
		requests []apiRequest
	}{
		{"list has pages", []apiRequest{{http.MethodGet, sourcesPath + "?page=1&page_size=2", "", "", http.StatusOK, `"radius"`}}},
		{"source is read by its id", []apiRequest{{http.MethodGet, ad, "", "", http.StatusOK, `"ad_domain":"default"`}}},
		{"fields that are missing or wrong are named", invalidSources()},
		{"name is taken once", []apiRequest{{
			http.MethodPost, sourcesPath, jsonContent,
			`{"type": "ad", "name": "ldap-` + ids["ldap"].String() + `", "host": "10.0.150.150", "ad_domain": "default"}`,
			http.StatusConflict, "taken",
		}}},
		{"source is changed", []apiRequest{
			{
				http.MethodPut, ad, jsonContent, `{"host": "10.0.150.150", "port": 389, "ad_domain": "default"}`,
				http.StatusOK, `"port":389,`,
			},
			{http.MethodPut, ad, jsonContent, `{"port": 70000}`, http.StatusBadRequest, "port"},
			{http.MethodPatch, ad, "application/merge-patch+json", `{"port": null}`, http.StatusOK, `"port":389`},
		}},
		{"unknown source is not changed", []apiRequest{
			{
				http.MethodPut, sourcesPath + "/2594073385365405697", jsonContent, `{"port": 388}`,
				http.StatusNotFound, "does not exist",
			},
		}},
		{"source is deleted once", []apiRequest{
			{http.MethodDelete, ad, "", "", http.StatusNoContent, ""},
			{http.MethodDelete, ad, "", "", http.StatusNotFound, "does not exist"},
			{http.MethodGet, ad, "", "", http.StatusNotFound, "errors"},
		}},
	} {
		v.run(t, behaviour.name, func(*testing.T) { v.requireAnswers(behaviour.requests) })
	}
	v.run(t, "no secret is logged", func(t *testing.T) { require.NotContains(t, v.log.String(), "cerb-secret") })
}

// createDocumentedSources creates a source of each type, and returns their ids.
func createDocumentedSources(t *testing.T, v *vaultServer) map[string]json.Number {
	t.Helper()
	ids := map[string]json.Number{}
	for kind, body := range map[string]string{
		"ad":     `{"type": "ad", "host": "10.0.150.150", "port": 388, "ad_domain": "default"}`,
		"radius": `{"type": "radius", "host": "10.0.150.150", "port": 1645, "nasid": "cerb", "secret": "cerb-secret"}`,
		"ldap":   `{"type": "ldap", "host": "10.0.150.150", "port": 389, "ldap_binddn": "dc=admin4,dc=default,dc=defaultt"}`,
		"cerb": `{"type": "cerb", "host": "10.0.150.150", "port": 1812, "bindto": "10.0.150.160", "nasid": "cerb", ` +
			`"secret": "cerb-secret"}`,
	} {
		status, answer := v.request(http.MethodPost, sourcesPath, jsonContent, body)
		require.Equal(t, http.StatusCreated, status, answer)
		created := data(t, answer)
		ids[kind] = created["id"].(json.Number)
		require.Equal(t, kind+"-"+ids[kind].String(), created["name"])
		require.NotContains(t, answer, "cerb-secret")
	}
	return ids
}

func testListedSources(t *testing.T, v *vaultServer) {
	status, answer := v.request(http.MethodGet, sourcesPath, jsonContent, "")
	require.Equal(t, http.StatusOK, status)
	want := map[string]map[string]any{
		"ad": {
			"type": "ad", "host": "10.0.150.150", "port": json.Number("388"), "bindto": nil, "ad_domain": "default",
			"ssl": false, "ssl_cert": "",
		},
		"radius": {"type": "radius", "host": "10.0.150.150", "port": json.Number("1645"), "bindto": nil, "nasid": "cerb"},
		"ldap": {
			"type": "ldap", "host": "10.0.150.150", "port": json.Number("389"), "bindto": nil,
			"ldap_binddn": "dc=admin4,dc=default,dc=defaultt", "ssl": false, "ssl_cert": "",
		},
		"cerb": {"type": "cerb", "host": "10.0.150.150", "port": json.Number("1812"), "bindto": "10.0.150.160", "nasid": "cerb"},
	}
	grouped := data(t, answer)
	require.Len(t, grouped, len(want))
	for kind, fields := range want {
		require.Len(t, grouped[kind], 1)
		source := grouped[kind].([]any)[0].(map[string]any)
		for field, value := range fields {
			require.Contains(t, source, field)
			require.Equal(t, value, source[field], "%s: %s", kind, field)
		}
		require.NotContains(t, source, "secret")
	}
}

// invalidSources returns requests that create no source, with the field that each answer names.
func invalidSources() []apiRequest {
	var requests []apiRequest
	for _, invalid := range []struct{ body, field string }{
		{`{"type": "ad", "port": 388}`, "host"},
		{`{"type": "tacacs", "host": "10.0.150.150"}`, "type"},
		{`{"type": "cerb", "host": "10.0.150.150", "port": 1812, "secret": "x"}`, "nasid"},
		{`{"type": "radius", "host": "10.0.150.150", "port": 1812, "nasid": "x"}`, "secret"},
		{`{"type": "ldap", "host": "10.0.150.150", "port": 389}`, "ldap_binddn"},
		{`{"type": "ldap", "host": "10.0.150.150", "ldap_binddn": "dc=x", "ssl": true}`, "ssl_cert"},
		{`{"type": "ad", "host": "10.0.150.150", "port": "x", "ad_domain": "default"}`, "port"},
	} {
		requests = append(requests, apiRequest{
			http.MethodPost, sourcesPath, jsonContent, invalid.body, http.StatusBadRequest, invalid.field,
		})
	}
	return requests
}

// data returns the data of an answer.
func data(t *testing.T, answer string) map[string]any {
	t.Helper()
	var body struct{ Data map[string]any }
	decoder := json.NewDecoder(strings.NewReader(answer))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&body), answer)
	return body.Data
}
