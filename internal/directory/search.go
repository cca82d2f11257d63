package directory

import (
	"errors"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

const (
	// pageSize is how many groups are read at once (RFC 2696): Active Directory
	// returns no more than 1,000.
	pageSize = 500
	// maxGroups is how many groups of a user count.
	maxGroups = 1000
)

// rootRequest returns the request for the server's own entry (RFC 4512 section 5.1).
func rootRequest() *ldap.SearchRequest {
	return ldap.NewSearchRequest("", ldap.ScopeBaseObject, ldap.NeverDerefAliases, 1, 0, false,
		"(objectClass=*)", []string{"defaultNamingContext"}, nil)
}

// search returns a user's entry, or several if it is not clear which. Entries that the
// directory refers to elsewhere are left out. The error is go-ldap's.
func (s *session) search(base string, scope int, filter string) ([]*ldap.Entry, error) {
	config := s.client.config
	attributes := append([]string{config.UserAttribute}, config.Attributes...)
	if config.Kind == ActiveDirectory {
		attributes = append(attributes, userPrincipalName, primaryGroupID, objectSID)
	}
	request := ldap.NewSearchRequest(base, scope, ldap.NeverDerefAliases, 2, 0, false, filter, attributes, nil)
	result, err := s.conn.Search(request)
	switch {
	case ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded) && result != nil && len(result.Entries) > 1:
		return result.Entries, nil
	case err != nil:
		return nil, err
	}
	return result.Entries, nil
}

// explainSearch explains why a search below the base of a field has failed.
func (s *session) explainSearch(err error, field string) error {
	anonymous := s.client.config.Search != nil && s.client.config.Search.BindDN == ""
	switch {
	case ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject) && anonymous:
		text := "there is nothing at " + field + ", or an anonymous search does not see it: see search_binddn (result 32)"
		return &ConfigurationError{s.name, text, err}
	case ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject):
		return &ConfigurationError{s.name, "there is nothing at " + field + " (result 32)", err}
	case anonymous:
		return s.explainAnonymous(s.ctx, errors.Join(err, s.conn.fault()))
	}
	return s.explain(err)
}

func (s *server) knownBase() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.namingContext
}

// domainBase returns where the domain's entries are, which the server's own entry says.
func (s *session) domainBase() (string, error) {
	known := s.knownBase()
	if known != "" {
		return known, nil
	}
	result, err := s.conn.Search(rootRequest())
	if err != nil {
		return "", s.explain(err)
	}
	if len(result.Entries) == 1 {
		known = result.Entries[0].GetEqualFoldAttributeValue("defaultNamingContext")
	}
	if known == "" {
		return "", &ConfigurationError{s.name, "it has no defaultNamingContext: is it Active Directory? See type", nil}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.namingContext = known
	return known, nil
}

// groups finds the groups that the entry is in, sorted, each once.
func (s *session) groups(entry *ldap.Entry) ([]string, error) {
	wanted := s.client.config.Groups
	if wanted == nil {
		return nil, nil
	}
	base := wanted.BaseDN
	if base == "" {
		var err error
		if base, err = s.domainBase(); err != nil {
			return nil, err
		}
	}
	if s.client.config.Search != nil { // the user has bound since
		if err := s.bindSearcher(); err != nil {
			return nil, err
		}
	}
	filter, err := s.groupFilter(entry)
	if err != nil {
		return nil, err
	}
	request := ldap.NewSearchRequest(base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false,
		filter, []string{wanted.Attribute}, nil)
	result, err := s.conn.SearchWithPaging(request, pageSize)
	if err != nil {
		return nil, s.explainSearch(err, "group_search_base")
	}
	var names []string
	for _, group := range result.Entries {
		if name := group.GetEqualFoldAttributeValue(wanted.Attribute); name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) > maxGroups {
		return nil, &ConfigurationError{
			s.name, "the person is in more than 1,000 groups: narrow group_search_filter", errors.New("too many groups"),
		}
	}
	return names, nil
}

// groupFilter returns the filter of the groups that the entry is in. The name is spelled as
// the entry has it, since groups may compare names with case.
func (s *session) groupFilter(entry *ldap.Entry) (string, error) {
	config := s.client.config
	filter := config.Groups.Filter
	name, found := ownName(entry, config.UserAttribute)
	if !found {
		name = s.credentials.Username
	}
	values := []string{dnPlace, ldap.EscapeFilter(entry.DN), usernamePlace, ldap.EscapeFilter(name)}
	if sid := primaryGroupSID(entry); config.Kind == ActiveDirectory && sid != nil {
		filter = withPrimaryGroup(filter)
		values = append(values, primarySIDPlace, escapeOctets(sid))
		if strings.Contains(filter, primaryDNPlace) {
			dn, err := s.groupDN(sid)
			if err != nil {
				return "", err
			}
			if dn == "" {
				s.notice("the primary group cannot be read: the groups that it is in do not count")
				dn = entry.DN // which is in the filter anyway
			}
			values = append(values, primaryDNPlace, ldap.EscapeFilter(dn))
		}
	}
	return strings.NewReplacer(values...).Replace(filter), nil
}
