package directory

import (
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// Of an account in Active Directory: the number of its primary group, whose members do
// not list the account, and its SID.
const (
	primaryGroupID = "primaryGroupID"
	objectSID      = "objectSid"
)

// The placeholders of the primary group in templates that withPrimaryGroup makes.
const (
	primarySIDPlace = "{{primary group's objectSid}}"
	primaryDNPlace  = "{{primary group's dn}}"
)

// membership matches the part of a filter that asks whether the user is a member:
// directly, or with the rule LDAP_MATCHING_RULE_IN_CHAIN by way of other groups.
var membership = regexp.MustCompile(`(?i)\(member(:1\.2\.840\.113556\.1\.4\.1941:)?=` + regexp.QuoteMeta(dnPlace) + `\)`)

// withPrimaryGroup returns the filter with the primary group wherever it asks for groups
// with the user as member; with the rule also the groups that the primary group is in.
func withPrimaryGroup(filter string) string {
	return membership.ReplaceAllStringFunc(filter, func(direct string) string {
		primary := "(" + objectSID + "=" + primarySIDPlace + ")"
		if inChain := strings.Contains(direct, ":="); inChain {
			primary += strings.Replace(direct, dnPlace, primaryDNPlace, 1)
		}
		return "(|" + direct + primary + ")"
	})
}

// primaryGroupSID returns the SID of an account's primary group: that of the account,
// with the group's number in the place of its last part (MS-DTYP section 2.4.2). It is
// nil if the entry does not show them.
func primaryGroupSID(account *ldap.Entry) []byte {
	number, err := strconv.ParseUint(account.GetEqualFoldAttributeValue(primaryGroupID), 10, 32)
	sid := slices.Clone(account.GetEqualFoldRawAttributeValue(objectSID))
	if err != nil || len(sid) < 12 || len(sid) != 8+4*int(sid[1]) {
		return nil
	}
	binary.LittleEndian.PutUint32(sid[len(sid)-4:], uint32(number))
	return sid
}

// groupDN returns the DN of the group with the SID; empty if the user does not see it.
func (s *session) groupDN(sid []byte) (string, error) {
	base, err := s.domainBase()
	if err != nil {
		return "", err
	}
	filter := "(" + objectSID + "=" + escapeOctets(sid) + ")"
	request := ldap.NewSearchRequest(base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 2, 0, false, filter, []string{"cn"}, nil)
	result, err := s.conn.Search(request)
	if err != nil {
		return "", s.explain(err)
	}
	if len(result.Entries) != 1 {
		return "", nil
	}
	return result.Entries[0].DN, nil
}

// escapeOctets returns octets as the value of a filter (RFC 4515 section 3).
func escapeOctets(octets []byte) string {
	var text strings.Builder
	for _, octet := range octets {
		fmt.Fprintf(&text, `\%02x`, octet)
	}
	return text.String()
}
