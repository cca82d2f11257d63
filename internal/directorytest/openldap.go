// Package directorytest starts real directories for tests, on loopback: OpenLDAP, 389
// Directory Server and a domain controller of Samba.
package directorytest

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"vault-plugin-auth-radius/internal/daemontest"
	"vault-plugin-auth-radius/internal/tlstest"
)

// The directory of every OpenLDAP here.
const (
	Suffix        = "dc=example,dc=org"
	People        = "ou=people," + Suffix
	Groups        = "ou=groups," + Suffix
	AdminDN       = "cn=admin," + Suffix
	AdminPassword = "admin-password" // #nosec G101 -- of tests
)

// OpenLDAPOptions hold the users and groups of the directory, and how it is set up.
type OpenLDAPOptions struct {
	Users  map[string]string   // passwords by uid; an empty one is none
	Groups map[string][]string // members, by uid, of groups of names
	LDIF   string              // further entries
	Config string              // further lines of slapd.conf, before the database
	// Overlays are further lines of slapd.conf, of the database. Their modules are loaded
	// by Config.
	Overlays string
	Access   string // rights to read; empty: users that have bound may read all but passwords

	KeepLog       int               // octets of the log that are kept at least; 0: all
	TLS           *tlstest.Identity // for LDAPS and StartTLS; nil: neither
	Port, TLSPort int               // 0: any that is free
}

// OpenLDAP is a running slapd 2.5. Its log says what it was asked.
type OpenLDAP struct {
	daemontest.Daemon
	options OpenLDAPOptions
}

const slapdConfig = `include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile %[1]s/pid
modulepath /usr/lib/ldap
moduleload back_mdb
%[2]s
%[3]s
database mdb
suffix ` + Suffix + `
rootdn ` + AdminDN + `
rootpw ` + AdminPassword + `
directory %[1]s/db
access to attrs=userPassword by anonymous auth by * none
%[4]s
%[5]s
`

// StartOpenLDAP runs slapd with a configuration of its own in dir, a folder that
// nothing else uses, and returns when it takes connections. It runs until Stop or
// until ctx ends.
func StartOpenLDAP(ctx context.Context, dir string, o OpenLDAPOptions) (*OpenLDAP, error) {
	program, err := daemontest.FindProgram("OpenLDAP", "slapd", []string{"slapd", "/usr/sbin/slapd"})
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(dir, "db"), 0o700); err != nil {
		return nil, fmt.Errorf("slapd folder: %w", err)
	}
	if err := o.write(ctx, dir); err != nil {
		return nil, err
	}
	l := &OpenLDAP{options: o}
	for range daemontest.PortAttempts {
		if err := l.choosePorts(ctx, o); err != nil {
			return nil, err
		}
		at := fmt.Sprintf("127.0.0.1:%d", l.options.Port)
		urls := "ldap://" + at + "/"
		if o.TLS != nil {
			urls += fmt.Sprintf(" ldaps://127.0.0.1:%d/", l.options.TLSPort)
		}
		l.Daemon = daemontest.Daemon{
			Name:      "slapd",
			Program:   program,
			Arguments: []string{"-f", filepath.Join(dir, "slapd.conf"), "-h", urls, "-d", "stats"},
			Ready:     []string{"slapd starting"},
			Accepts:   at,
			Keep:      o.KeepLog,
			Kill:      true, // if it has to end while its threads start, it fails or crashes
		}
		if err = l.Start(ctx); !errors.Is(err, daemontest.ErrPortTaken) {
			break
		}
	}
	return l, err
}

func (l *OpenLDAP) choosePorts(ctx context.Context, o OpenLDAPOptions) (err error) {
	l.options.Port, l.options.TLSPort = o.Port, o.TLSPort
	if o.Port == 0 {
		l.options.Port, err = daemontest.FreePort(ctx)
	}
	if o.TLSPort == 0 && err == nil {
		l.options.TLSPort, err = daemontest.FreePort(ctx)
	}
	return err
}

// Host returns the IP address the server listens on.
func (l *OpenLDAP) Host() string { return "127.0.0.1" }

// Port returns the TCP port where it speaks LDAP, with StartTLS if it has a certificate.
func (l *OpenLDAP) Port() int { return l.options.Port }

// TLSPort returns the TCP port where it speaks LDAPS, if it has a certificate.
func (l *OpenLDAP) TLSPort() int { return l.options.TLSPort }

// write writes the configuration and fills the database.
func (o OpenLDAPOptions) write(ctx context.Context, dir string) error {
	secured := ""
	if o.TLS != nil {
		if err := o.TLS.Write(dir, "server"); err != nil {
			return err
		}
		secured = fmt.Sprintf("TLSCACertificateFile %[1]s/ca.pem\nTLSCertificateFile %[1]s/server.pem\n"+
			"TLSCertificateKeyFile %[1]s/server.key", dir)
	}
	access := cmp.Or(o.Access, "access to * by users read")
	files := map[string]string{
		"slapd.conf":   fmt.Sprintf(slapdConfig, dir, secured, o.Config, access, o.Overlays),
		"entries.ldif": o.entries(),
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return fmt.Errorf("slapd configuration: %w", err)
		}
	}
	program, err := daemontest.FindProgram("OpenLDAP", "slapd", []string{"slapadd", "/usr/sbin/slapadd"})
	if err != nil {
		return err
	}
	fill := exec.CommandContext(ctx, program, // #nosec G204 -- found by FindProgram
		"-f", filepath.Join(dir, "slapd.conf"), "-l", filepath.Join(dir, "entries.ldif"))
	out, err := fill.CombinedOutput()
	if err != nil {
		return fmt.Errorf("slapadd: %w: %s", err, out)
	}
	return nil
}

// entries returns the directory as LDIF (RFC 2849).
func (o OpenLDAPOptions) entries() string {
	var text strings.Builder
	entry := func(dn string, lines ...string) {
		fmt.Fprintf(&text, "dn:: %s\n%s\n\n", base64.StdEncoding.EncodeToString([]byte(dn)), strings.Join(lines, "\n"))
	}
	value := func(attribute, text string) string {
		return attribute + ":: " + base64.StdEncoding.EncodeToString([]byte(text))
	}
	entry(Suffix, "objectClass: domain", "dc: example")
	entry(People, "objectClass: organizationalUnit", "ou: people")
	entry(Groups, "objectClass: organizationalUnit", "ou: groups")
	for _, uid := range slices.Sorted(maps.Keys(o.Users)) {
		lines := []string{
			"objectClass: inetOrgPerson", value("uid", uid), value("cn", uid), "sn: Person",
			value("mail", "person@example.org"), value("employeeType", "staff"),
		}
		if o.Users[uid] != "" {
			lines = append(lines, value("userPassword", o.Users[uid]))
		}
		entry(PersonDN(uid), lines...)
	}
	for _, name := range slices.Sorted(maps.Keys(o.Groups)) {
		lines := []string{"objectClass: groupOfNames", value("cn", name)}
		for _, uid := range o.Groups[name] {
			lines = append(lines, value("member", PersonDN(uid)))
		}
		entry("cn="+ldap.EscapeDN(name)+","+Groups, lines...)
	}
	return text.String() + o.LDIF
}

// PersonDN returns the DN of a user's entry.
func PersonDN(uid string) string { return "uid=" + ldap.EscapeDN(uid) + "," + People }
