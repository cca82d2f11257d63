package source

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"vault-plugin-auth-radius/internal/bindaddress"
	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/username"
	"vault-plugin-auth-radius/internal/validate"
)

// maxRealms is the largest number of realms of a source, and of its attributes.
const maxRealms = 64

// Validate returns what is wrong with the source, each text naming its field.
func (s *Entry) Validate(known *dictionary.Dictionary) []string {
	found := s.Unread
	if s.Name != "" && !IsName(s.Name) {
		found = append(found, fmt.Sprintf("`name`: %.80q cannot be a name: "+
			"use 1 to 63 letters, digits, - and _, but no number, and not %q", s.Name, Local))
	}
	found = append(found, s.hostProblems()...)
	if s.BindTo != "" {
		if err := bindaddress.Check(s.BindTo); err != nil {
			found = append(found, "`bindto`: "+err.Error())
		}
	}
	if len(s.Realms) > maxRealms || len(s.ReplyAttributes) > maxRealms {
		found = append(found, fmt.Sprintf("`realms` and `reply_attributes` may have %d entries each", maxRealms))
	}
	for i, realm := range s.Realms {
		same := func(other string) bool { return username.SameRealm(other, realm) }
		switch {
		case !username.IsSourceRealm(realm):
			found = append(found, fmt.Sprintf("`realms`: %.80q is not a realm: "+
				"use 1 to 253 letters (ASCII), digits and . - _, without @ and \\", realm))
		case slices.ContainsFunc(s.Realms[:i], same):
			found = append(found, fmt.Sprintf("`realms`: %.80q is there twice", realm))
		}
	}
	for _, to := range slices.Sorted(maps.Values(s.ReplyAttributes)) {
		found = append(found, known.CheckReadable("reply_attributes", []string{to})...)
	}
	if s.RADIUS != nil {
		for _, from := range slices.Sorted(maps.Keys(s.ReplyAttributes)) {
			found = append(found, known.CheckReadable("reply_attributes", []string{from})...)
		}
		return append(found, s.radiusProblems()...)
	}
	return append(found, s.directoryProblems()...)
}

func (s *Entry) hostProblems() []string {
	if len(s.Hosts) == 0 {
		return []string{"`host` is missing: give a host name or an IP address"}
	}
	var found []string
	if len(s.Hosts) > MaxHosts+1 {
		found = append(found, fmt.Sprintf("`host` has %d entries; give %d at most", len(s.Hosts), MaxHosts+1))
	}
	for i, entry := range s.Hosts {
		same := func(other Host) bool { return other == entry }
		switch {
		case entry.Port < 0 || entry.Port > 65535:
			found = append(found, fmt.Sprintf("`host`: the port of %.80q is %d; use 1 to 65535", entry.Host, entry.Port))
		case !validate.IsHost(entry.Host):
			found = append(found, fmt.Sprintf("`host`: %.80q must be a host name or IP address, "+
				"with or without a port, and without a scheme", entry.Host))
		case slices.ContainsFunc(s.Hosts[:i], same):
			found = append(found, fmt.Sprintf("`host`: %s is there twice", entry.Host))
		}
	}
	return found
}

func (s *Entry) radiusProblems() []string {
	var found []string
	if s.NASID == "" {
		found = append(found, "`nasid` is missing: give the NAS-Identifier, by which the server knows this mount")
	}
	if len(s.NASID) > radclient.MaxValueLen {
		found = append(found, fmt.Sprintf("`nasid` is longer than %d octets", radclient.MaxValueLen))
	}
	if s.RADIUS.Secret == "" && s.RADIUS.Transport != radclient.TLS {
		found = append(found, "`secret` is missing: give the secret shared with the server")
	}
	found = append(found, s.RADIUS.FIPSProblems()...)
	return append(found, s.RADIUS.Validate()...)
}

func (s *Entry) directoryProblems() []string {
	d := s.Directory
	found := timeoutProblems(d.DialTimeout, d.ReadTimeout)
	if d.SSL && d.StartTLS {
		found = append(found, "`ssl` and `starttls` exclude each other: give one")
	}
	if (d.SSL || d.StartTLS) && d.SSLCert == "" {
		found = append(found, "`ssl_cert` is missing: give the certificates, in PEM form, of those who may sign the directory's")
	}
	found = append(found, d.tlsProblems()...)
	if s.Type == TypeAD && d.Domain == "" {
		found = append(found, "`ad_domain` is missing: users bind as <name>@<ad_domain>")
	}
	if s.Type == TypeLDAP && d.BindDN == "" && d.UserSearchBase == "" {
		found = append(found, "`ldap_binddn` is missing: users bind as uid=<name>,<ldap_binddn>; or give user_search_base")
	}
	if d.UserSearchBase == "" && (d.UserSearchFilter != "" || d.SearchBindDN != "" || d.SearchPassword != "") {
		found = append(found, "`user_search_filter`, `search_binddn` and `search_password` belong to `user_search_base`: give that, too")
	}
	if s.Type == TypeLDAP && d.BindDN != "" && d.UserSearchBase != "" {
		found = append(found, "`ldap_binddn` and `user_search_base` exclude each other: give one")
	}
	if len(found) > 0 {
		return found
	}
	if err := s.directoryConfig().Check(); err != nil {
		found = append(found, err.Error())
	}
	return found
}

// tlsProblems returns what is wrong with the settings of TLS, certificates and keys left out.
func (d *DirectorySettings) tlsProblems() []string {
	var found []string
	if !d.SSL && !d.StartTLS {
		for _, field := range []struct{ name, value string }{
			{"tls_client_cert", d.TLSClientCert}, {"tls_client_key", d.TLSClientKey}, {"tls_server_name", d.TLSServerName},
		} {
			if field.value != "" {
				found = append(found, fmt.Sprintf("`%s` has no effect without `ssl` or `starttls`: leave it out, or set one of them",
					field.name))
			}
		}
	}
	if d.TLSServerName != "" && !validate.IsHost(d.TLSServerName) {
		found = append(found, "`tls_server_name` is neither a host name nor an IP address")
	}
	return found
}

// NameFree returns an error if another source has the name.
func (s *Entry) NameFree(others []*Entry) error {
	for _, other := range others {
		if other.ID != s.ID && strings.EqualFold(other.Name, s.Name) {
			return fmt.Errorf("name %q is taken by source %d", s.Name, other.ID)
		}
	}
	return nil
}

// RealmsTaken returns problems for realms that another source has: a name would lead to both.
func (s *Entry) RealmsTaken(others []*Entry) []string {
	var found []string
	for _, other := range others {
		for _, realm := range s.Realms {
			if other.ID != s.ID && other.HasRealm(realm) {
				found = append(found, fmt.Sprintf("`realms`: %.80q is a realm of the source %s", realm, other.Name))
			}
		}
	}
	return found
}
