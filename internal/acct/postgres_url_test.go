package acct

import (
	"crypto/tls"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/daemontest"
	"vault-plugin-auth-radius/internal/postgrestest"
)

const plainURL = "postgres://bob:s3cret@db.example.com/radius"

func TestSettingsThatNameFilesAreRefused(t *testing.T) {
	t.Parallel()
	for setting, remedy := range map[string]string{
		"passfile": "password into connection_url", "service": "host, user", "servicefile": "host, user",
		"sslrootcert": "tls_ca_cert", "sslcert": "tls_client_cert", "sslkey": "tls_client_key", "sslpassword": "tls_client_key",
		"sslcrl": "remove it", "sslcrldir": "remove it", "sslkeylogfile": "remove it",
	} {
		escaped := fmt.Sprintf("%s%%%02x%s", setting[:1], setting[1], setting[2:])
		for _, bad := range []string{
			plainURL + "?" + setting + "=/etc/hush",
			plainURL + "?sslmode=require&" + setting + "=%2Fetc%2Fhush",
			plainURL + "?" + setting + "=",
			plainURL + "?" + setting,
			plainURL + "?" + escaped + "=/etc/hush",
			plainURL + "?" + strings.ToUpper(setting) + "=/etc/hush",
			plainURL + "?%20" + setting + "+=/etc/hush",
			"postgresql://bob:s3cret@db.example.com/radius?" + setting + "=/etc/hush",
			"host=db user=bob password=s3cret dbname=radius " + setting + "=/etc/hush",
			"host=db user=bob password='s3cret' dbname=radius " + setting + " = '/etc/hush'",
			setting + "='/etc/hush'\thost=db\nuser=bob password='s3\\'cret'  dbname=radius",
			"host=db user=bob password=s3cret dbname=radius " + strings.ToUpper(setting) + "=''",
		} {
			_, err := NewPostgres(bad)
			require.ErrorAs(t, err, new(*URLError), bad)
			require.ErrorContains(t, err, "connection_url has "+setting+",", bad)
			require.ErrorContains(t, err, remedy, bad)
			require.NotContains(t, err.Error(), "hush")
			require.NotContains(t, err.Error(), "cret,", "the password")
		}
	}
}

func TestURLNamesHostUserAndDatabase(t *testing.T) {
	t.Setenv("PGHOST", "elsewhere.example.com")
	t.Setenv("PGUSER", "eve")
	t.Setenv("PGDATABASE", "other")
	for bad, missing := range map[string]string{
		"postgres://db/radius":                        "user",
		"postgres://:s3cret@db/radius":                "user",
		"host=db user='' dbname=radius":               "user",
		"postgres://bob:s3cret@db":                    "database",
		"postgres://bob:s3cret@db/":                   "database",
		"postgres://bob:s3cret@db/radius?dbname=":     "database",
		"postgres://bob:s3cret@/radius":               "host",
		"postgres:///":                                "host",
		"user=bob dbname=radius":                      "host",
		"postgres://bob:s3cret@db/radius?host=":       "host",
		"postgres://bob:s3cret@db/radius?user=&x.y=1": "user",
	} {
		_, err := NewPostgres(bad)
		require.ErrorContains(t, err, "connection_url names no "+missing+": write it into connection_url", bad)
	}
	for _, empty := range []string{" ", "host=a,,b user=bob dbname=radius"} {
		_, err := NewPostgres(empty)
		require.ErrorAs(t, err, new(*URLError))
	}
}

func TestSettingsWithoutEffectAreRefused(t *testing.T) {
	t.Parallel()
	for query, problem := range map[string]string{
		"hostaddr=192.0.2.1":                                "hostaddr, which has no effect",
		"krbsrvname=postgres":                               "krbsrvname, which has no effect",
		"gssencmode=disable":                                "gssencmode, which has no effect",
		"SSLMODE=verify-full":                               "sslmode in other letters",
		"DBName=x":                                          "dbname in other letters",
		"sslmode=disable&sslmode=require":                   "twice",
		"dbname=a&database=b":                               "twice",
		"sslmode=require&sslrootcert=system":                "sslmode=verify-full",
		"sslmode=disable&sslnegotiation=direct":             "sslmode=verify-full",
		"sslnegotiation=x":                                  "sslnegotiation",
		"sslsni=2":                                          "sslsni",
		"target_session_attrs=hush":                         "target_session_attrs",
		"channel_binding=hush":                              "channel_binding",
		"require_auth=hush":                                 "require_auth",
		"require_auth=md5,!password":                        "require_auth",
		"min_protocol_version=2":                            "min_protocol_version",
		"min_protocol_version=3.2&max_protocol_version=3.0": "max_protocol_version",
		"default_query_exec_mode=hush":                      "default_query_exec_mode",
		"statement_cache_capacity=-1":                       "statement_cache_capacity",
		"pool_health_check_period=0s":                       "pool_health_check_period",
		"pool_max_conns=0":                                  "pool_max_conns",
		"pool_max_conns=3&pool_min_conns=4":                 "pool_min_conns",
		"pool_min_conns=11":                                 "pool_min_conns",
		"connect_timeout=hush":                              "connect_timeout",
		"sslmode=hush":                                      "cannot be read",
		"two%20words=x":                                     "cannot be read",
		"search_path=a%00user%00postgres":                   "cannot be read",
		"sslmode=verify-full;x=y":                           "cannot be read",
		"port=0":                                            "cannot be read",
	} {
		_, err := NewPostgres(plainURL + "?" + query)
		require.ErrorAs(t, err, new(*URLError), query)
		require.ErrorContains(t, err, problem, query)
		require.NotContains(t, err.Error(), "hush")
	}
}

// readableURLs are what operators may write.
var readableURLs = []string{
	plainURL,
	"postgresql://bob@db.example.com:5433/radius?sslmode=verify-full",
	"postgres://bob:p%40ss%2Fw%25rd@[2001:db8::1]:5433/radius?sslmode=verify-ca&application_name=x",
	"postgres://bob:s@a.example.com:5433,b.example.com:5434,192.0.2.1:1/radius?sslmode=prefer&target_session_attrs=read-write",
	"postgres://bob:s@a.example.com,b.example.com:5433/radius?sslmode=allow",
	"postgres://bob:s@localhost/radius?host=/var/run/postgresql&port=5444",
	"postgres:///radius?host=/tmp&user=bob&password=a%26b&sslmode=verify-full",
	"postgres://bob:s@db/radius?search_path=a,b&options=-c%20statement_timeout%3D5s&default_query_exec_mode=exec&statement_cache_capacity=7",
	"postgres://bob:s@db/radius?pool_max_conns=3&pool_min_conns=2&pool_max_conn_lifetime=5m" +
		"&pool_health_check_period=7s&pool_max_conn_idle_time=1h&pool_max_conn_lifetime_jitter=3s&pool_min_idle_conns=1",
	"postgres://bob:s@db/radius?sslmode=require&sslnegotiation=direct&sslsni=0" +
		"&channel_binding=require&require_auth=!md5,!password&min_protocol_version=3.2",
	"postgres://bob:s@db/radius?sslnegotiation=direct&max_protocol_version=latest&connect_timeout=9",
	"postgres://bob:s@db/radius?sslrootcert=system",
	"postgres://bob:s@db/radius?sslrootcert=system&sslmode=verify-full&myapp.tenant=7",
	"host=db port=5433,5434 user=bob password='it s' dbname=radius",
	`host=a,b user = bob password='s3\'c\\ret =x' dbname='radius'  sslmode=disable `,
	`user=bob password=a\ b\'c host=/run/x dbname=radius`,
	"host=db user=bob database=radius password=",
}

// TestURLsAreReadAsTheDriverReadsThem has no variables of the environment.
func TestURLsAreReadAsTheDriverReadsThem(t *testing.T) {
	defer hideEnvironment("PG")()
	for _, text := range readableURLs {
		settings, err := parseURL(text)
		require.NoError(t, err, text)
		config, err := settings.config(TLS{})
		require.NoError(t, err, text)
		requireSameConfig(t, text, config)
	}
}

// requireSameConfig compares a configuration with the driver's own.
func requireSameConfig(t *testing.T, text string, config *pgxpool.Config) {
	t.Helper()
	want, err := pgxpool.ParseConfig(text)
	require.NoError(t, err, text)
	require.Equal(t, describeConfig(want), describeConfig(config), text)
}

// describeConfig is all of a configuration that can be compared.
func describeConfig(c *pgxpool.Config) map[string]any {
	var servers []any
	add := func(host string, port uint16, secured *tls.Config) {
		if secured == nil {
			servers = append(servers, []any{host, port})
			return
		}
		checksChain := secured.VerifyConnection != nil || secured.VerifyPeerCertificate != nil
		servers = append(servers, []any{host, port, secured.ServerName, secured.InsecureSkipVerify, checksChain})
	}
	conn := c.ConnConfig
	add(conn.Host, conn.Port, conn.TLSConfig)
	for _, fallback := range conn.Fallbacks {
		add(fallback.Host, fallback.Port, fallback.TLSConfig)
	}
	parameters := maps.Clone(conn.RuntimeParams)
	delete(parameters, "application_name") // the store's own
	return map[string]any{
		"servers": servers, "user": conn.User, "password": conn.Password, "database": conn.Database, "parameters": parameters,
		"negotiation": conn.SSLNegotiation, "validates": conn.ValidateConnect != nil, "channel binding": conn.ChannelBinding,
		"auth": conn.RequireAuth, "min": conn.MinProtocolVersion, "max": conn.MaxProtocolVersion, "mode": conn.DefaultQueryExecMode,
		"statements": conn.StatementCacheCapacity, "descriptions": conn.DescriptionCacheCapacity,
		"pool": []any{c.MinConns, c.MinIdleConns, c.MaxConnLifetime, c.MaxConnLifetimeJitter, c.MaxConnIdleTime, c.HealthCheckPeriod},
	}
}

// hostileEnvironment sets every variable that the driver knows, and files that they
// name, so that all of it leads to a host.
func hostileEnvironment(t *testing.T, host string) (variables map[string]string) {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	address, port, err := net.SplitHostPort(host)
	require.NoError(t, err)
	variables = map[string]string{
		"PGHOST": address, "PGPORT": port, "PGDATABASE": "evil", "PGUSER": "evil", "PGPASSWORD": "evil", "PGAPPNAME": "evil",
		"PGPASSFILE":    write("pgpass", "*:*:*:*:evil\n"),
		"PGSERVICE":     "evil",
		"PGSSLMODE":     "disable",
		"PGTZ":          "evil",
		"PGOPTIONS":     "-c evil=1",
		"PGSSLKEY":      write("key", "evil"),
		"PGSSLCERT":     write("cert", "evil"),
		"PGSSLSNI":      "evil",
		"PGSSLROOTCERT": write("root", "evil"), "PGSSLPASSWORD": "evil", "PGSSLNEGOTIATION": "evil", "PGTARGETSESSIONATTRS": "evil",
		"PGSERVICEFILE":        write("services", "[evil]\nhost="+address+"\nport="+port+"\nsearch_path=evil\n"),
		"PGMINPROTOCOLVERSION": "evil", "PGMAXPROTOCOLVERSION": "evil", "PGCHANNELBINDING": "evil",
		"PGREQUIREAUTH": "evil", "PGCONNECT_TIMEOUT": "evil",
	}
	known := make([]string, 0, len(environmentSettings))
	for _, env := range environmentSettings {
		known = append(known, env.variable)
	}
	require.ElementsMatch(t, known, slices.Collect(maps.Keys(variables)))
	return variables
}

func TestNothingOfTheEnvironmentReachesPostgres(t *testing.T) {
	recorder := startRecorder(t, "28P01", "no")
	other := startRecorder(t, "28P01", "no")
	for name, value := range hostileEnvironment(t, other.Address()) {
		t.Setenv(name, value)
	}
	for _, password := range []string{"", "s3cret"} {
		_, _, err := OpenPostgres(t.Context(), (&url.URL{
			Scheme: "postgres", User: url.UserPassword("bob", password), Host: recorder.Address(), Path: "radius",
		}).String(), withPatience(untimed))
		require.ErrorAs(t, err, new(*CredentialsError), "the server itself was asked")
		logins := recorder.Logins()
		require.True(t, logins[len(logins)-2].AskedTLS, "the default")
		require.Equal(t, postgrestest.Login{
			Parameters: map[string]string{"user": "bob", "database": "radius", "application_name": "vault-plugin-auth-radius"},
			Password:   password,
		}, logins[len(logins)-1])
	}
	require.Empty(t, other.Logins())
}

// childVariable is set if this process has a hostile environment since its start.
const childVariable = "ACCT_TEST_HOSTILE_SINCE_START"

func TestEnvironmentThatIsThereFromTheStartHasNoEffect(t *testing.T) {
	if os.Getenv(childVariable) != "" {
		require.Equal(t, "evil", os.Getenv("PGSERVICE"), "old URLs may still need it")
		settings, err := parseURL("postgres://bob:s3cret@db.example.com/radius?sslmode=verify-full")
		require.NoError(t, err)
		config, err := settings.config(TLS{})
		require.NoError(t, err)
		hideEnvironment("PG") // for the driver
		requireSameConfig(t, "postgres://bob:s3cret@db.example.com/radius?sslmode=verify-full", config)
		return
	}
	command, err := daemontest.Self(t.Context(), "-test.run=^"+t.Name()+"$")
	require.NoError(t, err)
	command.Env = append(os.Environ(), childVariable+"=1")
	for name, value := range hostileEnvironment(t, "127.0.0.1:1") {
		command.Env = append(command.Env, name+"="+value)
	}
	output, err := command.CombinedOutput()
	require.NoError(t, err, string(output))
}

func startRecorder(t *testing.T, code, message string) *postgrestest.Recorder {
	t.Helper()
	recorder, err := postgrestest.StartRecorder(code, message)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, recorder.Close()) })
	return recorder
}

// An URL of an earlier version uses what it used then, and says so.
func TestStoredURLsGoOnUsingFilesAndEnvironment(t *testing.T) {
	recorder := startRecorder(t, "28P01", "no")
	environment := hostileEnvironment(t, recorder.Address())
	host, port, err := net.SplitHostPort(recorder.Address())
	require.NoError(t, err)
	where := "host=" + host + " port=" + port + " user=bob dbname=radius "
	tests := map[string]struct {
		url       string
		variable  string
		warning   string
		password  string
		cleartext bool
	}{
		"passfile":         {where + "passfile=" + environment["PGPASSFILE"], "", "passfile", "evil", false},
		"service":          {"user=bob dbname=radius service=evil servicefile=" + environment["PGSERVICEFILE"], "", "service", "", false},
		"PGPASSWORD":       {where, "PGPASSWORD", "PGPASSWORD", "evil", false},
		"PGSSLMODE":        {where, "PGSSLMODE", "PGSSLMODE", "", true},
		"user":             {"host=" + host + " port=" + port + " dbname=radius", "PGUSER", "names no user", "", false},
		"nothing":          {where + "password=s3cret", "", "", "s3cret", false},
		"nothing of PGTZ":  {where + "timezone=UTC", "PGTZ", "", "", false},
		"refused nowadays": {where + "krbsrvname=x", "", "krbsrvname", "", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.variable != "" {
				t.Setenv(test.variable, environment[test.variable])
			}
			warnings := EnvironmentWarnings(test.url)
			if test.warning == "" {
				require.Empty(t, warnings)
			} else {
				require.Len(t, warnings, 1)
				require.Contains(t, warnings[0], test.warning)
				require.Contains(t, warnings[0], "write connection_url again")
				require.NotContains(t, warnings[0], "evil")
			}
			found, err := CheckURL(test.url, WithEnvironment())
			require.NoError(t, err)
			require.Equal(t, warnings, found)
			before := len(recorder.Logins())
			_, _, err = OpenPostgres(t.Context(), test.url, WithEnvironment(), withPatience(untimed))
			require.ErrorAs(t, err, new(*CredentialsError))
			require.NotContains(t, err.Error(), "s3cret")
			logins := recorder.Logins()[before:]
			require.Equal(t, test.password, logins[len(logins)-1].Password)
			require.Equal(t, test.cleartext, !logins[0].AskedTLS)
		})
	}
}

func TestAnswersOfPostgresDoNotShowThePassword(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ code, message, settings string }{
		{"42704", `unrecognized configuration parameter "s3cret"`, "password=it s3cret=x"}, // no quotes
		{"22023", `invalid value for parameter "timezone": "s3cret"`, "password=it timezone=s3cret"},
		{"XX000", "you have sent s3cret", "password=s3cret"},
		{"42501", "you have sent s3cret", "password=s3cret"},
		{"3D000", "you have sent s3cret", "password=s3cret"},
		{"57P03", "you have sent s3cret", "password=s3cret"},
		{"28000", "you have sent s3cret", "password=s3cret"},
	} {
		recorder := startRecorder(t, test.code, test.message)
		host, port, err := net.SplitHostPort(recorder.Address())
		require.NoError(t, err)
		_, _, err = OpenPostgres(t.Context(), "host="+host+" port="+port+" user=bob dbname=radius "+test.settings)
		require.Error(t, err, test.code)
		require.NotContains(t, err.Error(), "s3cret", test.code)
	}
}

// FuzzConnectionURL holds the parser against the driver's: what the one takes, the
// other reads in the same way. An error shows nothing of the URL.
func FuzzConnectionURL(f *testing.F) {
	for _, text := range readableURLs {
		f.Add(text)
	}
	for _, text := range []string{
		"postgres://bob:hu/sh@db/radius", "postgres://bob:12/hush@db/radius", "postgres://bob:12?hush@db/radius",
		"postgres://bob:hu%zzsh@db/radius",
		"postgres://bob:hush#@db/radius", "host=db password=hu sh user=bob",
		`host=db password='hush`, `host=db password='hush\`, `password=hush\`,
		"postgres://bob:hush@db:port/radius", "postgres://bob:hush@db/radius?%zz=1", "postgres:/bob:hush@db/radius?sslmode=x",
		"hush", "POSTGRES://bob:hush@db/radius?x=y",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		settings, err := parseURL(text)
		if err == nil {
			var config *pgxpool.Config
			if config, err = settings.config(TLS{}); err == nil {
				want, driverErr := pgxpool.ParseConfig(text)
				require.NoError(t, driverErr)
				require.Equal(t, describeConfig(want), describeConfig(config))
				return
			}
		}
		require.NotContains(t, err.Error(), "hush")
	})
}
