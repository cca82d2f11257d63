package radiusauth

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/fipstest"
	"vault-plugin-auth-radius/internal/login"
	"vault-plugin-auth-radius/internal/passwd"
	"vault-plugin-auth-radius/internal/radiustest"
	"vault-plugin-auth-radius/internal/tlstest"
)

// refusedInFIPSMode is in each text about something that FIPS 140 mode has no place for.
const refusedInFIPSMode = "is refused in FIPS 140 mode"

// weakCertificate is self-signed, with an RSA key of 1024 bits, which is refused before the
// certificate is verified.
const weakCertificate = `-----BEGIN CERTIFICATE-----
MIICFjCCAX+gAwIBAgIUX/zWFruKtGFbQkiHfe+y4Ng/gOIwDQYJKoZIhvcNAQEL
BQAwHDEaMBgGA1UEAwwRdmF1bHQuZXhhbXBsZS5jb20wIBcNMjYxMTI5MjExMzU2
WhgPMjEyNjExMDUyMTEzNTZaMBwxGjAYBgNVBAMMEXZhdWx0LmV4YW1wbGUuY29t
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC7ZcwOq3KrBs4+4FAyGcSXgYKM
0YqE4mO5MD3vt4AsjYaSQb1xJrkKhy3VcooLWdkUEghicSJnD+xSwQYwv9r7088O
Y9pFacs2P0h/SrOxhpggpoKOCgU8+tBMZe6W35KiLeT4YPL8qmLqLJue8M7apLSC
FDXwa1eoxY6B5XhwQwIDAQABo1MwUTAdBgNVHQ4EFgQUOdLuLl2g/Z7noVIwJJM0
Naa8VpowHwYDVR0jBBgwFoAUOdLuLl2g/Z7noVIwJJM0Naa8VpowDwYDVR0TAQH/
BAUwAwEB/zANBgkqhkiG9w0BAQsFAAOBgQAvtrWAIQ7IwDMIi21KIqbXKgN6DaSN
3qnNyXunwRYGr57IpO7e8GKxX+pBmPthMai4rpYxCmhhhWxJeXBazT3TS4UmJTAD
iPxtGjSd27jJQGWWXd21kKvpm3W/7aahMy4wQbyJ1GmtK6gXisEYZetmh5fPEeHL
2IgZXHPBK+ayiA==
-----END CERTIFICATE-----`

// refusedHashes are hashes that FIPS 140 mode has no place for, by their schemes.
var refusedHashes = map[passwd.Scheme]string{
	passwd.NT:          "nt:891fc570507eef023cbfec043dd5f2b1",
	passwd.SSHA:        "{SSHA}6g4fYEqjmxjPhirX8+VjjS3TL+zKOqNs",
	passwd.SSHA256:     "{SSHA256}kvDiByzVqbmRzJl6IxDvNZDhh6VHoGOegelJDcYHaqSMJV1OTQ+fvg==",
	passwd.SHA256Crypt: "$5$NaClNaCl$QoSImwTreUcnxvRwM.CdIv9Gu09EireSFXZWV/uc1nD",
	passwd.Bcrypt:      "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
	passwd.Argon2id:    "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	passwd.PBKDF2SHA1:  "pbkdf2_sha1$1000$0123456789abcdef$AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
}

// radiusOverTLS are the fields of a RADIUS server that FIPS 140 mode has a place for.
func radiusOverTLS(client *tlstest.Identity) map[string]any {
	fields := tlsFields(client)
	fields["host"], fields["radius_version"] = "radius.example.com", "1.1"
	return fields
}

// startRADIUS11 runs a server of RADIUS/1.1 and returns the fields that lead there.
func startRADIUS11(t *testing.T, users radiustest.Users) map[string]any {
	t.Helper()
	identity, client := tlsIdentities(t)
	config, err := identity.Server()
	require.NoError(t, err)
	config.MinVersion = tls.VersionTLS13
	server, err := radiustest.StartStream(radiustest.StreamOptions{
		TLS: config, Versions: []radiustest.Version{radiustest.RADIUS11}, Handler: users.Handler(),
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	fields := radiusOverTLS(client)
	fields["host"], fields["port"] = server.Host(), server.Port()
	return fields
}

func TestRADIUS11LoginsWorkInFIPSMode(t *testing.T) {
	if !fipstest.Only(t) {
		return
	}
	b := newTestBackend(t)
	b.ok(logical.UpdateOperation, "config", startRADIUS11(t, radiustest.Users{
		"bob": {Password: "bob-password"}, "carol": {Password: "carol-password", Code: "123456"},
	}))
	b.renewOK(b.loginOK("bob", "bob-password"))
	require.Equal(t, login.DeniedText, b.refused(logical.UpdateOperation, "login/bob", map[string]any{"password": "wrong"}))
	step := b.ok(logical.UpdateOperation, "login/carol", map[string]any{"password": "carol-password"}).Data
	answered := b.ok(logical.UpdateOperation, "login/carol", map[string]any{
		"password": "123456", "challenge_id": step["challenge_id"],
	})
	require.NotNil(t, answered.Auth)
	status := b.ok(logical.ReadOperation, "status", nil).Data
	require.Equal(t, "only", status["fips140"])
	require.NotContains(t, status, "warnings")
	b.Cleanup(t.Context())
}

func TestPBKDF2PasswordsWorkInFIPSMode(t *testing.T) {
	if !fipstest.Only(t) {
		return
	}
	b := newTestBackend(t)
	b.ok(logical.UpdateOperation, "config", map[string]any{"extauth": "local", "password_hash_cost": 100_000})
	require.Equal(t, "pbkdf2_sha256", b.ok(logical.ReadOperation, "config", nil).Data["password_hash_algorithm"])
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"password": "pw"})
	require.Equal(t, "pbkdf2_sha256", b.ok(logical.ReadOperation, "users/alice", nil).Data["password_scheme"])
	b.renewOK(b.loginOK("alice", "pw"))
	for _, name := range []string{"alice", "stranger"} {
		require.Equal(t, login.DeniedText, b.refused(logical.UpdateOperation, "login/"+name, map[string]any{"password": "wrong"}))
	}
	for name, password := range b.batch(prefixBatch("conference", 2)) {
		b.loginOK(name, password)
	}
	require.NotContains(t, b.log.String(), "panicked")
}

func TestWhatFIPSModeHasNoPlaceForIsRefusedWhenItIsConfigured(t *testing.T) {
	if !fipstest.Only(t) {
		return
	}
	_, client := tlsIdentities(t)
	b := newTestBackend(t)
	b.ok(logical.UpdateOperation, "config", radiusOverTLS(client))
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"policies": "dev"})
	b.source("radius", radiusOverTLS(client))
	tests := []struct {
		path  string
		data  map[string]any
		field string
	}{}
	refuse := func(path, field string, data map[string]any) {
		tests = append(tests, struct {
			path  string
			data  map[string]any
			field string
		}{path, data, field})
	}
	for _, path := range []string{"config", "extauth/radius-1"} {
		refuse(path, "`transport` udp", map[string]any{"transport": "udp", "secret": testSecret})
		refuse(path, "`transport` tcp", map[string]any{"transport": "tcp", "secret": testSecret})
		refuse(path, "`radius_version` 1.0", map[string]any{"radius_version": "1.0"})
		refuse(path, "`radius_version` auto", map[string]any{"radius_version": "auto"})
		refuse(path, "`auth_protocol` chap", map[string]any{"auth_protocol": "chap"})
		refuse(path, "`auth_protocol` mschapv2", map[string]any{"auth_protocol": "mschapv2"})
		refuse(path, "tls_ca_cert", map[string]any{"tls_ca_cert": weakCertificate})
	}
	refuse("config", "`password_hash_algorithm` argon2id", map[string]any{"password_hash_algorithm": "argon2id"})
	refuse("config", "`password_hash_algorithm` bcrypt", map[string]any{"password_hash_algorithm": "bcrypt", "password_hash_cost": 10})
	for scheme, hash := range refusedHashes {
		refuse("users/alice", "password_hash: a hash of "+string(scheme), map[string]any{"password_hash": hash})
		refuse("users/new", "password_hash: a hash of "+string(scheme), map[string]any{"password_hash": hash})
		refuse("freeradius/batch", "a hash of "+string(scheme), csvImport("conference", `anna,"`+hash+`",anna@example.com,Anna,Ames`))
	}
	refuse("extauth", "`transport` udp", with("radius", nil))
	refuse("extauth", "`transport` udp", with("cerb", nil))
	refuse("extauth", "`allow_cleartext`", with("ldap", map[string]any{"ssl": nil, "ssl_cert": nil, "allow_cleartext": true}))
	refuse("extauth", "`allow_cleartext`", with("ad", map[string]any{"ssl": nil, "ssl_cert": nil, "allow_cleartext": true}))
	refuse("extauth", "`ssl_cert`", with("ldap", map[string]any{"ssl": true, "ssl_cert": weakCertificate, "allow_cleartext": nil}))
	refuse("freeradius/config", "connection_url", map[string]any{
		"store": "postgres", "connection_url": "postgres://u:p@127.0.0.1:1/d?sslmode=disable&require_auth=md5",
	})
	before := b.everything()
	for _, test := range tests {
		text := b.refused(logical.UpdateOperation, test.path, test.data)
		require.Contains(t, text, test.field, "%s %v", test.path, test.data)
		require.Contains(t, text, refusedInFIPSMode, "%s %v", test.path, test.data)
		require.Equal(t, before, b.everything(), "%s %v", test.path, test.data)
	}
	require.NotContains(t, b.log.String(), "panicked")
}

// What was stored before the mode was on is said at the start and in status, and a login through it
// is refused with the same reason in the log, in attempts and in explain. Nothing panics.
func TestWhatFIPSModeHasNoPlaceForIsRefusedAtTheStart(t *testing.T) {
	if !fipstest.Only(t) {
		return
	}
	const quickHashes = `"password_hash_algorithm":"pbkdf2_sha256","password_hash_cost":100000`
	for name, config := range map[string]string{
		"udp":       `{"host":"radius.example.com","port":1812,"secret":"a-secret","password_hash_algorithm":"argon2id"}`,
		"built-in":  `{"host":"radius.example.com","port":1812,"secret":"a-secret","dial_timeout":10,"read_timeout":10,"nas_port":10}`,
		"mschap v2": `{"host":"radius.example.com","port":1812,"secret":"a-secret","auth_protocol":"mschapv2",` + quickHashes + `}`,
		"no host":   `{"host":"","extauth":"radius-1","port":1812,"secret":"",` + quickHashes + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			b := newTestBackend(t)
			b.store("config", config)
			b.store("extauth/1", `{"id":1,"type":"radius","name":"radius-1","nasid":"vault",`+
				`"hosts":[{"host":"radius.example.com"}],"radius":{"secret":"a-secret","transport":"udp"}}`)
			for scheme, hash := range refusedHashes {
				b.store("user/of-"+string(scheme), fmt.Sprintf(`{"Policies":["dev"],"local":true,"password_hash":%q,"expose_credential":true}`, hash))
			}
			b.InvalidateKey(t.Context(), "user/")
			require.NoError(t, b.Initialize(t.Context(), &logical.InitializationRequest{Storage: b.storage}))
			b.hashes.running.Wait()
			require.NotContains(t, b.ok(logical.ReadOperation, "status", nil).Data, "incomplete")
			require.Contains(t, b.log.String(), "stored before FIPS 140 mode was on, and refused in it")
			require.Contains(t, b.log.String(), "users have passwords that cannot be checked in FIPS 140 mode")
			require.Contains(t, b.log.String(), fmt.Sprintf("count=%d", len(refusedHashes)))

			warnings := func() string {
				return strings.Join(b.ok(logical.ReadOperation, "status", nil).Data["warnings"].([]string), "\n")
			}
			require.Contains(t, warnings(), "source radius-1: radclient: `transport` udp "+refusedInFIPSMode)
			require.Contains(t, warnings(), fmt.Sprintf("users: the password hashes of %d are refused", len(refusedHashes)))
			if name != "no host" {
				require.Contains(t, warnings(), "config: radclient: `transport` udp "+refusedInFIPSMode)
			}
			require.Equal(t, name == "udp", strings.Contains(warnings(), "`password_hash_algorithm` argon2id"))

			names := []string{"of-nt", "of-argon2id", "of-ssha", "stranger"}
			if !strings.Contains(config, quickHashes) {
				names = names[:1] // a hash takes a second here
			}
			for _, name := range names {
				_, err := b.do(logical.UpdateOperation, "login/"+name, map[string]any{"password": "MyPw"})
				require.NoError(t, err)
				reasons, _ := reasonsInLog(b.log.String())
				require.Contains(t, reasons[len(reasons)-1], refusedInFIPSMode, name)
				require.Contains(t, b.attemptReasons()[0], refusedInFIPSMode, name)
				explained := b.explained(map[string]any{"username": name, "password": "MyPw"})
				require.Contains(t, explained["reason"], refusedInFIPSMode, name)
			}
			status, body := b.asFreeRADIUS("authorize", map[string]any{"username": "of-nt"})
			require.NotEqual(t, http.StatusOK, status)
			require.NotContains(t, body, "891fc570507eef", "its hash is not handed out")

			b.ok(logical.UpdateOperation, "users/of-nt", map[string]any{"password": "pw"})
			require.Contains(t, warnings(), fmt.Sprintf("users: the password hashes of %d are refused", len(refusedHashes)-1))
			b.loginOK("of-nt", "pw")
			require.NotContains(t, b.log.String(), "panicked")
			b.Cleanup(t.Context())
		})
	}
}

// The store of sessions is no source, and its faults are told like theirs.
func TestStoredPostgresThatFIPSModeRefusesIsToldAtTheStart(t *testing.T) {
	if !fipstest.Only(t) {
		return
	}
	for want, config := range map[string]map[string]any{
		"`connection_url`: connection_url has a require_auth that demands md5, which " + refusedInFIPSMode: {
			"connection_url": "postgres://u:p@127.0.0.1:1/d?sslmode=disable&require_auth=md5",
		},
		"with the certificate of \"CN=vault.example.com\" " + refusedInFIPSMode: {
			"connection_url": "postgres://u:p@127.0.0.1:1/d?sslmode=verify-full", "tls_ca_cert": weakCertificate,
		},
	} {
		config["store"], config["connection_url_is_complete"] = "postgres", true
		b := newTestBackend(t)
		stored, err := json.Marshal(config)
		require.NoError(t, err)
		b.store("freeradius/config", string(stored))
		require.NoError(t, b.Initialize(t.Context(), &logical.InitializationRequest{Storage: b.storage}))
		require.Contains(t, b.log.String(), "stored before FIPS 140 mode was on, and refused in it")
		require.Contains(t, strings.ReplaceAll(b.log.String(), `\"`, `"`), want)
		warnings := b.ok(logical.ReadOperation, "status", nil).Data["warnings"].([]string)
		require.Len(t, warnings, 1)
		require.Contains(t, warnings[0], want)
		b.Cleanup(t.Context())
	}
}

// A fault of storage at the start does not hide users with refused hashes from status for ever.
func TestUsersAreLookedThroughInFIPSModeAfterAFaultOfStorage(t *testing.T) {
	if !fipstest.Only(t) {
		return
	}
	b := newTestBackend(t)
	b.store("user/of-nt", fmt.Sprintf(`{"Policies":["dev"],"local":true,"password_hash":%q}`, refusedHashes["nt"]))
	b.storage.failLists.Store(true)
	require.NoError(t, b.Initialize(t.Context(), &logical.InitializationRequest{Storage: b.storage}))
	b.hashes.running.Wait()
	b.storage.failLists.Store(false)
	data := b.ok(logical.ReadOperation, "status", nil).Data
	require.True(t, data["incomplete"] != nil || data["warnings"] != nil, "%v", data)
	b.hashes.running.Wait()
	data = b.ok(logical.ReadOperation, "status", nil).Data
	require.NotContains(t, data, "incomplete")
	require.Len(t, data["warnings"], 1)
	require.Contains(t, data["warnings"].([]string)[0], "users: the password hashes of 1 are refused")
	b.Cleanup(t.Context())
}

// With GODEBUG=fips140=on, as a program built with GOFIPS140 runs, the same is refused.
func TestTheSameIsRefusedInBothFIPSModes(t *testing.T) {
	if !fipstest.On(t) {
		return
	}
	b := newTestBackend(t)
	require.Contains(t, b.refused(logical.UpdateOperation, "config", minimalConfig()), "`transport` udp "+refusedInFIPSMode)
	require.Equal(t, "on", b.ok(logical.ReadOperation, "status", nil).Data["fips140"])
}

func TestWithoutFIPSModeNothingIsRefusedAndStatusSaysNothing(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"password_hash": refusedHashes[passwd.NT]})
	require.NoError(t, b.Initialize(t.Context(), &logical.InitializationRequest{Storage: b.storage}))
	require.NotContains(t, b.ok(logical.ReadOperation, "status", nil).Data, "fips140")
	require.NotContains(t, b.log.String(), "FIPS")
}
