package directory

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"vault-plugin-auth-radius/internal/fips"
)

// Kind is what sort of directory it is.
type Kind string

// The kinds.
const (
	LDAP            Kind = "ldap"
	ActiveDirectory Kind = "ad"
)

// Security is what protects passwords on their way. The zero value sends none.
type Security string

// The ways to protect passwords.
const (
	LDAPS     Security = "ldaps"
	StartTLS  Security = "starttls" // RFC 4511 section 4.14
	Cleartext Security = "cleartext"
)

// Config holds how a directory is asked. Errors call its parts as the fields of a
// source are called.
type Config struct {
	Kind           Kind
	Servers        []Server      // in the order of preference
	BindAddress    string        // as package bindaddress reads it
	Security       Security      //
	CACertificates string        // PEM: those that may sign the servers', or the servers' own
	ServerName     string        // in the servers' certificates; empty: the server's host
	ConnectTimeout time.Duration // of one server; 0: Timeout
	Timeout        time.Duration // of a whole login

	// ClientCertificate is what servers are shown that ask for one: PEM, with those between
	// it and the root; empty: none. ClientKey is its key.
	ClientCertificate, ClientKey string

	// UserAttribute has a user's name: "uid" if empty, or "sAMAccountName".
	UserAttribute string
	// BindDN is the DN that users' entries are under, or their whole DN with
	// {{username}} in it. For LDAP there is this or Search.
	BindDN string
	Search *Search
	// Domain is that of Active Directory: users bind as name@Domain.
	Domain string

	Groups     *GroupSearch // nil: groups are not searched
	Attributes []string     // of the user's entry that a verdict has

	// Changed, if set, is called when a server is found dead, or answers again.
	Changed func(Change)
	// Dial connects, in tests; nil means the network.
	Dial func(ctx context.Context, address string) (net.Conn, error)
}

// Server is where a directory answers.
type Server struct {
	Host string // name or IP address; the server's certificate has to have it
	Port int
}

// String returns host:port.
func (s Server) String() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }

// Search finds a user's entry, as which the user then binds.
type Search struct {
	BaseDN       string
	Filter       string // with {{username}}; empty: UserAttribute is the name
	BindDN       string // of the account that searches; empty: anonymous
	BindPassword string
}

// GroupSearch finds the groups that a user is in.
type GroupSearch struct {
	BaseDN    string // empty, for Active Directory: all of the domain
	Filter    string // with {{dn}} or {{username}}; empty: groups with the user as member
	Attribute string // that is a group's name; empty: "cn"
}

// The placeholders of the user in templates, where values are escaped as they must be.
const (
	usernamePlace = "{{username}}"
	dnPlace       = "{{dn}}"
)

// The filters of groups, unless others are given. That of Active Directory finds
// groups in groups too (LDAP_MATCHING_RULE_IN_CHAIN).
const (
	ldapGroupFilter = "(|(member={{dn}})(uniqueMember={{dn}})(memberUid={{username}}))"
	adGroupFilter   = "(&(objectClass=group)(member:1.2.840.113556.1.4.1941:={{dn}}))"
)

func (c Config) withDefaults() Config {
	switch {
	case c.Kind == ActiveDirectory:
		c.UserAttribute = "sAMAccountName"
	case c.UserAttribute == "":
		c.UserAttribute = "uid"
	}
	if c.Search != nil && c.Search.Filter == "" {
		search := *c.Search
		search.Filter = "(" + c.UserAttribute + "=" + usernamePlace + ")"
		c.Search = &search
	}
	if c.Groups != nil {
		groups := *c.Groups
		switch {
		case groups.Filter == "" && c.Kind == ActiveDirectory:
			groups.Filter = adGroupFilter
		case groups.Filter == "":
			groups.Filter = ldapGroupFilter
		}
		if groups.Attribute == "" {
			groups.Attribute = "cn"
		}
		c.Groups = &groups
	}
	if c.ConnectTimeout <= 0 {
		c.ConnectTimeout = c.Timeout
	}
	// Each server gets its share of the time, so that the last one is asked, too.
	c.ConnectTimeout = min(c.ConnectTimeout, c.Timeout/time.Duration(max(1, len(c.Servers))))
	return c
}

var (
	attributeName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,63}$`)
	domainName    = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$`)
)

// Check returns what is wrong, naming the field of the source; nil: nothing.
func (c Config) Check() error {
	given, c := c, c.withDefaults()
	if fips.Enabled() && c.Security == Cleartext {
		return errors.New(fips.Refused("`allow_cleartext`, LDAP without TLS,", "since it sends passwords in clear",
			"use ssl or starttls with ssl_cert"))
	}
	if c.Security == LDAPS || c.Security == StartTLS {
		if _, err := c.tls(""); err != nil {
			return err
		}
	}
	if !attributeName.MatchString(c.UserAttribute) {
		return fmt.Errorf("`user_attribute`: %.80q is not the name of an attribute", c.UserAttribute)
	}
	for _, attribute := range c.Attributes {
		if !attributeName.MatchString(attribute) {
			return fmt.Errorf("`reply_attributes`: %.80q is not the name of an attribute", attribute)
		}
	}
	if c.Kind == ActiveDirectory && !domainName.MatchString(c.Domain) {
		return fmt.Errorf("`ad_domain`: %.80q is not a domain, such as corp.example.com", c.Domain)
	}
	if c.Kind == LDAP && c.Search == nil {
		if err := checkDN("ldap_binddn", strings.ReplaceAll(c.BindDN, usernamePlace, "x")); err != nil {
			return err
		}
	}
	if c.Search != nil {
		if err := c.checkSearch(given.Search.Filter); err != nil {
			return err
		}
	}
	if c.Groups != nil {
		return c.checkGroups()
	}
	return nil
}

func (c Config) checkSearch(filter string) error {
	if err := checkDN("user_search_base", c.Search.BaseDN); err != nil {
		return err
	}
	if filter != "" && !strings.Contains(filter, usernamePlace) {
		return errors.New("`user_search_filter` must have {{username}} in it")
	}
	if err := checkFilter("user_search_filter", c.Search.Filter); err != nil {
		return err
	}
	if (c.Search.BindDN == "") != (c.Search.BindPassword == "") {
		return errors.New("`search_binddn` and `search_password` belong together: give both or neither")
	}
	return nil
}

func (c Config) checkGroups() error {
	if c.Kind == LDAP || c.Groups.BaseDN != "" {
		if err := checkDN("group_search_base", c.Groups.BaseDN); err != nil {
			return err
		}
	}
	if !strings.Contains(c.Groups.Filter, dnPlace) && !strings.Contains(c.Groups.Filter, usernamePlace) {
		return errors.New("`group_search_filter` must have {{dn}} or {{username}} in it")
	}
	if !attributeName.MatchString(c.Groups.Attribute) {
		return fmt.Errorf("`group_search_attribute`: %.80q is not the name of an attribute", c.Groups.Attribute)
	}
	return checkFilter("group_search_filter", c.Groups.Filter)
}

func checkDN(field, text string) error {
	if text == "" {
		return fmt.Errorf("`%s` is missing: give a DN, such as ou=people,dc=example,dc=com", field)
	}
	if _, err := ldap.ParseDN(text); err != nil {
		return fmt.Errorf("`%s`: %.80q is not a DN, such as ou=people,dc=example,dc=com", field, text)
	}
	return nil
}

func checkFilter(field, text string) error {
	text = strings.NewReplacer(usernamePlace, "x", dnPlace, "x").Replace(text)
	if _, err := ldap.CompileFilter(text); err != nil {
		return fmt.Errorf("`%s` is not a filter (RFC 4515): %w", field, err)
	}
	return nil
}
