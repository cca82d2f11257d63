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
	notices     []string // for the verdict
}

// login asks the server over the connection, or a new one if that is nil.
func (s *server) login(ctx context.Context, conn *connection, credentials Credentials) (Verdict, error) {
	if conn == nil {
		var err error
		if conn, err = s.connect(ctx); err != nil {
			return Verdict{}, s.explain(ctx, err)
		}
	}
	login := session{server: s, conn: conn, ctx: ctx, credentials: credentials}
	stop := conn.until(ctx)
	verdict, err := login.verdict()
	verdict.Notices = login.notices
	stop()
	var unavailable *UnavailableError
	if errors.As(err, &unavailable) {
		conn.close()
	} else {
		s.pool.put(conn)
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

// explain is the server's explain, with what the connection knows of its end.
func (s *session) explain(err error) error {
	var result *ldap.Error
	isResult := errors.As(err, &result) && result.ResultCode < ldap.ErrorNetwork
	fault := s.conn.fault()
	if !isResult && fault == nil && s.ctx.Err() == nil && !s.conn.IsClosing() {
		text := fmt.Sprintf("no answer can be read: check that it is a directory, and port, ssl and starttls (%v)", err)
		return &UnavailableError{s.name, text, err}
	}
	return s.server.explain(s.ctx, errors.Join(err, fault))
}

// notice keeps a text for operators in the verdict, once.
func (s *session) notice(text string) {
	if text != "" && !slices.Contains(s.notices, text) {
		s.notices = append(s.notices, text)
	}
}

// entryDN returns the DN that the config makes of a name.
func (s *session) entryDN(name string) string {
	config, name := s.client.config, ldap.EscapeDN(name)
	if strings.Contains(config.BindDN, usernamePlace) {
		return strings.ReplaceAll(config.BindDN, usernamePlace, name)
	}
	return config.UserAttribute + "=" + name + "," + config.BindDN
}

// bindAsEntry binds as the entry whose DN the config makes of the name, and reads
// it.
func (s *session) bindAsEntry() (*ldap.Entry, string, error) {
	dn := s.entryDN(s.credentials.Username)
	if reason, err := s.bindUser(dn); reason != "" || err != nil {
		return nil, reason, err
	}
	entries, err := s.search(dn, ldap.ScopeBaseObject, "(objectClass=*)")
	if err != nil && !ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject) {
		return nil, "", s.explain(err)
	}
	if len(entries) != 1 {
		return nil, "", s.unreadable()
	}
	return entries[0], "", nil
}

// bindInDomain binds as name@domain, and searches the entry.
func (s *session) bindInDomain() (*ldap.Entry, string, error) {
	principal := s.credentials.Username + "@" + s.client.config.Domain
	if reason, err := s.bindUser(principal); reason != "" || err != nil {
		return nil, reason, err
	}
	base, err := s.domainBase()
	if err != nil {
		return nil, "", err
	}
	// A user that binds by another name than the account's is found, too: checkName says so.
	filter := fmt.Sprintf("(&(objectClass=user)(|(sAMAccountName=%s)(userPrincipalName=%s)))",
		ldap.EscapeFilter(s.credentials.Username), ldap.EscapeFilter(principal))
	entries, err := s.search(base, ldap.ScopeWholeSubtree, filter)
	switch {
	case err != nil && !ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject):
		return nil, "", s.explain(err)
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
	reason, err := s.bindUser(entries[0].DN)
	return entries[0], reason, err
}

// searchThenBind finds the entry as the account that searches, and binds as it.
func (s *session) searchThenBind() (*ldap.Entry, string, error) {
	search := s.client.config.Search
	if err := s.bindSearcher(); err != nil {
		return nil, "", err
	}
	filter := strings.ReplaceAll(search.Filter, usernamePlace, ldap.EscapeFilter(s.credentials.Username))
	entries, err := s.search(search.BaseDN, ldap.ScopeWholeSubtree, filter)
	switch {
	case err != nil:
		return nil, "", s.explainSearch(err, "user_search_base")
	case len(entries) == 0 && search.BindDN == "":
		return nil, "there is no entry with this name, or an anonymous search does not see it: see search_binddn", nil
	case len(entries) == 0:
		return nil, "there is no entry with this name", nil
	case len(entries) > 1:
		return nil, "several entries have this name: see user_search_base and user_search_filter", nil
	}
	reason, err := s.bindUser(entries[0].DN)
	return entries[0], reason, err
}

// checkName compares the entry's name with the one that was typed: if spellings could
// differ, one entry would be several users. The reason says how the name has to be typed;
// empty: as it was.
func (s *session) checkName(entry *ldap.Entry) (reason string, err error) {
	attribute := s.client.config.UserAttribute
	name, found := ownName(entry, attribute)
	if !found {
		return "", &ConfigurationError{s.name, namelessText(entry, attribute), nil}
	}
	if name != s.credentials.Username && (s.credentials.SameName == nil || !s.credentials.SameName(name)) {
		return fmt.Sprintf("the directory spells this name %q: it has to be typed like that", name), nil
	}
	return "", nil
}

// namelessText returns why an entry has no name here, and what to do.
func namelessText(entry *ldap.Entry, attribute string) string {
	count := len(entry.GetEqualFoldAttributeValues(attribute))
	if count < 2 {
		return fmt.Sprintf("the person's entry has no %s that can be read: see user_attribute", attribute)
	}
	return fmt.Sprintf("the person's entry has %d values of %s, and one account has one name: "+
		"give an attribute with one value as user_attribute, or leave one value in the entry", count, attribute)
}

// ownName returns the one value of an attribute by which the entry is known: the
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

// unreadable returns the error of a user that cannot read the entry.
func (s *session) unreadable() error {
	return &ConfigurationError{s.name, unreadableText, nil}
}
