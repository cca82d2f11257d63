package directorytest

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"unicode/utf16"

	"github.com/go-ldap/ldap/v3"

	"vault-plugin-auth-radius/internal/daemontest"
	"vault-plugin-auth-radius/internal/tlstest"
)

// The domain of every Samba here.
const (
	Domain       = "corp.example.org"
	DomainSuffix = "DC=corp,DC=example,DC=org"

	// DomainAdminPassword is that of Administrator.
	DomainAdminPassword = "Admin-Passw0rd" // #nosec G101 -- of tests
)

// Samba is a running Active Directory domain controller of Samba 4. It needs root
// and, as its ports are fixed (389 and 636), an address of 127.0.0.0/8 for itself.
type Samba struct {
	daemontest.Daemon
	host, dir string
	trusts    *tlstest.Authority
}

// sambaConfig is added to what provisioning writes.
const sambaConfig = `
	server services = ldap, cldap
	interfaces = %[2]s/8
	bind interfaces only = yes
	tls enabled = yes
	tls keyfile = %[1]s/server.key
	tls certfile = %[1]s/server.pem
	tls cafile = %[1]s/ca.pem
	pid directory = %[1]s/pid
	ncalrpc dir = %[1]s/ncalrpc
	lock directory = %[1]s/lock
	log file = %[1]s/log
	max log size = 0
`

// StartSamba provisions a domain in dir, a folder that nothing else uses, and runs
// its controller on the address, such as 127.0.0.77, until Stop or until ctx ends.
// It takes some 7 seconds.
func StartSamba(ctx context.Context, dir, address string, identity *tlstest.Identity) (*Samba, error) {
	program, err := daemontest.FindProgram("Samba", "samba-ad-dc", []string{"samba", "/usr/sbin/samba"})
	if err != nil {
		return nil, err
	}
	if os.Geteuid() != 0 {
		return nil, errors.New("the domain controller of Samba needs root: run the tests as root")
	}
	s := &Samba{host: address, dir: dir, trusts: identity.Trusts}
	if err := s.tool(ctx, "domain", "provision", "--realm="+Domain, "--domain=CORP", "--server-role=dc", "--dns-backend=NONE",
		"--host-name=dc1", "--host-ip="+address, "--adminpass="+DomainAdminPassword, "--targetdir="+dir); err != nil {
		return nil, err
	}
	for _, folder := range []string{"pid", "ncalrpc", "lock"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil { // #nosec G301 -- Samba wants it like that
			return nil, fmt.Errorf("Samba folder: %w", err)
		}
	}
	if err := identity.Write(dir, "server"); err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "etc", "smb.conf")
	text, err := os.ReadFile(config) // #nosec G304 -- in dir
	if err != nil {
		return nil, fmt.Errorf("Samba configuration: %w", err)
	}
	changed := strings.Replace(string(text), "[global]", "[global]"+fmt.Sprintf(sambaConfig, dir, address), 1)
	if err := os.WriteFile(config, []byte(changed), 0o600); err != nil { // #nosec G703 -- in dir
		return nil, fmt.Errorf("Samba configuration: %w", err)
	}
	s.Daemon = daemontest.Daemon{
		Name:      "Samba",
		Program:   program,
		Arguments: []string{"-i", "-M", "single", "-s", config},
		Kill:      true, // if it is asked to end, it fails
		Accepts:   address + ":636",
	}
	return s, s.Start(ctx)
}

// Host returns the IP address the controller listens on, at ports 389 and 636.
func (s *Samba) Host() string { return s.host }

// Tool changes the domain with a command of samba-tool, such as "user", "disable",
// "bob".
func (s *Samba) Tool(ctx context.Context, arguments ...string) error {
	return s.tool(ctx, append(arguments, "-H", filepath.Join(s.dir, "private", "sam.ldb"))...)
}

// AddUsers makes users with the password, faster than Tool does.
func (s *Samba) AddUsers(password string, names ...string) error {
	return s.asAdministrator(func(conn *ldap.Conn) error {
		var failed error
		for _, name := range names {
			user := ldap.NewAddRequest(accountDN(name), nil)
			user.Attribute("objectClass", []string{"user"})
			user.Attribute("sAMAccountName", []string{name})
			user.Attribute("unicodePwd", []string{quotedPassword(password)})
			user.Attribute("userAccountControl", []string{"512"}) // NORMAL_ACCOUNT
			failed = errors.Join(failed, conn.Add(user))
		}
		return failed
	})
}

// AddGroup makes a group of users and groups.
func (s *Samba) AddGroup(name string, members ...string) error {
	return s.asAdministrator(func(conn *ldap.Conn) error {
		group := ldap.NewAddRequest(accountDN(name), nil)
		group.Attribute("objectClass", []string{"group"})
		group.Attribute("sAMAccountName", []string{name})
		var dns []string
		for _, member := range members {
			dns = append(dns, accountDN(member))
		}
		group.Attribute("member", dns)
		return conn.Add(group)
	})
}

// SetPrimaryGroup changes the primary group of a user, which has to be a member of it.
func (s *Samba) SetPrimaryGroup(name, group string) error {
	return s.asAdministrator(func(conn *ldap.Conn) error {
		request := ldap.NewSearchRequest(accountDN(group), ldap.ScopeBaseObject, ldap.NeverDerefAliases, 1, 0, false,
			"(objectClass=group)", []string{"primaryGroupToken"}, nil)
		found, err := conn.Search(request)
		if err != nil {
			return err
		}
		change := ldap.NewModifyRequest(accountDN(name), nil)
		change.Replace("primaryGroupID", found.Entries[0].GetAttributeValues("primaryGroupToken"))
		return conn.Modify(change)
	})
}

// Modify sets an attribute of a user.
func (s *Samba) Modify(name, attribute, value string) error {
	return s.asAdministrator(func(conn *ldap.Conn) error {
		change := ldap.NewModifyRequest(accountDN(name), nil)
		change.Replace(attribute, []string{value})
		return conn.Modify(change)
	})
}

// asAdministrator does something over LDAPS.
func (s *Samba) asAdministrator(change func(*ldap.Conn) error) error {
	config := &tls.Config{RootCAs: s.trusts.Pool(), ServerName: s.host, MinVersion: tls.VersionTLS12}
	conn, err := ldap.DialURL("ldaps://"+s.host+":636", ldap.DialWithTLSConfig(config))
	if err != nil {
		return fmt.Errorf("change Samba: %w", err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.Bind("Administrator@"+Domain, DomainAdminPassword); err != nil {
		return fmt.Errorf("change Samba: %w", err)
	}
	if err := change(conn); err != nil {
		return fmt.Errorf("change Samba: %w", err)
	}
	return nil
}

// accountDN returns the DN of a user or a group.
func accountDN(name string) string { return "CN=" + name + ",CN=Users," + DomainSuffix }

// quotedPassword returns a password as unicodePwd takes it: in quotes, as UTF-16.
func quotedPassword(password string) string {
	var octets []byte
	for _, unit := range utf16.Encode([]rune(`"` + password + `"`)) {
		octets = binary.LittleEndian.AppendUint16(octets, unit)
	}
	return string(octets)
}

func (s *Samba) tool(ctx context.Context, arguments ...string) error {
	out, err := exec.CommandContext(ctx, "samba-tool", arguments...).CombinedOutput() // #nosec G204 -- of a test
	if err != nil {
		return fmt.Errorf("samba-tool %s: %w: %s", arguments[0], err, out)
	}
	return nil
}
