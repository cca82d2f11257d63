package acct

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Settings of a connection URL, as libpq calls them.
const (
	settingHost           = "host"
	settingPort           = "port"
	settingUser           = "user"
	settingPassword       = "password"
	settingDatabase       = "database"
	settingSSLMode        = "sslmode"
	settingSSLRootCert    = "sslrootcert"
	settingSSLSNI         = "sslsni"
	settingSSLNegotiation = "sslnegotiation"
	settingTargetAttrs    = "target_session_attrs"
	settingConnectTimeout = "connect_timeout"
	settingMinProtocol    = "min_protocol_version"
	settingMaxProtocol    = "max_protocol_version"
	settingChannelBinding = "channel_binding"
	settingRequireAuth    = "require_auth"
	settingPassFile       = "passfile"
	settingService        = "service"
	settingServiceFile    = "servicefile"
	settingSSLCert        = "sslcert"
	settingSSLKey         = "sslkey"
	settingSSLPassword    = "sslpassword"
)

// systemRoots is the sslrootcert that names no file, but the system's trust store.
const systemRoots = "system"

// fileSettings make the driver read files of the Vault server, each with the remedy.
var fileSettings = map[string]string{ // #nosec G101 -- names of settings, and what to do
	settingPassFile:    "write the password into connection_url",
	settingService:     "write host, user, password and database into connection_url",
	settingServiceFile: "write host, user, password and database into connection_url",
	settingSSLRootCert: "set the certificates as PEM text in tls_ca_cert",
	settingSSLCert:     "set the certificate as PEM text in tls_client_cert",
	settingSSLKey:      "set the key as PEM text in tls_client_key",
	settingSSLPassword: "set the key as PEM text, without a password, in tls_client_key",
	"sslcrl":           "remove it",
	"sslcrldir":        "remove it",
	"sslkeylogfile":    "remove it",
}

// unsupportedSettings are those of libpq that have no effect here, or would be taken
// for parameters of the server.
var unsupportedSettings = []string{
	"fallback_application_name", "gssdelegation", "gssencmode", "gsslib", "hostaddr", "keepalives", "keepalives_count",
	"keepalives_idle", "keepalives_interval", "krbspn", "krbsrvname", "load_balance_hosts", "oauth_client_id",
	"oauth_client_secret", "oauth_issuer", "oauth_scope", "requirepeer", "requiressl", "scram_client_key",
	"scram_server_key", "ssl_max_protocol_version", "ssl_min_protocol_version", "sslcertmode", "sslcompression",
	"tcp_user_timeout",
}

// driverSettings are those that the driver acts on itself. Whatever else a URL has is
// a parameter of the session, for the server.
var driverSettings = []string{
	settingHost, settingPort, settingUser, settingPassword, settingDatabase, settingSSLMode, settingSSLRootCert, settingSSLSNI,
	settingSSLNegotiation, settingTargetAttrs, settingConnectTimeout, settingMinProtocol, settingMaxProtocol,
	settingChannelBinding, settingRequireAuth, settingExecMode, settingStatementCache, settingDescriptionCache,
	settingPoolMax, settingPoolMin, settingPoolMinIdle, settingPoolLifetime, settingPoolJitter, settingPoolIdleTime, settingPoolCheck,
}

// sessionParameter is what a parameter of the session may be called.
var sessionParameter = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.$]*$`)

// urlSettings are the settings that a connection URL has, by name.
type urlSettings map[string]string

// parseURL reads a connection URL, or keywords and values, exactly as the driver does,
// but looks at nothing else. Of settings that occur twice the driver takes one:
// here they are an error. The error is a *URLError.
func parseURL(text string) (urlSettings, error) {
	if strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://") {
		return parseURLForm(text)
	}
	return parseKeywords(text)
}

func parseURLForm(text string) (urlSettings, error) {
	parsed, err := url.Parse(text)
	if err != nil || parsed.Fragment != "" {
		return nil, &URLError{}
	}
	if parsed.User == nil && strings.Contains(parsed.Path, "@") {
		return nil, &URLError{} // a password with a slash in it
	}
	settings := urlSettings{}
	settings.setGiven(settingUser, parsed.User.Username())
	if password, given := parsed.User.Password(); given {
		settings[settingPassword] = password
	}
	if err := settings.setHosts(parsed.Host); err != nil {
		return nil, err
	}
	settings.setGiven(settingDatabase, strings.TrimLeft(parsed.Path, "/"))
	query, err := url.ParseQuery(parsed.RawQuery) // url.URL.Query leaves out what it cannot read
	if err != nil {
		return nil, &URLError{}
	}
	given := urlSettings{}
	for key, values := range query {
		for _, value := range values {
			if err := given.add(key, value); err != nil {
				return nil, err
			}
		}
	}
	maps.Copy(settings, given)
	return settings, nil
}

// setHosts takes over the hosts and ports between the user and the path.
func (s urlSettings) setHosts(authority string) error {
	var hosts, ports []string
	for host := range strings.SplitSeq(authority, ",") {
		port := ""
		if bare := strings.Trim(host, "[]"); net.ParseIP(bare) != nil || !strings.Contains(host, ":") {
			host = bare
		} else {
			var err error
			if host, port, err = net.SplitHostPort(host); err != nil {
				return &URLError{}
			}
		}
		if host != "" {
			hosts = append(hosts, host)
		}
		if port != "" {
			ports = append(ports, port)
		}
	}
	s.setGiven(settingHost, strings.Join(hosts, ","))
	s.setGiven(settingPort, strings.Join(ports, ","))
	return nil
}

// asciiSpace is what may stand between keywords.
const asciiSpace = " \t\n\r\v\f"

// parseKeywords reads host=db user=bob: values may be quoted.
func parseKeywords(text string) (urlSettings, error) {
	settings := urlSettings{}
	for rest := strings.TrimLeft(text, asciiSpace); rest != ""; {
		key, after, found := strings.Cut(rest, "=")
		if !found {
			return nil, &URLError{}
		}
		value, length, ok := keywordValue(strings.TrimLeft(after, asciiSpace))
		if !ok {
			return nil, &URLError{}
		}
		if err := settings.add(strings.Trim(key, asciiSpace), value); err != nil {
			return nil, err
		}
		rest = strings.TrimLeft(strings.TrimLeft(after, asciiSpace)[length:], asciiSpace)
	}
	return settings, nil
}

// keywordValue returns the value that a text begins with, and the length of its
// spelling. A backslash keeps the next character from ending it.
func keywordValue(text string) (value string, length int, ok bool) {
	quoted := strings.HasPrefix(text, "'")
	start, ends := 0, asciiSpace
	if quoted {
		start, ends = 1, "'"
	}
	end := start
	for end < len(text) && !strings.ContainsRune(ends, rune(text[end])) {
		if text[end] == '\\' {
			end++
		}
		end++
	}
	if end > len(text) || (quoted && end == len(text)) {
		return "", 0, false
	}
	value = strings.ReplaceAll(strings.ReplaceAll(text[start:end], `\\`, `\`), `\'`, `'`)
	if quoted {
		end++
	}
	return value, end, true
}

// setGiven sets what is not empty.
func (s urlSettings) setGiven(setting, value string) {
	if value != "" {
		s[setting] = value
	}
}

// add adds a setting that the URL spells out.
func (s urlSettings) add(key, value string) error {
	if key == "dbname" {
		key = settingDatabase
	}
	if _, twice := s[key]; twice {
		return &URLError{problem: "has a setting twice: write each once"}
	}
	s[key] = value
	return nil
}

// check returns the error of the first setting that is refused, the same whatever the
// order. It names settings only that are known: a password with spaces in it, but without
// quotes, may look like names of settings.
func (s urlSettings) check() error {
	for _, key := range slices.Sorted(maps.Keys(s)) {
		name := strings.ToLower(strings.TrimSpace(key))
		remedy, isFile := fileSettings[name]
		switch {
		case isFile && (key != settingSSLRootCert || s[key] != systemRoots):
			return &URLError{problem: fmt.Sprintf("has %s, which is about a file of the Vault server: %s", name, remedy)}
		case slices.Contains(unsupportedSettings, name):
			return &URLError{problem: fmt.Sprintf("has %s, which has no effect here: remove it", name)}
		case key != name && (name == "dbname" || slices.Contains(driverSettings, name)):
			return &URLError{problem: fmt.Sprintf("has %s in other letters: write it in lower case", name)}
		case !sessionParameter.MatchString(key), strings.ContainsRune(s[key], 0):
			return &URLError{}
		}
	}
	for _, needed := range []struct{ setting, without string }{
		{settingHost, "PGHOST and the usual sockets are"},
		{settingUser, "PGUSER and the name of the system's user are"},
		{settingDatabase, "PGDATABASE and the name of the user are"},
	} {
		if s[needed.setting] == "" {
			return &URLError{problem: fmt.Sprintf("names no %s: write it into connection_url; %s not available to it",
				needed.setting, needed.without)}
		}
	}
	if slices.Contains(s.hosts(), "") {
		return &URLError{problem: "has an empty host: name each"}
	}
	return nil
}

// hosts returns the hosts, and folders of sockets, in order.
func (s urlSettings) hosts() []string { return strings.Split(s[settingHost], ",") }
