package radiusauth

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"

	"vault-plugin-auth-radius/internal/source"
)

// The fields of sources of one kind, beside those of all.
var (
	commonSourceFields = []string{fieldSourceType, fieldName, fieldHost, fieldPort, fieldBindTo, fieldRealms, fieldReplyAttributes}
	radiusSourceFields = append([]string{fieldNASID}, fieldNamesOf(radiusFields)...)
)

// sourceFieldNames returns the fields that a source of the type has.
func sourceFieldNames(t source.Type) []string {
	switch t {
	case source.TypeLDAP:
		return slices.Concat(commonSourceFields, fieldNamesOf(directoryFields), fieldNamesOf(ldapFields))
	case source.TypeAD:
		return slices.Concat(commonSourceFields, fieldNamesOf(directoryFields), fieldNamesOf(adFields))
	}
	return slices.Concat(commonSourceFields, radiusSourceFields)
}

// sourceFields returns the schema of a source: the only description of its fields.
func sourceFields() map[string]*framework.FieldSchema {
	fields := map[string]*framework.FieldSchema{
		fieldSourceType: {
			Type:          framework.TypeString,
			AllowedValues: allowed(source.Types),
			Description: "Type of the source: \"radius\", \"cerb\" (a RADIUS server to which nasid names a service), \"ldap\" or " +
				"\"ad\". Required; it never changes.",
		},
		fieldName: {
			Type: framework.TypeString,
			Description: "Name of the source, for users/ and the log: letters, digits, - and _, at most 63. Unique. Default: " +
				"type and id, such as ldap-3.",
		},
		fieldHost: {
			Type: framework.TypeCommaStringSlice,
			Description: "Host name or IP address, or several in order of preference, each with a port of its own if need be " +
				"(host:port). Required.",
		},
		fieldPort: {
			Type:        framework.TypeInt,
			Description: "Port, 1 to 65535. Default: 1812, with transport \"tls\" 2083; 389, with ssl 636.",
		},
		fieldBindTo: {
			Type: framework.TypeString,
			Description: "Where requests come from: an IP address of the Vault server, the name of a network interface, or " +
				"label:<name>, which stands for the value of the environment variable RADIUS_BIND_<NAME> of the plugin. " +
				"Empty: the system chooses.",
		},
		fieldRealms: {
			Type: framework.TypeCommaStringSlice,
			Description: "Realms whose users, and no others, the source checks: user@realm and REALM\\user, in any case. No " +
				"other source may have them. The users' names in Vault have the first.",
		},
		fieldReplyAttributes: {
			Type: framework.TypeKVPairs,
			Description: "Attributes of the source's response, such as those of a directory's entry, and under which name checks " +
				"of profiles see each as reply:.",
		},
		fieldNASID: {
			Type:        framework.TypeString,
			Description: "NAS-Identifier: for cerb the name of the service. Required.",
		},
		fieldSSL: {
			Type:        framework.TypeBool,
			Description: "Whether to speak TLS from the start (LDAPS). Needs ssl_cert.",
		},
		fieldSSLCert: {
			Type: framework.TypeString,
			Description: "PEM certificates of the authorities that may sign the directory's certificate, or that certificate " +
				"itself. The system trust store is not used.",
			DisplayAttrs: &framework.DisplayAttributes{EditType: "textarea"},
		},
		fieldStartTLS: {
			Type:        framework.TypeBool,
			Description: "Whether to start TLS on the plain port. Needs ssl_cert.",
		},
		fieldAllowCleartext: {
			Type: framework.TypeBool,
			Description: "Whether passwords may go to the directory in clear text, without ssl and starttls: for a directory on " +
				"the same host. Without it such a source refuses every login.",
		},
		fieldBindDN: {
			Type: framework.TypeString,
			Description: "Where the users are: they bind as uid=<name>,<ldap_binddn>; or their whole DN, with {{username}} in " +
				"it. Required, unless user_search_base is given.",
		},
		fieldUserAttribute: {
			Type:        framework.TypeString,
			Default:     "uid",
			Description: "Attribute that has the user's name.",
		},
		fieldUserSearchBase: {
			Type:        framework.TypeString,
			Description: "Where to search the user, instead of ldap_binddn: the entry that is found binds.",
		},
		fieldUserSearchFilter: {
			Type:        framework.TypeString,
			Description: "Filter of that search, with {{username}} in it. Default: the user_attribute is the name.",
		},
		fieldSearchBindDN: {
			Type:        framework.TypeString,
			Description: "DN that searches. Empty: the search is anonymous.",
		},
		fieldSearchPassword: {
			Type:         framework.TypeString,
			Description:  "Password of search_binddn. Never returned.",
			DisplayAttrs: &framework.DisplayAttributes{Sensitive: true},
		},
		fieldADDomain: {
			Type:        framework.TypeString,
			Description: "Domain of Active Directory: users bind as <name>@<ad_domain>. Required.",
		},
		fieldGroupSearchBase: {
			Type: framework.TypeString,
			Description: "Where to search the user's groups: they become identity group aliases, and reply:Group for checks of " +
				"profiles. Empty: groups are not searched, except with ad and a group_search_filter, in all of the " +
				"domain.",
		},
		fieldGroupSearchFilter: {
			Type: framework.TypeString,
			Description: "Filter of that search, with {{dn}} or {{username}} in it. Default: groups with the user as member, for " +
				"ad also by way of other groups.",
		},
		fieldGroupSearchAttribute: {
			Type:        framework.TypeString,
			Default:     "cn",
			Description: "Attribute of a group that is its name.",
		},
	}
	shared := configFields()
	for _, field := range fieldNamesOf(radiusFields) {
		fields[field] = shared[field]
	}
	fields[fieldSecret].Description = "Secret shared with the server. Required, except with transport \"tls\". Never returned."
	fields[fieldStripRealm].Description = "If true, the source's realms are not sent to its servers. " +
		"The name of the user has its realm all the same."
	fields[fieldDialTimeout].Description = "Seconds that looking up a host and connecting may take, 0 to 3600. " +
		"0: no limit but read_timeout."
	return fields
}

// sourceResponseFields returns the schema of a source in a response.
func sourceResponseFields() map[string]*framework.FieldSchema {
	fields := sourceFields()
	for _, field := range []string{fieldSecret, fieldTLSClientKey, fieldStatusCheckPassword, fieldSearchPassword} {
		delete(fields, field)
	}
	fields[fieldHost] = &framework.FieldSchema{
		Type:        framework.TypeString,
		Description: "Hosts, separated by commas.",
	}
	fields[fieldSourceID] = &framework.FieldSchema{
		Type:        framework.TypeInt64,
		Description: "Number of the source. It is never used again.",
	}
	for _, field := range []string{fieldSourceID, fieldSourceType, fieldName, fieldHost, fieldPort, fieldRealms, fieldReplyAttributes} {
		fields[field].Required = true
	}
	return fields
}

// applySource takes the given fields over. A value that cannot be read, and a field that means
// nothing to the type, become problems of the entry.
func applySource(s *source.Entry, d *framework.FieldData) {
	if port, given := d.Raw[fieldPort]; given && port == nil {
		s.Port = 0 // the usual port, which differs with TLS
		delete(d.Raw, fieldPort)
	}
	resetNulls(d)
	for _, field := range slices.Sorted(maps.Keys(d.Raw)) {
		if _, known := d.Schema[field]; known && field != fieldSourceID && !slices.Contains(sourceFieldNames(s.Type), field) {
			s.Unread = append(s.Unread, fmt.Sprintf("`%s` means nothing to a source of type %s: leave it out", field, s.Type))
		}
	}
	set(d, fieldName, &s.Name)
	if hosts, given := d.GetOk(fieldHost); given {
		applySourceHosts(s, hosts.([]string))
	}
	if port, given := d.GetOk(fieldPort); given {
		if s.Port = port.(int); s.Port < 1 || s.Port > 65535 {
			s.Unread = append(s.Unread, fmt.Sprintf("`port` is %d; use 1 to 65535", s.Port))
		}
	}
	set(d, fieldBindTo, &s.BindTo)
	set(d, fieldRealms, &s.Realms)
	set(d, fieldReplyAttributes, &s.ReplyAttributes)
	if s.RADIUS != nil {
		set(d, fieldNASID, &s.NASID)
		applyRADIUS(s.RADIUS, d)
		return
	}
	for _, fields := range [][]settingField[directorySettings]{directoryFields, ldapFields, adFields} {
		applySettings(fields, s.Directory, d)
	}
}

func applySourceHosts(s *source.Entry, texts []string) {
	s.Hosts = nil
	for _, text := range texts {
		host, err := source.ParseHost(strings.ToLower(text))
		if err != nil {
			s.Unread = append(s.Unread, fmt.Sprintf("`host`: %.80q %s", text, err))
			continue
		}
		s.Hosts = append(s.Hosts, host)
	}
}

// sourceData returns the source for a response: without secrets and keys.
func sourceData(s *source.Entry) map[string]any {
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
		fieldPort:            s.ServerPort(),
		fieldBindTo:          nil,
		fieldRealms:          notNil(s.Realms),
		fieldReplyAttributes: s.ReplyAttributes,
	}
	if s.BindTo != "" {
		data[fieldBindTo] = s.BindTo
	}
	if s.RADIUS != nil {
		data[fieldNASID] = s.NASID
		addSettings(radiusFields, s.RADIUS, data)
		return data
	}
	addSettings(directoryFields, s.Directory, data)
	if s.Type == source.TypeAD {
		addSettings(adFields, s.Directory, data)
		return data
	}
	addSettings(ldapFields, s.Directory, data)
	return data
}
