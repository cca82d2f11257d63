package directory

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// subCode finds Active Directory's own code in the diagnostic message of a
// refused bind, such as "80090308: LdapErr: DSID-0C090439, comment:
// AcceptSecurityContext error, data 52e, v4563".
var subCode = regexp.MustCompile(`\bdata ([0-9a-fA-F]{1,8})\b`)

// subCodeTexts say what Active Directory's codes mean.
var subCodeTexts = map[string]string{
	"525": "there is no such user in the domain",
	"52e": "the username or the password is wrong",
	"530": "the user may not log in at this time: see logonHours",
	"531": "the user may not log in from here: see userWorkstations",
	"532": "the user's password has expired",
	"533": "the user's account is disabled",
	"701": "the user's account has expired",
	"773": "the user must set a new password first",
	"775": "the user's account is locked in the domain",
}

// refusedReason says, for operators, why a bind was refused; empty if the result
// is no word on the person.
func refusedReason(err *ldap.Error) string {
	switch err.ResultCode {
	case ldap.LDAPResultInvalidCredentials:
		match := subCode.FindStringSubmatch(err.Err.Error())
		if match == nil {
			return "the username or the password is wrong, or the account is locked (result 49)"
		}
		code := strings.ToLower(match[1])
		if text, known := subCodeTexts[code]; known {
			return fmt.Sprintf("%s (result 49, code %s)", text, code)
		}
		return fmt.Sprintf("the bind was refused (result 49, code %s)", code)
	case ldap.LDAPResultNoSuchObject:
		return "there is no such entry (result 32)"
	case ldap.LDAPResultInappropriateAuthentication:
		return "the entry has no password (result 48)"
	case ldap.LDAPResultConstraintViolation:
		return "the account is locked, or its password has expired (result 19)"
	}
	return ""
}
