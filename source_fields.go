package radiusauth

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"

	"vault-plugin-auth-radius/internal/bindaddress"
	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/username"
	"vault-plugin-auth-radius/internal/validate"
)

// The fields that sources of a kind have, beside those that all have.
var (
	commonSourceFields = []string{fieldSourceType, fieldName, fieldHost, fieldPort, fieldBindTo, fieldRealms, fieldReplyAttributes}
	radiusSourceFields = append([]string{fieldNASID}, radiusFieldNames...)
	directoryFields    = []string{
		fieldDialTimeout, fieldReadTimeout, fieldSSL, fieldSSLCert, fieldStartTLS, fieldAllowCleartext,
		fieldTLSClientCert, fieldTLSClientKey, fieldTLSServerName,
		fieldGroupSearchBase, fieldGroupSearchFilter, fieldGroupSearchAttribute,
	}
	ldapFields = []string{fieldBindDN, fieldUserAttribute, fieldUserSearchBase, fieldUserSearchFilter, fieldSearchBindDN, fieldSearchPassword}
)

// fieldNames are the fields that a source of the type has.
func (t sourceType) fieldNames() []string {
	switch t {
	case sourceLDAP:
		return slices.Concat(commonSourceFields, directoryFields, ldapFields)
	case sourceAD:
		return slices.Concat(commonSourceFields, directoryFields, []string{fieldADDomain})
	}
	return slices.Concat(commonSourceFields, radiusSourceFields)
}

// sourceFields is the one place that says what a source's fields are.
func sourceFields() map[string]*framework.FieldSchema {
	secret := &framework.DisplayAttributes{Sensitive: true}
	fields := map[string]*framework.FieldSchema{
		fieldSourceType:           {Type: framework.TypeString, AllowedValues: allowed(sourceTypes), Description: "Kind of source: \"radius\", \"cerb\" (a RADIUS server to which nasid names a service), \"ldap\" or \"ad\". Required; it never changes."},
		fieldName:                 {Type: framework.TypeString, Description: "Name of the source, for users/ and the log: letters, digits, - and _, at most 63. Unique. Default: type and id, such as ldap-3."},
		fieldHost:                 {Type: framework.TypeCommaStringSlice, Description: "Host name or IP address, or several in order of preference, each with a port of its own if need be (host:port). Required."},
		fieldPort:                 {Type: framework.TypeInt, Description: "Port, 1 to 65535. Default: 1812, with transport \"tls\" 2083; 389, with ssl 636."},
		fieldBindTo:               {Type: framework.TypeString, Description: "Where requests come from: an IP address of the Vault server, a network interface, or label:<name>, which stands for what the environment variable RADIUS_BIND_<NAME> of the plugin says. Empty: the system chooses."},
		fieldRealms:               {Type: framework.TypeCommaStringSlice, Description: "Realms whose people, and no others, the source checks: user@realm and REALM\\user, in any case. No other source may have them. The first is the one by which they are known."},
		fieldReplyAttributes:      {Type: framework.TypeKVPairs, Description: "Attributes of the source's answer, such as those of a directory's entry, and under which name checks of profiles see each as reply:."},
		fieldNASID:                {Type: framework.TypeString, Description: "NAS-Identifier: for cerb the name of the service. Required."},
		fieldSSL:                  {Type: framework.TypeBool, Description: "Whether to speak TLS from the start (LDAPS). Needs ssl_cert."},
		fieldSSLCert:              {Type: framework.TypeString, Description: "PEM certificates of those who may sign the directory's, or the directory's own. Those of the system are not believed.", DisplayAttrs: &framework.DisplayAttributes{EditType: "textarea"}},
		fieldStartTLS:             {Type: framework.TypeBool, Description: "Whether to start TLS on the plain port. Needs ssl_cert."},
		fieldAllowCleartext:       {Type: framework.TypeBool, Description: "Whether passwords may go to the directory in clear text, without ssl and starttls: for one on the same host. Without it such a source refuses everybody."},
		fieldBindDN:               {Type: framework.TypeString, Description: "Where people are: they bind as uid=<name>,<ldap_binddn>; or their whole DN, with {{username}} in it. Required, unless user_search_base is given."},
		fieldUserAttribute:        {Type: framework.TypeString, Default: "uid", Description: "Attribute that has a person's name."},
		fieldUserSearchBase:       {Type: framework.TypeString, Description: "Where to search people, instead of ldap_binddn: the one that is found binds."},
		fieldUserSearchFilter:     {Type: framework.TypeString, Description: "Filter of that search, with {{username}} in it. Default: the user_attribute is the name."},
		fieldSearchBindDN:         {Type: framework.TypeString, Description: "Who searches. Empty: anybody may."},
		fieldSearchPassword:       {Type: framework.TypeString, Description: "Password of search_binddn. Never returned.", DisplayAttrs: secret},
		fieldADDomain:             {Type: framework.TypeString, Description: "Domain of Active Directory: people bind as <name>@<ad_domain>. Required."},
		fieldGroupSearchBase:      {Type: framework.TypeString, Description: "Where to search a person's groups: they become identity group aliases, and reply:Group for checks of profiles. Empty: groups are not searched, but with ad and a group_search_filter in all of the domain."},
		fieldGroupSearchFilter:    {Type: framework.TypeString, Description: "Filter of that search, with {{dn}} or {{username}} in it. Default: groups with the person as member, for ad also by way of other groups."},
		fieldGroupSearchAttribute: {Type: framework.TypeString, Default: "cn", Description: "Attribute of a group that is its name."},
	}
	shared := configFields()
	for _, field := range radiusFieldNames {
		fields[field] = shared[field]
	}
	fields[fieldSecret].Description = "Secret shared with the server. Required, but with transport \"tls\". Never returned."
	fields[fieldStripRealm].Description = "If true, the source's realms are not sent to its servers. The name of the user has its realm all the same."
	fields[fieldDialTimeout].Description = "Seconds that looking up a host and connecting may take. 0: no limit but read_timeout."
	return fields
}

// sourceResponseFields describes a source as an answer has it.
func sourceResponseFields() map[string]*framework.FieldSchema {
	fields := sourceFields()
	for _, field := range []string{fieldSecret, fieldTLSClientKey, fieldStatusCheckPassword, fieldSearchPassword} {
		delete(fields, field)
	}
	fields[fieldHost] = &framework.FieldSchema{Type: framework.TypeString, Description: "Hosts, separated by commas."}
	fields[fieldSourceID] = &framework.FieldSchema{Type: framework.TypeInt64, Description: "Number of the source. Given once, never again."}
	for _, field := range []string{fieldSourceID, fieldSourceType, fieldName, fieldHost, fieldPort, fieldRealms, fieldReplyAttributes} {
		fields[field].Required = true
	}
	return fields
}

// apply takes the given fields over. What cannot be read, or means nothing to the
// type, is told by problems.
func (s *sourceEntry) apply(d *framework.FieldData) {
	if port, given := d.Raw[fieldPort]; given && port == nil {
		s.Port = 0 // the usual one, which is another with TLS
		delete(d.Raw, fieldPort)
	}
	resetNulls(d)
	for _, field := range slices.Sorted(maps.Keys(d.Raw)) {
		if _, known := d.Schema[field]; known && field != fieldSourceID && !slices.Contains(s.Type.fieldNames(), field) {
			s.unread = append(s.unread, fmt.Sprintf("`%s` means nothing to a source of type %s: leave it out", field, s.Type))
		}
	}
	set(d, fieldName, &s.Name)
	if hosts, given := d.GetOk(fieldHost); given {
		s.applyHosts(hosts.([]string))
	}
	if port, given := d.GetOk(fieldPort); given {
		if s.Port = port.(int); s.Port < 1 || s.Port > 65535 {
			s.unread = append(s.unread, fmt.Sprintf("`port` is %d; use 1 to 65535", s.Port))
		}
	}
	set(d, fieldBindTo, &s.BindTo)
	set(d, fieldRealms, &s.Realms)
	set(d, fieldReplyAttributes, &s.ReplyAttributes)
	if s.RADIUS != nil {
		set(d, fieldNASID, &s.NASID)
		s.RADIUS.apply(d)
		return
	}
	s.Directory.apply(d)
}

func (s *sourceEntry) applyHosts(texts []string) {
	s.Hosts = nil
	for _, text := range texts {
		host, err := parseHost(strings.ToLower(text))
		if err != nil {
			s.unread = append(s.unread, fmt.Sprintf("`host`: %.80q %s", text, err))
			continue
		}
		s.Hosts = append(s.Hosts, host)
	}
}

// apply takes the given fields over.
func (s *directorySettings) apply(d *framework.FieldData) {
	set(d, fieldDialTimeout, &s.DialTimeout)
	set(d, fieldReadTimeout, &s.ReadTimeout)
	set(d, fieldSSL, &s.SSL)
	setPEM(d, fieldSSLCert, &s.SSLCert)
	set(d, fieldStartTLS, &s.StartTLS)
	set(d, fieldAllowCleartext, &s.AllowCleartext)
	setPEM(d, fieldTLSClientCert, &s.TLSClientCert)
	setPEM(d, fieldTLSClientKey, &s.TLSClientKey)
	set(d, fieldTLSServerName, &s.TLSServerName)
	set(d, fieldBindDN, &s.BindDN)
	set(d, fieldUserAttribute, &s.UserAttribute)
	set(d, fieldUserSearchBase, &s.UserSearchBase)
	set(d, fieldUserSearchFilter, &s.UserSearchFilter)
	set(d, fieldSearchBindDN, &s.SearchBindDN)
	set(d, fieldSearchPassword, &s.SearchPassword)
	set(d, fieldADDomain, &s.Domain)
	set(d, fieldGroupSearchBase, &s.GroupSearchBase)
	set(d, fieldGroupSearchFilter, &s.GroupSearchFilter)
	set(d, fieldGroupSearchAttribute, &s.GroupSearchAttribute)
}

// maxRealms is how many realms a source may have, and how many attributes.
const maxRealms = 64

// problems lists what is wrong with the source, each naming its field.
func (s *sourceEntry) problems(known *dictionary.Dictionary) []string {
	found := s.unread
	if s.Name != "" && !isSourceName(s.Name) {
		found = append(found, fmt.Sprintf("`name`: %.80q cannot be a name: use 1 to 63 letters, digits, - and _, but no number, and not %q", s.Name, localSource))
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
			found = append(found, fmt.Sprintf("`realms`: %.80q is not a realm: use 1 to 253 letters (ASCII), digits and . - _, without @ and \\", realm))
		case slices.ContainsFunc(s.Realms[:i], same):
			found = append(found, fmt.Sprintf("`realms`: %.80q is there twice", realm))
		}
	}
	for _, to := range slices.Sorted(maps.Values(s.ReplyAttributes)) {
		found = append(found, unfitAttributes(fieldReplyAttributes, []string{to}, known)...)
	}
	if s.RADIUS != nil {
		for _, from := range slices.Sorted(maps.Keys(s.ReplyAttributes)) {
			found = append(found, unfitAttributes(fieldReplyAttributes, []string{from}, known)...)
		}
		return append(found, s.radiusProblems()...)
	}
	return append(found, s.directoryProblems()...)
}

func (s *sourceEntry) hostProblems() []string {
	if len(s.Hosts) == 0 {
		return []string{"`host` is missing: give a host name or an IP address"}
	}
	var found []string
	if len(s.Hosts) > maxHosts+1 {
		found = append(found, fmt.Sprintf("`host` has %d entries; give %d at most", len(s.Hosts), maxHosts+1))
	}
	for i, entry := range s.Hosts {
		same := func(other hostEntry) bool { return other == entry }
		switch {
		case entry.Port < 0 || entry.Port > 65535:
			found = append(found, fmt.Sprintf("`host`: the port of %.80q is %d; use 1 to 65535", entry.Host, entry.Port))
		case !validate.IsHost(entry.Host):
			found = append(found, fmt.Sprintf("`host`: %.80q must be a host name or IP address, with or without a port, and without a scheme", entry.Host))
		case slices.ContainsFunc(s.Hosts[:i], same):
			found = append(found, fmt.Sprintf("`host`: %s is there twice", entry.Host))
		}
	}
	return found
}

func (s *sourceEntry) radiusProblems() []string {
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
	return append(found, s.RADIUS.problems()...)
}

func (s *sourceEntry) directoryProblems() []string {
	d := s.Directory
	found := timeoutProblems(d.DialTimeout, d.ReadTimeout)
	if d.SSL && d.StartTLS {
		found = append(found, "`ssl` and `starttls` exclude each other: give one")
	}
	if (d.SSL || d.StartTLS) && d.SSLCert == "" {
		found = append(found, "`ssl_cert` is missing: give the certificates, in PEM form, of those who may sign the directory's")
	}
	found = append(found, d.tlsProblems()...)
	if s.Type == sourceAD && d.Domain == "" {
		found = append(found, "`ad_domain` is missing: people bind as <name>@<ad_domain>")
	}
	if s.Type == sourceLDAP && d.BindDN == "" && d.UserSearchBase == "" {
		found = append(found, "`ldap_binddn` is missing: people bind as uid=<name>,<ldap_binddn>; or give user_search_base")
	}
	if d.UserSearchBase == "" && (d.UserSearchFilter != "" || d.SearchBindDN != "" || d.SearchPassword != "") {
		found = append(found, "`user_search_filter`, `search_binddn` and `search_password` belong to `user_search_base`: give that, too")
	}
	if s.Type == sourceLDAP && d.BindDN != "" && d.UserSearchBase != "" {
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

// tlsProblems lists what is wrong with the settings of TLS that need no certificate to be
// read.
func (d *directorySettings) tlsProblems() []string {
	var found []string
	if !d.SSL && !d.StartTLS {
		for _, field := range []struct{ name, value string }{
			{fieldTLSClientCert, d.TLSClientCert}, {fieldTLSClientKey, d.TLSClientKey}, {fieldTLSServerName, d.TLSServerName},
		} {
			if field.value != "" {
				found = append(found, fmt.Sprintf("`%s` has no effect without `ssl` or `starttls`: leave it out, or set one of them", field.name))
			}
		}
	}
	if d.TLSServerName != "" && !validate.IsHost(d.TLSServerName) {
		found = append(found, "`tls_server_name` is neither a host name nor an IP address")
	}
	return found
}

// data is the source as an answer shows it: without secrets and keys.
func (s *sourceEntry) data() map[string]any {
	hosts := make([]string, 0, len(s.Hosts))
	for _, entry := range s.Hosts {
		text := entry.Host
		if entry.Port != 0 {
			text = net.JoinHostPort(entry.Host, fmt.Sprint(entry.Port))
		}
		hosts = append(hosts, text)
	}
	data := map[string]any{
		fieldSourceID:        s.ID,
		fieldSourceType:      string(s.Type),
		fieldName:            s.Name,
		fieldHost:            strings.Join(hosts, ","),
		fieldPort:            s.port(),
		fieldBindTo:          nil,
		fieldRealms:          notNil(s.Realms),
		fieldReplyAttributes: s.ReplyAttributes,
	}
	if s.BindTo != "" {
		data[fieldBindTo] = s.BindTo
	}
	if s.RADIUS != nil {
		data[fieldNASID] = s.NASID
		s.RADIUS.data(data)
		return data
	}
	s.Directory.data(s.Type, data)
	return data
}

// data adds the settings to what a read shows.
func (s *directorySettings) data(kind sourceType, data map[string]any) {
	data[fieldDialTimeout] = s.DialTimeout
	data[fieldReadTimeout] = s.ReadTimeout
	data[fieldSSL] = s.SSL
	data[fieldSSLCert] = s.SSLCert
	data[fieldStartTLS] = s.StartTLS
	data[fieldAllowCleartext] = s.AllowCleartext
	data[fieldTLSClientCert] = s.TLSClientCert
	data[fieldTLSServerName] = s.TLSServerName
	data[fieldGroupSearchBase] = s.GroupSearchBase
	data[fieldGroupSearchFilter] = s.GroupSearchFilter
	data[fieldGroupSearchAttribute] = s.GroupSearchAttribute
	if kind == sourceAD {
		data[fieldADDomain] = s.Domain
		return
	}
	data[fieldBindDN] = s.BindDN
	data[fieldUserAttribute] = s.UserAttribute
	data[fieldUserSearchBase] = s.UserSearchBase
	data[fieldUserSearchFilter] = s.UserSearchFilter
	data[fieldSearchBindDN] = s.SearchBindDN
}
