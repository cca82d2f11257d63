//go:build protocol

package radiustest

import (
	"testing"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"

	"vault-plugin-auth-radius/internal/directorytest"
	"vault-plugin-auth-radius/internal/mariadbtest"
)

// Default collations of MariaDB.
const (
	collationOf10 = "utf8mb4_general_ci"    // on Debian, until version 11
	collationOf11 = "utf8mb4_uca1400_ai_ci" // since
)

// startSQL runs a FreeRADIUS that has alice in a database of its own.
func startSQL(t *testing.T, m *mariadbtest.MariaDB, database, collation string) *FreeRADIUS {
	t.Helper()
	require.NoError(t, m.Exec(t.Context(), "", "CREATE DATABASE "+database))
	require.NoError(t, m.Exec(t.Context(), database, SQLSchema(collation)+
		"INSERT INTO radcheck (username, attribute, op, value) VALUES ('alice', 'Cleartext-Password', ':=', 'alice-password')"))
	return startFreeRADIUS(t, FreeRADIUSOptions{SQL: &FreeRADIUSSQL{
		Host: m.Host(), Port: m.Port(), Login: mariadbtest.Superuser, Password: mariadbtest.Password, Database: database,
	}})
}

func startMariaDB(t *testing.T) *mariadbtest.MariaDB {
	t.Helper()
	m, err := mariadbtest.Start(t.Context(), t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Stop()) })
	return m
}

// accepted returns those names that log in with a password.
func accepted(t *testing.T, f *FreeRADIUS, password string, names []string) []string {
	t.Helper()
	var all []string
	for _, name := range names {
		if ask(t, f, login(t, name, password))[0] == byte(radius.CodeAccessAccept) {
			all = append(all, name)
		}
	}
	return all
}

// TestFreeRADIUSTakesOtherSpellingsForAName shows what the plugin's rules of user names
// are for. Debian's own site refuses names with blanks before it asks.
func TestFreeRADIUSTakesOtherSpellingsForAName(t *testing.T) {
	t.Parallel()
	names := []string{
		"alice", "ALICE", "Alice", "alice ", "alice   ", " alice", "al ice", "alice\t", "alice\u00a0",
		"álice", "a\u0301lice", "ałice", "ａlice", "alıce", "alİce",
		"al\u00adice", "al\u200bice", "al\u200dice", "alice\ufe0f", "al\u0001ice",
		"alice@x", `X\alice`, "*", "ali%", "bob",
	}
	m := startMariaDB(t)
	users := map[string]string{"alice": "alice-password"}
	l, err := directorytest.StartOpenLDAP(t.Context(), t.TempDir(), directorytest.OpenLDAPOptions{Users: users})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Stop()) })
	tests := map[string]struct {
		server  *FreeRADIUS
		accepts []string
	}{
		"a file": {
			startFreeRADIUS(t, FreeRADIUSOptions{Users: users}),
			[]string{"alice"},
		},
		"OpenLDAP": {
			startFreeRADIUS(t, FreeRADIUSOptions{LDAP: &FreeRADIUSLDAP{
				Host: l.Host(), Port: l.Port(), BaseDN: directorytest.People,
				BindDN: directorytest.AdminDN, Password: directorytest.AdminPassword,
			}}),
			[]string{"alice", "ALICE", "Alice", "alice ", "alice   ", " alice", "alice\u00a0", "ａlice", "alİce"},
		},
		"MariaDB 10": {
			startSQL(t, m, "radius10", collationOf10),
			[]string{"alice", "ALICE", "Alice", "alice ", "alice   ", "álice", "alıce", "alİce"},
		},
		"MariaDB 11": {
			startSQL(t, m, "radius11", collationOf11),
			[]string{
				"alice", "ALICE", "Alice", "alice ", "alice   ", "alice\u00a0", "álice", "a\u0301lice", "ałice", "ａlice", "alİce",
				"al\u00adice", "al\u200bice", "al\u200dice", "alice\ufe0f",
			},
		},
	}
	for kind, test := range tests {
		require.Equal(t, test.accepts, accepted(t, test.server, "alice-password", names), kind)
		require.Empty(t, accepted(t, test.server, "wrong", names), kind)
	}
}

func TestFreeRADIUSKeepsItsAnswersInTheDatabase(t *testing.T) {
	t.Parallel()
	m := startMariaDB(t)
	f := startSQL(t, m, "radius", "")
	accepted(t, f, "alice-password", []string{"alice", "ALICE", "bob"})
	accepted(t, f, "wrong", []string{"álice"})
	rows, err := m.Query(t.Context(), "radius", "SELECT username, reply FROM radpostauth ORDER BY id")
	require.NoError(t, err)
	require.Equal(t, []string{"alice\tAccess-Accept", "ALICE\tAccess-Accept", "bob\tAccess-Reject", "álice\tAccess-Reject"}, rows)
}
