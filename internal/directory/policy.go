package directory

import (
	"fmt"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// passwordState holds what a directory says of an account in the controls of a bind's
// response, beside the result (draft-behera-ldap-password-policy,
// draft-vchu-ldap-pwd-policy).
type passwordState struct {
	refusal   string        // why the account is not to be let in; empty: no reason
	grace     int64         // logins left with a password that has expired; -1: it has not
	expiresIn time.Duration // 0: the password does not, or not soon
}

// mustChangeText is the refusal of a password that was set by someone else.
const mustChangeText = "a new password must be set first"

// expiredText is the refusal of a password that is too old.
const expiredText = "the password has expired"

// The errors of the response control that are about an account
// (draft-behera-ldap-password-policy section 6.2). The others are about new passwords.
var accountErrors = map[int8]string{
	ldap.BeheraPasswordExpired:  expiredText,
	ldap.BeheraAccountLocked:    "the account is locked",
	ldap.BeheraChangeAfterReset: mustChangeText,
}

// readPasswordState reads the controls of the response to a bind that succeeded, or
// failed.
func readPasswordState(controls []ldap.Control, succeeded bool) passwordState {
	state := passwordState{grace: -1}
	expired := false
	for _, control := range controls {
		switch control := control.(type) {
		case *ldap.ControlBeheraPasswordPolicy:
			state.refusal, state.grace = accountErrors[control.Error], control.Grace
			state.expiresIn = max(state.expiresIn, time.Duration(control.Expire)*time.Second)
		case *ldap.ControlVChuPasswordMustChange:
			expired = true
		case *ldap.ControlVChuPasswordWarning:
			state.expiresIn = max(state.expiresIn, time.Duration(control.Expire)*time.Second)
		}
	}
	// 389 Directory Server sends this control with a grace login, too.
	if expired && state.refusal == "" && state.grace < 0 {
		state.refusal = expiredText
		if succeeded {
			state.refusal = mustChangeText
		}
	}
	return state
}

// notice returns, for operators, what will become of a password that was accepted; empty
// if nothing was said, or if the account is not to be let in.
func (p passwordState) notice() string {
	switch {
	case p.refusal != "":
		return ""
	case p.grace >= 0:
		return fmt.Sprintf("the password has expired: logins left until a new one must be set: %d", p.grace)
	case p.expiresIn > 0:
		return fmt.Sprintf("the password expires in %s", p.expiresIn)
	}
	return ""
}
