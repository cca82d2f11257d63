package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// userPrincipalName is a name of accounts in Active Directory, each once in a
// forest.
const userPrincipalName = "userPrincipalName"

// session is one login over one connection.
type session struct {
	*server
	conn        *connection
	ctx         context.Context
	credentials Credentials
}

// login asks the server over the connection, or a new one if that is nil.
func (s *server) login(ctx context.Context, conn *connection, credentials Credentials) (Verdict, error) {
	if conn == nil {
		var err error
		if conn, err = s.connect(ctx); err != nil {
			return Verdict{}, s.explain(ctx, err)
		}
	}
	one := session{s, conn, ctx, credentials}
	stop := conn.until(ctx)
	verdict, err := one.verdict()
	stop()
	var unavailable *UnavailableError
	if errors.As(err, &unavailable) {
		conn.close()
	} else {
		s.pool.keep(conn)
	}
	return verdict, err
}

func (s *session) verdict() (Verdict, error) {
	var entry *ldap.Entry
	var reason string
	var err error
	switch {
	case s.client.config.Kind == ActiveDirectory:
		entry, reason, err = s.bindInDomain()
	case s.client.config.Search != nil:
		entry, reason, err = s.searchThenBind()
	default:
		entry, reason, err = s.bindAsEntry()
	}
	if err == nil && reason == "" {
		reason, err = s.checkName(entry)
	}
	if err != nil || reason != "" {
		return Verdict{Reason: reason}, err
	}
	verdict := Verdict{Accepted: true, DN: entry.DN, Attributes: map[string][]string{}}
	for _, attribute := range s.client.config.Attributes {
		verdict.Attributes[attribute] = entry.GetEqualFoldAttributeValues(attribute)
	}
	verdict.Groups, err = s.groups(entry)
	if err != nil {
		return Verdict{}, err
	}
	return verdict, nil
}

// bind binds, and gives the reason if the directory refuses the password.
func (s *session) bind(name, password string) (reason string, err error) {
	_, err = s.conn.SimpleBind(ldap.NewSimpleBindRequest(name, password, nil))
	var result *ldap.Error
	if errors.As(err, &result) && s.ctx.Err() == nil {
		if reason := refusedReason(result); reason != "" {
			return reason, nil
		}
	}
	if err != nil {
		return "", s.explain(s.ctx, err)
	}
	return "", nil
}

// bindAsEntry binds as the entry whose DN the config makes of the name, and reads
// it.
func (s *session) bindAsEntry() (*ldap.Entry, string, error) {
	name := ldap.EscapeDN(s.credentials.Username)
	dn := s.client.config.UserAttribute + "=" + name + "," + s.client.config.BindDN
	if strings.Contains(s.client.config.BindDN, usernamePlace) {
		dn = strings.ReplaceAll(s.client.config.BindDN, usernamePlace, name)
	}
	if reason, err := s.bind(dn, s.credentials.Password); reason != "" || err != nil {
		return nil, reason, err
	}
	entries, err := s.search(dn, ldap.ScopeBaseObject, "(objectClass=*)")
	if err != nil {
		return nil, "", err
	}
	if len(entries) != 1 {
		return nil, "", s.unreadable()
	}
	return entries[0], "", nil
}

// bindInDomain binds as name@domain, and searches the entry.
func (s *session) bindInDomain() (*ldap.Entry, string, error) {
	principal := s.credentials.Username + "@" + s.client.config.Domain
	if reason, err := s.bind(principal, s.credentials.Password); reason != "" || err != nil {
		return nil, reason, err
	}
	base, err := s.domainBase()
	if err != nil {
		return nil, "", err
	}
	// Who binds by another name than the account's is found, too, and told so.
	filter := fmt.Sprintf("(&(objectClass=user)(|(sAMAccountName=%s)(userPrincipalName=%s)))", ldap.EscapeFilter(s.credentials.Username), ldap.EscapeFilter(principal))
	entries, err := s.search(base, ldap.ScopeWholeSubtree, filter)
	switch {
	case err != nil:
		return nil, "", err
	case len(entries) == 0:
		return nil, "", s.unreadable()
	case len(entries) > 1:
		return nil, "the name is one account's name and another's userPrincipalName: change one of them", nil
	}
	if strings.EqualFold(entries[0].GetEqualFoldAttributeValue(userPrincipalName), principal) {
		return entries[0], "", nil
	}
	// The name of the bind may be another account's userPrincipalName, in a part of
	// the forest that is not seen here: the entry has to have the password as well.
	reason, err := s.bind(entries[0].DN, s.credentials.Password)
	return entries[0], reason, err
}

// searchThenBind finds the entry as whoever may search, and binds as it.
func (s *session) searchThenBind() (*ldap.Entry, string, error) {
	search := s.client.config.Search
	if err := s.bindSearcher(); err != nil {
		return nil, "", err
	}
	filter := strings.ReplaceAll(search.Filter, usernamePlace, ldap.EscapeFilter(s.credentials.Username))
	entries, err := s.search(search.BaseDN, ldap.ScopeWholeSubtree, filter)
	switch {
	case err != nil:
		return nil, "", err
	case len(entries) == 0:
		return nil, "there is no entry with this name", nil
	case len(entries) > 1:
		return nil, "several entries have this name: see user_search_base and user_search_filter", nil
	}
	reason, err := s.bind(entries[0].DN, s.credentials.Password)
	return entries[0], reason, err
}

// bindSearcher binds as who searches.
func (s *session) bindSearcher() error {
	search := s.client.config.Search
	request := ldap.NewSimpleBindRequest(search.BindDN, search.BindPassword, nil)
	request.AllowEmptyPassword = search.BindDN == ""
	_, err := s.conn.SimpleBind(request)
	var result *ldap.Error
	if errors.As(err, &result) && result.ResultCode == ldap.LDAPResultInvalidCredentials && s.ctx.Err() == nil {
		return &ConfigurationError{s.name, "it refuses search_binddn with search_password (result 49)", err}
	}
	if err != nil {
		return s.explain(s.ctx, err)
	}
	return nil
}

// checkName tells whether the entry has the name as it was typed: else one entry
// would be several people. The reason is how it has to be typed.
func (s *session) checkName(entry *ldap.Entry) (reason string, err error) {
	attribute := s.client.config.UserAttribute
	name, found := ownName(entry, attribute)
	if !found {
		return "", &ConfigurationError{s.name, fmt.Sprintf("the person's entry has no %s that is its name: see user_attribute", attribute), nil}
	}
	if name != s.credentials.Username && (s.credentials.SameName == nil || !s.credentials.SameName(name)) {
		return fmt.Sprintf("the directory spells this name %q: it has to be typed like that", name), nil
	}
	return "", nil
}

// ownName gives the one value of an attribute by which the entry is known: the
// only one, or that in its DN.
func ownName(entry *ldap.Entry, attribute string) (string, bool) {
	values := entry.GetEqualFoldAttributeValues(attribute)
	if len(values) == 1 {
		return values[0], true
	}
	dn, err := ldap.ParseDN(entry.DN)
	if err != nil || len(dn.RDNs) == 0 {
		return "", false
	}
	for _, part := range dn.RDNs[0].Attributes {
		if strings.EqualFold(part.Type, attribute) && slices.Contains(values, part.Value) {
			return part.Value, true
		}
	}
	return "", false
}

// unreadable says that the person cannot read the entry.
func (s *session) unreadable() error {
	return &ConfigurationError{s.name, resultTexts[ldap.LDAPResultInsufficientAccessRights], nil}
}
