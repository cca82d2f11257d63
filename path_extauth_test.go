package radiusauth

import (
	"fmt"
	"maps"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/tlstest"
)

// sourceExamples holds the required fields of each type of source.
var sourceExamples = map[string]map[string]any{
	"radius": {"type": "radius", "host": "192.0.2.1", "nasid": "vault", "secret": testSecret},
	"cerb":   {"type": "cerb", "host": "192.0.2.1", "nasid": "service", "secret": testSecret},
	"ldap":   {"type": "ldap", "host": "192.0.2.1", "ldap_binddn": "ou=people,dc=example,dc=org"},
	"ad":     {"type": "ad", "host": "192.0.2.1", "ad_domain": "corp.example.org"},
}

// with returns a copy of an example with further fields; nil removes a field.
func with(kind string, fields map[string]any) map[string]any {
	data := maps.Clone(sourceExamples[kind])
	for field, value := range fields {
		if data[field] = value; value == nil {
			delete(data, field)
		}
	}
	return data
}

// source creates a source and returns its name.
func (b *testBackend) source(kind string, fields map[string]any) string {
	b.t.Helper()
	return b.created(logical.UpdateOperation, "extauth", with(kind, fields))["name"].(string)
}

func TestSourcesAreCreatedReadChangedAndDeleted(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	for i, kind := range source.Types {
		made := b.created(logical.UpdateOperation, "extauth", with(string(kind), nil))
		require.Equal(t, fmt.Sprintf("%s-%d", kind, i+1), made["name"])
		require.EqualValues(t, fmt.Sprint(i+1), made["id"])
		require.NotContains(t, fmt.Sprint(made), testSecret)
		require.NotContains(t, made, "secret")
	}
	grouped := b.ok(logical.ReadOperation, "extauth", nil).Data
	for i, kind := range source.Types {
		list := grouped[string(kind)].([]any)
		require.Len(t, list, 1)
		for _, reference := range []string{fmt.Sprint(i + 1), fmt.Sprintf("%s-%d", kind, i+1)} {
			require.Equal(t, list[0], b.ok(logical.ReadOperation, "extauth/"+reference, nil).Data)
		}
	}
	require.Equal(t, []string{"ad-4", "cerb-2", "ldap-3", "radius-1"}, b.ok(logical.ListOperation, "extauth", nil).Data["keys"])

	changed := b.ok(logical.UpdateOperation, "extauth/4", map[string]any{"port": 388, "ad_domain": "default", "name": "corp"}).Data
	require.Equal(t, []any{388, "default", "192.0.2.1", "corp"}, []any{changed["port"], changed["ad_domain"], changed["host"], changed["name"]})
	require.Equal(t, 389, b.ok(logical.PatchOperation, "extauth/corp", map[string]any{"port": nil}).Data["port"])
	require.Nil(t, b.ok(logical.ReadOperation, "extauth/ad-4", nil), "the old name is free")
	b.ok(logical.UpdateOperation, "extauth/1", map[string]any{"secret": "another-secret-16"})
	require.Contains(t, b.stored("extauth/1"), "another-secret-16")
	b.ok(logical.UpdateOperation, "extauth/1", map[string]any{"port": 1645})
	require.Contains(t, b.stored("extauth/1"), "another-secret-16", "kept, as nobody can read it to write it back")

	b.ok(logical.DeleteOperation, "extauth/corp", nil)
	for _, operation := range []logical.Operation{logical.UpdateOperation, logical.PatchOperation, logical.DeleteOperation} {
		for _, reference := range []string{"corp", "4", "007", "99999999999999999999", "..", "local"} {
			b.coded(http.StatusNotFound, operation, "extauth/"+reference, nil)
		}
	}
	require.Equal(t, "ad-5", b.source("ad", nil), "an id is never given again")
}

// A tool that writes what it declares to the path that it reads and deletes, such as Terraform,
// creates sources by their names.
func TestWriteToANewNameCreatesASource(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	for i, kind := range source.Types {
		path := "extauth/by-name-" + string(kind)
		made := b.created(logical.UpdateOperation, path, with(string(kind), nil))
		require.EqualValues(t, fmt.Sprint(i+1), made["id"])
		require.Equal(t, "by-name-"+string(kind), made["name"])
		read := b.ok(logical.ReadOperation, path, nil).Data
		require.Equal(t, read, b.ok(logical.UpdateOperation, path, with(string(kind), nil)).Data, "a second write changes it")
		b.ok(logical.UpdateOperation, path, map[string]any{"name": "by-name-" + string(kind), "type": string(kind)})
	}
	b.created(logical.UpdateOperation, "extauth/named", with("ad", map[string]any{"name": "named"}))
	require.Equal(t, "`name` \"b\" differs from \"a\", which the path creates: leave it out",
		b.refused(logical.UpdateOperation, "extauth/a", with("ad", map[string]any{"name": "b"})))
	require.Contains(t, b.refused(logical.UpdateOperation, "extauth/local", with("ad", nil)), "`name`: \"local\" cannot be a name")
	require.Contains(t, b.refused(logical.UpdateOperation, "extauth/a", map[string]any{"type": "kerberos"}), "`type`")
	require.Contains(t, b.refused(logical.UpdateOperation, "extauth/a", map[string]any{"type": "ldap"}), "`host` is missing")
	b.coded(http.StatusConflict, logical.UpdateOperation, "extauth/NAMED", with("ad", nil))

	b.coded(http.StatusNotFound, logical.UpdateOperation, "extauth/99", with("ad", nil))
	b.coded(http.StatusNotFound, logical.PatchOperation, "extauth/a", with("ad", nil))
	b.coded(http.StatusNotFound, logical.UpdateOperation, "extauth/a", with("ad", map[string]any{"type": nil}))
	require.Len(t, b.ok(logical.ListOperation, "extauth", nil).Data["keys"], 5, "nothing else was made")
}

func TestSourcesArePaged(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	for range 5 {
		b.source("ad", nil)
	}
	names := func(data map[string]any) (names []any) {
		for _, source := range b.ok(logical.ReadOperation, "extauth", data).Data["ad"].([]any) {
			names = append(names, source.(map[string]any)["name"])
		}
		return names
	}
	require.Len(t, names(nil), 5)
	require.Equal(t, []any{"ad-3", "ad-4"}, names(map[string]any{"page": 2, "page_size": 2}))
	require.Equal(t, []any{"ad-5"}, names(map[string]any{"page": "3", "page_size": "2"}))
	require.Empty(t, names(map[string]any{"page": 4, "page_size": 2}))
	require.Empty(t, names(map[string]any{"page": math.MaxInt32, "page_size": 100}))
	for _, wrong := range []map[string]any{{"page": -1}, {"page": 1, "page_size": 0}} {
		require.Contains(t, b.refused(logical.ReadOperation, "extauth", wrong), "`page`")
	}
}

func TestWrongSourcesAreRefusedAndNothingChanges(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.source("ad", map[string]any{"realms": "corp,sales"})
	b.source("ldap", map[string]any{"name": "people"})
	before := b.everything()
	wrong := map[string]map[string]any{
		"`type` is missing":    {"host": "192.0.2.1"},
		"`type` is not one of": {"type": "kerberos"},
		"`host` is missing":    with("radius", map[string]any{"host": nil}),
		"`host`: \"ldap://":    with("ldap", map[string]any{"host": "ldap://192.0.2.1"}),
		"is there twice":       with("ldap", map[string]any{"host": "a,a"}),
		"`nasid` is missing":   with("cerb", map[string]any{"nasid": nil}),
		"`secret` is missing":  with("radius", map[string]any{"secret": nil}),
		"`ldap_binddn` is":     with("ldap", map[string]any{"ldap_binddn": nil}),
		"`ldap_binddn`:":       with("ldap", map[string]any{"ldap_binddn": "people"}),
		"`ad_domain` is":       with("ad", map[string]any{"ad_domain": nil}),
		"`ad_domain`:":         with("ad", map[string]any{"ad_domain": "a b"}),
		"`ssl_cert` is":        with("ad", map[string]any{"ssl": true}),
		"`ssl_cert` has":       with("ad", map[string]any{"starttls": true, "ssl_cert": "no PEM"}),
		"exclude":              with("ad", map[string]any{"starttls": true, "ssl": true}),
		"`port` is 65536":      with("ad", map[string]any{"port": 65536}),
		"`port` is 0":          with("ad", map[string]any{"port": 0}),
		"`bindto`":             with("ad", map[string]any{"bindto": "192.0.2.300"}),
		"RADIUS_BIND_NOWHERE":  with("ad", map[string]any{"bindto": "fudo:label:nowhere"}),
		"`name`":               with("ad", map[string]any{"name": "local"}),
		"`realms`: \"Corp\"":   with("radius", map[string]any{"realms": "Corp"}),
		"`realms`: \"a@b\"":    with("radius", map[string]any{"realms": "a@b"}),
		"`reply_attributes`":   with("ldap", map[string]any{"reply_attributes": map[string]any{"mail": "Not-In-Any-Dictionary"}}),
		"`nasid` means":        with("ldap", map[string]any{"nasid": "vault"}),
		"`ldap_binddn` means":  with("ad", map[string]any{"ldap_binddn": "dc=x"}),
		"`ad_domain` means":    with("radius", map[string]any{"ad_domain": "x"}),
		"`transport`":          with("radius", map[string]any{"transport": "smoke"}),
		"`read_timeout`":       with("ldap", map[string]any{"read_timeout": 0}),
		"user_search_filter":   with("ldap", map[string]any{"ldap_binddn": nil, "user_search_base": "dc=x", "user_search_filter": "(uid=x)"}),
	}
	for want, data := range wrong {
		resp, err := b.do(logical.UpdateOperation, "extauth", data)
		require.NoError(t, err)
		require.ErrorContains(t, resp.Error(), want, want)
	}
	require.Contains(t, b.coded(http.StatusConflict, logical.UpdateOperation, "extauth", with("ad", map[string]any{"name": "people"})), "taken by source 2")
	b.coded(http.StatusConflict, logical.UpdateOperation, "extauth/1", map[string]any{"name": "people"})
	require.Contains(t, b.refused(logical.UpdateOperation, "extauth/1", map[string]any{"type": "ldap"}), "never changes")
	require.Contains(t, b.refused(logical.UpdateOperation, "extauth/people", map[string]any{"realms": "SALES"}), "`realms`")
	require.Contains(t, b.refused(logical.PatchOperation, "extauth/1", map[string]any{"host": nil}), "`host` is missing")
	require.Equal(t, before, b.everything())
	b.ok(logical.UpdateOperation, "extauth/1", map[string]any{"type": "ad", "realms": "corp"})
}

func TestSourceWithoutProtectionWarns(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	warned := func(data map[string]any) bool {
		resp := b.ok(logical.UpdateOperation, "extauth/ldap-1", data)
		return strings.Contains(strings.Join(resp.Warnings, ""), "clear text")
	}
	b.source("ldap", nil)
	require.True(t, warned(map[string]any{"port": 390}))
	require.False(t, warned(map[string]any{"allow_cleartext": true}))
	authority, err := tlstest.NewAuthority("Test CA")
	require.NoError(t, err)
	require.False(t, warned(map[string]any{"allow_cleartext": false, "ssl": true, "ssl_cert": string(authority.PEM()), "port": nil}))
	require.Equal(t, 636, b.ok(logical.ReadOperation, "extauth/1", nil).Data["port"])
}

func TestSourceInUseIsNotDeletedNorLost(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	b.source("ad", map[string]any{"name": "corp"})
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"extauth": "corp"})
	require.Equal(t, `source "corp" is in use by 1 user (alice)`, b.coded(http.StatusConflict, logical.DeleteOperation, "extauth/corp", nil))
	b.ok(logical.UpdateOperation, "extauth/corp", map[string]any{"name": "domain"})
	require.Equal(t, "domain", b.ok(logical.ReadOperation, "users/alice", nil).Data["extauth"], "users follow a new name")
	b.ok(logical.UpdateOperation, "config", map[string]any{"extauth": "domain"})
	b.ok(logical.PatchOperation, "users/alice", map[string]any{"extauth": nil})
	require.Contains(t, b.coded(http.StatusConflict, logical.DeleteOperation, "extauth/domain", nil), "config's extauth")
	b.coded(http.StatusConflict, logical.UpdateOperation, "extauth/domain", map[string]any{"name": "other"})
	b.ok(logical.UpdateOperation, "config", map[string]any{"extauth": ""})
	b.ok(logical.DeleteOperation, "extauth/domain", nil)
	require.Contains(t, b.refused(logical.UpdateOperation, "users/alice", map[string]any{"extauth": "domain"}), "extauth: there is no source")
	require.Contains(t, b.refused(logical.UpdateOperation, "config", map[string]any{"extauth": "domain"}), "`extauth`")
}
