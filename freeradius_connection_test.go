package radiusauth

import (
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/postgrestest"
	"vault-plugin-auth-radius/internal/tlstest"
)

func startRecorder(t *testing.T) *postgrestest.Recorder {
	t.Helper()
	recorder, err := postgrestest.StartRecorder("57P03", "not now")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, recorder.Close()) })
	return recorder
}

// postgresURL is how bob connects.
func postgresURL(address, password, query string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword("bob", password), Host: address, Path: "radius", RawQuery: query}
	return u.String()
}

// secretFile is a file of the Vault server.
func secretFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestURLThatReadsFilesOfTheServerIsRefused(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	recorder := startRecorder(t)
	before := b.everything()
	host, port, err := net.SplitHostPort(recorder.Address())
	require.NoError(t, err)
	path := secretFile(t, "*:*:*:*:hush\n[hush]\nuser=hush\n")
	for _, setting := range []string{"passfile", "service", "servicefile", "sslrootcert", "sslcert", "sslkey", "sslpassword"} {
		for _, bad := range []string{
			postgresURL(recorder.Address(), "s3cret", setting+"="+path),
			postgresURL(recorder.Address(), "", "sslmode=disable&"+strings.ToUpper(setting)+"="+path),
			"host=" + host + " port=" + port + " user=bob dbname=radius " + setting + "='" + path + "'",
		} {
			for _, store := range []string{"postgres", "vault"} {
				text := b.refused(logical.UpdateOperation, "freeradius/config", map[string]any{"store": store, "connection_url": bad})
				require.Contains(t, text, "`connection_url`")
				require.Contains(t, text, setting)
				require.NotContains(t, text, "hush")
				require.NotContains(t, text, "s3cret")
				require.NotContains(t, text, path)
			}
		}
	}
	require.Empty(t, recorder.Logins())
	require.Equal(t, before, b.everything())
}

func TestURLIsNotCompletedByTheEnvironment(t *testing.T) {
	recorder, other := startRecorder(t), startRecorder(t)
	otherHost, otherPort, err := net.SplitHostPort(other.Address())
	require.NoError(t, err)
	for name, value := range map[string]string{
		"PGHOST": otherHost, "PGPORT": otherPort, "PGUSER": "hush", "PGDATABASE": "hush", "PGPASSWORD": "hush", "PGOPTIONS": "-c hush=1",
		"PGSSLMODE": "verify-full", "PGSSLROOTCERT": "/hush", "PGSERVICE": "hush", "PGTARGETSESSIONATTRS": "hush", "PGTZ": "hush",
		"PGPASSFILE":    secretFile(t, "*:*:*:*:hush\n"),
		"PGSERVICEFILE": secretFile(t, "[hush]\nhost="+otherHost+"\nport="+otherPort+"\nsearch_path=hush\n"),
	} {
		t.Setenv(name, value)
	}
	b := newLocalBackend(t, nil)
	text := b.refused(logical.UpdateOperation, "freeradius/config", map[string]any{
		"store": "postgres", "connection_url": postgresURL(recorder.Address(), "", "sslmode=disable"),
	})
	require.Contains(t, text, "not now")
	require.Equal(t, []postgrestest.Login{{
		Parameters: map[string]string{"user": "bob", "database": "radius", "application_name": "vault-plugin-auth-radius"},
	}}, recorder.Logins())
	for bad, missing := range map[string]string{
		"postgres://bob@/radius":                       "host",
		"postgres://" + recorder.Address() + "/radius": "user",
		"postgres://bob@" + recorder.Address():         "database",
		"host=db user=bob":                             "database",
	} {
		text := b.refused(logical.UpdateOperation, "freeradius/config", map[string]any{"store": "postgres", "connection_url": bad})
		require.Contains(t, text, "`connection_url`: connection_url names no "+missing+": write it into connection_url")
	}
	require.Len(t, recorder.Logins(), 1)
	require.Empty(t, other.Logins())
}

// What was written is used in the same way later, whatever the environment is then.
func TestURLThatWasWrittenIsNotCompletedLater(t *testing.T) {
	b := newLocalBackend(t, nil)
	recorder := startRecorder(t)
	b.ok(logical.UpdateOperation, "freeradius/config", map[string]any{"connection_url": postgresURL(recorder.Address(), "", "sslmode=disable")})
	b.store(freeradiusConfigKey, strings.Replace(b.stored(freeradiusConfigKey), `"vault"`, `"postgres"`, 1))
	t.Setenv("PGPASSWORD", "hush")
	t.Setenv("PGOPTIONS", "-c hush=1")
	b.asFreeRADIUS("accounting", accountingPacket("Start", nil))
	require.NotEmpty(t, recorder.Logins())
	for _, login := range recorder.Logins() {
		require.Empty(t, login.Password)
		require.NotContains(t, login.Parameters, "options")
	}
	require.NotContains(t, b.ok(logical.ReadOperation, "status", nil).Data, "warnings")
}

func TestURLOfAnEarlierVersionGoesOnWorkingWithAWarning(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	recorder := startRecorder(t)
	path := secretFile(t, "*:*:*:*:hush\n")
	stored := `{"store": "postgres", "connection_url": "` + postgresURL(recorder.Address(), "", "sslmode=disable&passfile="+path) + `"}`
	b.store(freeradiusConfigKey, stored)
	b.asFreeRADIUS("accounting", accountingPacket("Start", nil))
	require.NotEmpty(t, recorder.Logins())
	require.Equal(t, "hush", recorder.Logins()[0].Password)

	warnings := b.ok(logical.ReadOperation, "status", nil).Data["warnings"].([]string)
	require.Len(t, warnings, 1)
	require.Contains(t, warnings[0], "passfile")
	require.Contains(t, warnings[0], "write connection_url again")
	require.Contains(t, b.log.String(), warnings[0])
	require.NotContains(t, b.log.String(), "hush")
	require.NotContains(t, warnings[0], path)

	text := b.refused(logical.UpdateOperation, "freeradius/config", map[string]any{"tls_ca_cert": certificates(t).ca})
	require.Contains(t, text, "passfile", "certificates need a URL of today")
	require.Equal(t, stored, b.stored(freeradiusConfigKey))
	b.ok(logical.UpdateOperation, "freeradius/config", map[string]any{"store": "vault", "retention": 7200})
	require.NotContains(t, b.ok(logical.ReadOperation, "status", nil).Data, "warnings", "it is not used")
	b.store(freeradiusConfigKey, strings.Replace(b.stored(freeradiusConfigKey), `"vault"`, `"postgres"`, 1))
	require.Len(t, b.ok(logical.ReadOperation, "status", nil).Data["warnings"], 1, "another field changes nothing")
}

func TestStatusIsReadEvenIfTheStoredURLIsBroken(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	b.store(freeradiusConfigKey, `{"store": "postgres", "connection_url": "postgres://bob:hush@db/radius?passfile=x&sslrootcert=/nowhere"}`)
	warnings := b.ok(logical.ReadOperation, "status", nil).Data["warnings"].([]string)
	require.Len(t, warnings, 1)
	require.Contains(t, warnings[0], "`connection_url`")
	require.NotContains(t, warnings[0], "hush")
}

// pemTexts are certificates and keys of one authority.
type pemTexts struct{ ca, client, key, otherKey string }

func certificates(t *testing.T) pemTexts {
	t.Helper()
	authority, err := tlstest.NewAuthority("Test CA")
	require.NoError(t, err)
	client, err := authority.Issue(tlstest.CertificateOptions{Names: []string{"bob"}})
	require.NoError(t, err)
	other, err := authority.Issue(tlstest.CertificateOptions{Names: []string{"eve"}})
	require.NoError(t, err)
	return pemTexts{string(authority.PEM()), string(client.PEM), string(client.KeyPEM), string(other.KeyPEM)}
}

func TestCertificatesOfTheConnectionAreCheckedAndTheKeyIsNeverReturned(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	texts := certificates(t)
	const target = "postgres://bob:s3cret@db.example.com/radius?sslmode="
	before := b.everything()
	for field, tests := range map[string][]map[string]any{
		"tls_ca_cert": {
			{"connection_url": target + "verify-full", "tls_ca_cert": "/etc/ca.pem"},
			{"connection_url": target + "verify-full", "tls_ca_cert": texts.key},
			{"connection_url": target + "disable", "tls_ca_cert": texts.ca},
			{"connection_url": target + "prefer", "tls_ca_cert": texts.ca},
		},
		"tls_client_cert": {
			{"connection_url": target + "verify-full", "tls_client_cert": "x", "tls_client_key": texts.key},
			{"connection_url": target + "verify-full", "tls_client_key": texts.key},
			{"connection_url": target + "disable", "tls_client_cert": texts.client, "tls_client_key": texts.key},
		},
		"tls_client_key": {
			{"connection_url": target + "verify-full", "tls_client_cert": texts.client},
			{"connection_url": target + "verify-full", "tls_client_cert": texts.client, "tls_client_key": "hush"},
			{"connection_url": target + "verify-full", "tls_client_cert": texts.client, "tls_client_key": texts.otherKey},
			{"connection_url": target + "verify-full", "tls_client_key": []any{"hush"}},
		},
		"connection_url": {
			{"tls_ca_cert": texts.ca},
			{"connection_url": target + "verify-full&sslcert=/x", "tls_client_cert": texts.client, "tls_client_key": texts.key},
		},
	} {
		for _, data := range tests {
			text := b.refused(logical.UpdateOperation, "freeradius/config", data)
			require.Regexp(t, "[`\"]"+field+"[`\"]", text)
			require.NotContains(t, text, "hush")
			require.NotContains(t, text, "s3cret")
			require.NotContains(t, text, "-----")
		}
	}
	require.Equal(t, before, b.everything())

	b.ok(logical.UpdateOperation, "freeradius/config", map[string]any{
		"connection_url": target + "verify-full", "tls_ca_cert": texts.ca, "tls_client_cert": texts.client, "tls_client_key": texts.key,
	})
	data := b.ok(logical.ReadOperation, "freeradius/config", nil).Data
	require.Equal(t, texts.ca, data["tls_ca_cert"])
	require.Equal(t, texts.client, data["tls_client_cert"])
	require.NotContains(t, data, "tls_client_key")
	require.NotContains(t, data, "connection_url")
	text := b.refused(logical.UpdateOperation, "freeradius/config", map[string]any{"connection_url": target + "disable"})
	require.Contains(t, text, "`tls_ca_cert`", "it would lose its effect")
	text = b.refused(logical.PatchOperation, "freeradius/config", map[string]any{"tls_client_key": nil})
	require.Contains(t, text, "`tls_client_key`")
	b.ok(logical.PatchOperation, "freeradius/config", map[string]any{"tls_ca_cert": nil, "tls_client_cert": nil, "tls_client_key": nil})
	require.Empty(t, b.ok(logical.ReadOperation, "freeradius/config", nil).Data["tls_client_cert"])
	require.NotContains(t, b.stored(freeradiusConfigKey), "PRIVATE KEY")
}

func TestWriteWarnsOfHostsThatAreNotVerified(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	for target, hosts := range map[string][]string{
		"postgres://bob:s3cret@db.example.com/radius":                                                  {"db.example.com"},
		"postgres://bob:s3cret@db.example.com/radius?sslmode=require":                                  {"db.example.com"},
		"postgres://bob:s3cret@a.example.com:1,127.0.0.1:2,b.example.com:3/radius?sslmode=disable":     {"a.example.com", "b.example.com"},
		"postgres://bob:s3cret@a.example.com:1,127.0.0.1:2,b.example.com:3/radius?sslmode=verify-full": nil,
		"postgres://bob:s3cret@localhost/radius":                                                       nil,
		"host=/run/postgresql user=bob dbname=radius":                                                  nil,
	} {
		resp := b.ok(logical.UpdateOperation, "freeradius/config", map[string]any{"connection_url": target})
		if hosts == nil {
			require.Nil(t, resp, target)
			continue
		}
		require.Len(t, resp.Warnings, len(hosts), target)
		for i, host := range hosts {
			require.Contains(t, resp.Warnings[i], host)
			require.Contains(t, resp.Warnings[i], "sslmode=verify-full")
			require.NotContains(t, resp.Warnings[i], "s3cret")
		}
	}
}
