package acct

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"vault-plugin-auth-radius/internal/fips"
)

// Settings of the driver's own, which libpq does not have.
const (
	settingExecMode         = "default_query_exec_mode"
	settingStatementCache   = "statement_cache_capacity"
	settingDescriptionCache = "description_cache_capacity"
	settingPoolMax          = "pool_max_conns"
	settingPoolMin          = "pool_min_conns"
	settingPoolMinIdle      = "pool_min_idle_conns"
	settingPoolLifetime     = "pool_max_conn_lifetime"
	settingPoolJitter       = "pool_max_conn_lifetime_jitter"
	settingPoolIdleTime     = "pool_max_conn_idle_time"
	settingPoolCheck        = "pool_health_check_period"
)

const defaultPort = "5432"

// maxCache is the most statements that a connection may remember.
const maxCache = 1 << 16

var (
	execModes = map[string]pgx.QueryExecMode{
		"cache_statement": pgx.QueryExecModeCacheStatement,
		"cache_describe":  pgx.QueryExecModeCacheDescribe,
		"describe_exec":   pgx.QueryExecModeDescribeExec,
		"exec":            pgx.QueryExecModeExec,
		"simple_protocol": pgx.QueryExecModeSimpleProtocol,
	}
	targetAttrs = map[string]pgconn.ValidateConnectFunc{
		"any":            nil,
		"read-write":     pgconn.ValidateConnectTargetSessionAttrsReadWrite,
		"read-only":      pgconn.ValidateConnectTargetSessionAttrsReadOnly,
		"primary":        pgconn.ValidateConnectTargetSessionAttrsPrimary,
		"standby":        pgconn.ValidateConnectTargetSessionAttrsStandby,
		"prefer-standby": pgconn.ValidateConnectTargetSessionAttrsPreferStandby,
	}
	protocolVersions = []string{"3.0", "3.2", "latest"}
	channelBindings  = []string{"prefer", "disable", "require"}
	authMethods      = []string{"password", "md5", "gss", "sspi", "scram-sha-256", "oauth", "none"}
)

// emptyConfig is where every configuration starts. The driver takes only those
// that its own parser has made, and that reads the environment and files of the home
// directory. So it parses once, when the program starts and before anything else runs,
// while the environment is out of its sight.
var emptyConfig = newEmptyConfig()

func newEmptyConfig() *pgxpool.Config {
	defer hideEnvironment("PG")()
	config, err := pgxpool.ParseConfig(
		"host=localhost port=5432 user=none database=none password='' passfile='' servicefile='' " +
			"sslmode=disable sslrootcert='' sslcert='' sslkey=''")
	if err != nil {
		panic("acct: the PostgreSQL driver has no configuration to start from: " + err.Error()) // it has no secret
	}
	return config
}

// hideEnvironment removes the variables with that prefix, until restore is called.
func hideEnvironment(prefix string) (restore func()) {
	hidden := map[string]string{}
	for _, variable := range os.Environ() {
		if name, value, _ := strings.Cut(variable, "="); strings.HasPrefix(name, prefix) {
			hidden[name] = value
			_ = os.Unsetenv(name)
		}
	}
	return func() {
		for name, value := range hidden {
			_ = os.Setenv(name, value)
		}
	}
}

// config returns the configuration that the settings and nothing else make. The error
// is a *URLError or a *TLSError.
func (s urlSettings) config(certificates TLS) (*pgxpool.Config, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	config := emptyConfig.Copy()
	conn := config.ConnConfig
	conn.User, conn.Password, conn.Database = s[settingUser], s[settingPassword], s[settingDatabase]
	conn.RuntimeParams = map[string]string{}
	for key, value := range s {
		if _, isFile := fileSettings[key]; !isFile && !slices.Contains(driverSettings, key) {
			conn.RuntimeParams[key] = value
		}
	}
	if err := s.setServers(conn, certificates); err != nil {
		return nil, err
	}
	if err := s.setProtocol(conn); err != nil {
		return nil, err
	}
	return config, s.setPool(config)
}

// setServers sets where to connect, and with which TLS, in order.
func (s urlSettings) setServers(conn *pgx.ConnConfig, certificates TLS) error {
	security, err := newTransportSecurity(s, certificates)
	if err != nil {
		return err
	}
	ports := strings.Split(s.given(settingPort, defaultPort), ",")
	var servers []*pgconn.FallbackConfig
	for i, host := range s.hosts() {
		text := ports[0]
		if i < len(ports) {
			text = ports[i]
		}
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil || port == 0 {
			return &URLError{}
		}
		for _, config := range security.configs(host) {
			servers = append(servers, &pgconn.FallbackConfig{Host: host, Port: uint16(port), TLSConfig: config})
		}
	}
	conn.Host, conn.Port, conn.TLSConfig, conn.Fallbacks = servers[0].Host, servers[0].Port, servers[0].TLSConfig, servers[1:]
	conn.SSLNegotiation = s[settingSSLNegotiation]
	return nil
}

// setProtocol sets the protocol, and which servers will do.
func (s urlSettings) setProtocol(conn *pgx.ConnConfig) error {
	var isKnown bool
	if conn.ValidateConnect, isKnown = targetAttrs[s.given(settingTargetAttrs, "any")]; !isKnown {
		return s.unknownValue(settingTargetAttrs)
	}
	if conn.DefaultQueryExecMode, isKnown = execModes[s.given(settingExecMode, "cache_statement")]; !isKnown {
		return s.unknownValue(settingExecMode)
	}
	least := s.or(settingMinProtocol, "3.0")
	most := s.or(settingMaxProtocol, map[bool]string{true: "3.0", false: "latest"}[least == "3.0"])
	switch {
	case !slices.Contains(protocolVersions, least):
		return s.unknownValue(settingMinProtocol)
	case !slices.Contains(protocolVersions, most), most == "3.0" && least != "3.0":
		return s.unknownValue(settingMaxProtocol)
	}
	conn.MinProtocolVersion, conn.MaxProtocolVersion = least, most
	if conn.ChannelBinding = s.or(settingChannelBinding, "prefer"); !slices.Contains(channelBindings, conn.ChannelBinding) {
		return s.unknownValue(settingChannelBinding)
	}
	if conn.RequireAuth = s[settingRequireAuth]; !isAuthList(conn.RequireAuth) {
		return s.unknownValue(settingRequireAuth)
	}
	if fips.Enabled() {
		if conn.RequireAuth = withoutMD5(conn.RequireAuth); conn.RequireAuth == "" {
			refused := fips.NewRefusedError("demands md5, which", "since it is MD5",
				"use scram-sha-256, and set the password of the user anew with password_encryption=scram-sha-256")
			return &URLError{"has a require_auth that " + refused.Error(), refused}
		}
	}
	for setting, capacity := range map[string]*int{
		settingStatementCache:   &conn.StatementCacheCapacity,
		settingDescriptionCache: &conn.DescriptionCacheCapacity,
	} {
		if err := s.number(setting, maxCache, func(n int) { *capacity = n }); err != nil {
			return err
		}
	}
	return nil
}

// withoutMD5 returns a list of methods to log in without md5, whose digest FIPS 140 mode has no
// place for; "" if the list demands that method.
func withoutMD5(methods string) string {
	const refused = "!md5"
	list := strings.Split(strings.ReplaceAll(methods, " ", ""), ",")
	switch {
	case methods == "":
		return refused
	case slices.Contains(list, refused):
		return methods
	case strings.HasPrefix(list[0], "!"):
		return methods + "," + refused
	}
	return strings.Join(slices.DeleteFunc(list, func(method string) bool { return method == "md5" }), ",")
}

// isAuthList reports whether a text lists methods to log in, or none of it with a "!"
// before each.
func isAuthList(text string) bool {
	if text == "" {
		return true
	}
	methods, negated := strings.Split(text, ","), strings.HasPrefix(strings.TrimSpace(text), "!")
	var seen []string
	for _, method := range methods {
		name, not := strings.CutPrefix(strings.TrimSpace(method), "!")
		if not != negated || !slices.Contains(authMethods, name) || slices.Contains(seen, name) {
			return false
		}
		seen = append(seen, name)
	}
	return true
}

// setPool sets how many connections there are, for how long, and how long a server may
// take to make one.
func (s urlSettings) setPool(config *pgxpool.Config) error {
	config.MaxConns, config.ConnConfig.ConnectTimeout = maxConnections, 0
	if err := s.number(settingPoolMax, math.MaxInt16, func(n int) {
		config.MaxConns = int32(n) // #nosec G115 -- in that range
	}); err != nil || config.MaxConns < 1 {
		return &URLError{problem: fmt.Sprintf("has a %s that is not a whole number from 1 to %d", settingPoolMax, math.MaxInt16)}
	}
	for setting, set := range map[string]func(int){
		settingPoolMin:        func(n int) { config.MinConns = int32(n) },     // #nosec G115 -- at most MaxConns
		settingPoolMinIdle:    func(n int) { config.MinIdleConns = int32(n) }, // #nosec G115 -- at most MaxConns
		settingConnectTimeout: func(n int) { config.ConnConfig.ConnectTimeout = time.Duration(n) * time.Second },
	} {
		most := int(config.MaxConns)
		if setting == settingConnectTimeout {
			most = math.MaxInt16
		}
		if err := s.number(setting, most, set); err != nil {
			return err
		}
	}
	for setting, duration := range map[string]*time.Duration{
		settingPoolLifetime: &config.MaxConnLifetime,
		settingPoolJitter:   &config.MaxConnLifetimeJitter,
		settingPoolIdleTime: &config.MaxConnIdleTime,
		settingPoolCheck:    &config.HealthCheckPeriod,
	} {
		text, given := s[setting]
		if !given {
			continue
		}
		value, err := time.ParseDuration(text)
		if err != nil || value <= 0 {
			return &URLError{problem: fmt.Sprintf("has a %s that is not a duration, such as 30m", setting)}
		}
		*duration = value
	}
	return nil
}

// number calls set with the number of a setting, if it is given.
func (s urlSettings) number(setting string, most int, set func(int)) error {
	text, given := s[setting]
	if !given {
		return nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > most {
		return &URLError{problem: fmt.Sprintf("has a %s that is not a whole number from 0 to %d", setting, most)}
	}
	set(n)
	return nil
}

// given returns a setting, or the default if there is none.
func (s urlSettings) given(setting, value string) string {
	if text, given := s[setting]; given {
		return text
	}
	return value
}

// or returns a setting, or the default if there is none or it is empty.
func (s urlSettings) or(setting, value string) string {
	if s[setting] != "" {
		return s[setting]
	}
	return value
}

// unknownValue returns the error for a value that a setting cannot have. It does not quote
// the value.
func (s urlSettings) unknownValue(setting string) error {
	return &URLError{problem: fmt.Sprintf("has a %s that PostgreSQL's manual does not know", setting)}
}
