package directorytest

import (
	"context"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"vault-plugin-auth-radius/internal/daemontest"
)

// The account of every 389 Directory Server here that may do everything.
const (
	ManagerDN       = "cn=Directory Manager"
	ManagerPassword = "manager-password" // #nosec G101 -- of tests
)

// DS389Options hold the users of the directory, and how it treats them. The suffix, and
// the bases of users and groups, are those of OpenLDAP here.
type DS389Options struct {
	Users  []DS389User
	LDIF   string // further entries
	Config string // further lines of the entry cn=config
}

// DS389User is a user of a 389 Directory Server.
type DS389User struct {
	UID      string
	Password string // empty: none
	Lines    string // further lines of the entry, such as "nsAccountLock: true"
}

// DS389 is a running 389 Directory Server. It speaks LDAP without TLS.
type DS389 struct {
	daemontest.Daemon
	port int
}

// ds389Template is the file of Debian's package with the entries of a new server's
// configuration.
const ds389Template = "/usr/share/dirsrv/data/template-dse.ldif"

// ds389Backend adds the database of the suffix to the configuration.
const ds389Backend = `
dn: cn=userRoot,cn=ldbm database,cn=plugins,cn=config
objectClass: top
objectClass: extensibleObject
objectClass: nsBackendInstance
cn: userRoot
nsslapd-suffix: ` + Suffix + `

dn: cn="` + Suffix + `",cn=mapping tree,cn=config
objectClass: top
objectClass: extensibleObject
objectClass: nsMappingTree
cn: ` + Suffix + `
nsslapd-state: backend
nsslapd-backend: userRoot
`

// Start389DS fills a directory in dir, a folder that nothing else uses, and runs a
// server on it until Stop or until ctx ends. It takes a second or two: dscreate, which
// does the same for a whole machine, takes some ten. The server does not run as root:
// then it runs as the user dirsrv or "nobody", and dir and its parent are opened for it.
func Start389DS(ctx context.Context, dir string, o DS389Options) (*DS389, error) {
	program, err := daemontest.FindProgram("389 Directory Server", "389-ds-base", []string{"ns-slapd", "/usr/sbin/ns-slapd"})
	if err != nil {
		return nil, err
	}
	runAs, err := daemontest.Unprivileged("389 Directory Server", "dirsrv", "nobody")
	if err != nil {
		return nil, err
	}
	folder, err := daemontest.DataFolder("389 Directory Server", dir, runAs)
	if err != nil {
		return nil, err
	}
	d := &DS389{}
	for range daemontest.PortAttempts {
		if d.port, err = daemontest.FreePort(ctx); err != nil {
			return nil, err
		}
		// Its end is the server's name, which has to be its own on the machine: a semaphore is
		// called like that.
		data := filepath.Join(folder, fmt.Sprintf("slapd-%d", d.port))
		if err := o.write(data, d.port, runAs); err != nil {
			return nil, fmt.Errorf("389 Directory Server configuration: %w", err)
		}
		fill := exec.CommandContext(ctx, program, // #nosec G204 -- found by FindProgram
			"ldif2db", "-D", data, "-n", "userRoot", "-i", filepath.Join(data, "entries.ldif"))
		fill.SysProcAttr = &syscall.SysProcAttr{Credential: runAs}
		if out, err := fill.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("389 Directory Server ldif2db: %w: %s", err, out)
		}
		d.Daemon = daemontest.Daemon{
			Name:      "389 Directory Server",
			Program:   program,
			Arguments: []string{"-D", data, "-i", filepath.Join(data, "pid"), "-d", "0"},
			Accepts:   fmt.Sprintf("127.0.0.1:%d", d.port),
			RunAs:     runAs,
		}
		if err = d.Daemon.Start(ctx); err == nil {
			return d, nil
		}
		log, _ := os.ReadFile(filepath.Join(data, "log", "errors")) // #nosec G304 -- in dir
		err = fmt.Errorf("%w; its file of errors:\n%s", err, log)
		if !errors.Is(err, daemontest.ErrPortTaken) {
			break
		}
	}
	return nil, err
}

// Host returns the IP address the server listens on.
func (d *DS389) Host() string { return "127.0.0.1" }

// Port returns the TCP port where it speaks LDAP.
func (d *DS389) Port() int { return d.port }

// write writes the configuration and the entries.
func (o DS389Options) write(data string, port int, runAs *syscall.Credential) error {
	template, err := os.ReadFile(ds389Template)
	if err != nil {
		return err
	}
	folders := []string{".", "db", "lock", "log", "schema"}
	for _, folder := range folders {
		if err := os.MkdirAll(filepath.Join(data, folder), 0o700); err != nil {
			return err
		}
	}
	runsAs, err := user.Current()
	if runAs != nil {
		runsAs, err = user.LookupId(strconv.FormatUint(uint64(runAs.Uid), 10))
	}
	if err != nil {
		return err
	}
	files := map[string]string{"dse.ldif": o.configuration(string(template), data, runsAs.Username, port), "entries.ldif": o.entries()}
	for name, from := range map[string]string{
		"schema/99user.ldif":    "/etc/dirsrv/schema/99user.ldif",
		"slapd-collations.conf": "/etc/dirsrv/config/slapd-collations.conf",
		"certmap.conf":          "/etc/dirsrv/config/certmap.conf",
	} {
		text, err := os.ReadFile(from) // #nosec G304 -- of the package
		if err != nil {
			return err
		}
		files[name] = string(text)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(data, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	if runAs == nil {
		return nil
	}
	for _, name := range append(folders, slices.Collect(maps.Keys(files))...) {
		if err := os.Chown(filepath.Join(data, name), int(runAs.Uid), int(runAs.Gid)); err != nil {
			return err
		}
	}
	return nil
}

var (
	ds389Place = regexp.MustCompile(`%[a-z_]+%`)
	blankLines = regexp.MustCompile(`\n{3,}`) // which end the file, to the server
)

// configuration completes the entries of the template.
func (o DS389Options) configuration(template, data, localUser string, port int) string {
	values := map[string]string{
		"%ds_port%":   strconv.Itoa(port) + "\nnsslapd-listenhost: 127.0.0.1\n" + o.Config,
		"%ds_passwd%": saltedSHA512(ManagerPassword), "%rootdn%": ManagerDN, "%ds_suffix%": Suffix,
		"%fqdn%": "localhost", "%ds_user%": localUser,
		"%ldapi_enabled%": "off", "%ldapi_autobind%": "off", "%ldapi%": "/none",
		"%db_dir%": data + "/db", "%db_home_dir%": data + "/db", "%db_lib%": "mdb",
		"%lock_dir%": data + "/lock", "%log_dir%": data + "/log", "%schema_dir%": data + "/schema",
	}
	template = ds389Place.ReplaceAllStringFunc(template, func(place string) string {
		if value, known := values[place]; known {
			return strings.TrimSuffix(value, "\n")
		}
		return data
	})
	return blankLines.ReplaceAllString(template+ds389Backend, "\n\n")
}

// entries returns the directory as LDIF. Users that have bound may read all but passwords.
func (o DS389Options) entries() string {
	var text strings.Builder
	fmt.Fprintf(&text, `dn: %s
objectClass: domain
dc: example
aci: (targetattr != "userPassword")(version 3.0; acl "read"; allow (read, search, compare) userdn = "ldap:///all";)

dn: %s
objectClass: organizationalUnit
ou: people

dn: %s
objectClass: organizationalUnit
ou: groups

`, Suffix, People, Groups)
	for _, user := range o.Users {
		fmt.Fprintf(&text, "dn: %s\nobjectClass: inetOrgPerson\nuid: %s\ncn: %[2]s\nsn: Person\n", PersonDN(user.UID), user.UID)
		if user.Password != "" {
			fmt.Fprintf(&text, "userPassword: %s\n", saltedSHA512(user.Password))
		}
		text.WriteString(strings.TrimSuffix(user.Lines, "\n") + "\n\n")
	}
	return text.String() + o.LDIF
}

// saltedSHA512 returns a password's hash as directories write it ({SSHA512}).
func saltedSHA512(password string) string {
	salt := make([]byte, 8)
	_, _ = rand.Read(salt) // never fails
	sum := sha512.Sum512(append([]byte(password), salt...))
	return "{SSHA512}" + base64.StdEncoding.EncodeToString(append(sum[:], salt...))
}
