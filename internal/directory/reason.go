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
	"773": mustChangeText,
	"775": "the user's account is locked in the domain",
}

// refusedReason returns, for operators, why a bind was refused; empty if the result says
// nothing of the account, or may say nothing of it.
func refusedReason(err *ldap.Error, state passwordState) string {
	switch {
	case err.ResultCode == ldap.LDAPResultBusy, err.ResultCode == ldap.LDAPResultUnavailable:
		return ""
	case state.refusal != "":
		return withResult(state.refusal, err)
	case err.ResultCode == ldap.LDAPResultInvalidCredentials:
		match := subCode.FindStringSubmatch(err.Err.Error())
		if match == nil {
			return withResult("the username or the password is wrong, or the account is locked", err)
		}
		code := strings.ToLower(match[1])
		if text, known := subCodeTexts[code]; known {
			return fmt.Sprintf("%s (result 49, code %s)", text, code)
		}
		return fmt.Sprintf("the bind was refused (result 49, code %s)", code)
	case err.ResultCode == ldap.LDAPResultNoSuchObject:
		return withResult("there is no such entry", err)
	case err.ResultCode == ldap.LDAPResultConstraintViolation:
		return withResult("the account is locked, or its password has expired", err)
	}
	return ""
}

// doubtfulReasons are the results of a bind that are about the account, or about how the
// directory is asked: then every user's bind has the same result.
var doubtfulReasons = map[uint16]string{
	ldap.LDAPResultInappropriateAuthentication: "the entry has no password",
	ldap.LDAPResultInsufficientAccessRights:    "the account may not bind",
	ldap.LDAPResultUnwillingToPerform:          "the directory does not let the account in",
}

// maxDiagnostic is how much of a directory's own text is shown, in octets.
const maxDiagnostic = 300

// withResult adds the result to a text, and what the directory said itself.
func withResult(text string, err *ldap.Error) string {
	text = fmt.Sprintf("%s (result %d)", text, err.ResultCode)
	if said := strings.Trim(err.Err.Error(), "\x00 \r\n"); said != "" {
		text += fmt.Sprintf(": the directory says %q", said[:min(len(said), maxDiagnostic)])
	}
	return text
}
