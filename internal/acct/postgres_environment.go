package acct

import (
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
)

// environmentSettings are the variables of the environment that the driver reads, by
// the setting for which it does.
var environmentSettings = []struct{ variable, setting string }{
	{"PGHOST", settingHost},
	{"PGPORT", settingPort},
	{"PGDATABASE", settingDatabase},
	{"PGUSER", settingUser},
	{"PGPASSWORD", settingPassword},
	{"PGPASSFILE", settingPassFile},
	{"PGAPPNAME", "application_name"},
	{"PGCONNECT_TIMEOUT", settingConnectTimeout},
	{"PGSSLMODE", settingSSLMode},
	{"PGSSLKEY", settingSSLKey},
	{"PGSSLCERT", settingSSLCert},
	{"PGSSLSNI", settingSSLSNI},
	{"PGSSLROOTCERT", settingSSLRootCert},
	{"PGSSLPASSWORD", settingSSLPassword},
	{"PGSSLNEGOTIATION", settingSSLNegotiation},
	{"PGTARGETSESSIONATTRS", settingTargetAttrs},
	{"PGSERVICE", settingService},
	{"PGSERVICEFILE", settingServiceFile},
	{"PGTZ", "timezone"},
	{"PGOPTIONS", "options"},
	{"PGMINPROTOCOLVERSION", settingMinProtocol},
	{"PGMAXPROTOCOLVERSION", settingMaxProtocol},
	{"PGCHANNELBINDING", settingChannelBinding},
	{"PGREQUIREAUTH", settingRequireAuth},
}

// EnvironmentWarnings returns warnings if a connection URL, stored by a version that read
// files and the environment of the Vault server, still needs any of them: see
// WithEnvironment. Without warnings, the URL means the same today.
func EnvironmentWarnings(url string) []string {
	settings, err := parseURL(url)
	if err == nil {
		err = settings.check()
	}
	var needed []string
	if err == nil {
		_, err = settings.config(TLS{})
	}
	if err == nil {
		needed = settings.ambient()
	}
	switch {
	case err != nil:
		return []string{err.Error() + ". An earlier version has stored it, and it is used as that version did: write connection_url again"}
	case len(needed) > 0:
		return []string{"connection_url is completed by the environment or files of the Vault server: " + strings.Join(needed, ", ") +
			". An earlier version has stored it, and it is used as that version did: write connection_url again, with all that it needs"}
	}
	return nil
}

// ambient lists the variables and files that complete the settings.
func (s urlSettings) ambient() (needed []string) {
	for _, env := range environmentSettings {
		_, given := s[env.setting]
		if given || os.Getenv(env.variable) == "" || env.setting == settingConnectTimeout || env.setting == "application_name" {
			continue // the store decides about the last two itself
		}
		needed = append(needed, env.variable)
	}
	account, err := user.Current()
	if err != nil {
		return needed
	}
	exists := func(names ...string) bool {
		return !slices.ContainsFunc(names, func(name string) bool {
			_, err := os.Stat(filepath.Join(account.HomeDir, name))
			return err != nil
		})
	}
	if s[settingPassword] == "" && exists(".pgpass") {
		needed = append(needed, "~/.pgpass")
	}
	if sslMode(s[settingSSLMode]) == sslDisable {
		return needed
	}
	if s[settingSSLRootCert] == "" && exists(".postgresql/root.crt") {
		needed = append(needed, "~/.postgresql/root.crt")
	}
	if exists(".postgresql/postgresql.crt", ".postgresql/postgresql.key") {
		needed = append(needed, "~/.postgresql/postgresql.crt")
	}
	return needed
}
