package source

import (
	"cmp"
	"fmt"

	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/username"
	"vault-plugin-auth-radius/internal/validate"
)

// ProbesByRequest reports whether probes are logins of a test user.
func (r *RADIUSSettings) ProbesByRequest() bool { return r.StatusCheck == radclient.StatusCheckRequest }

// StatusRequest returns the login of the test user.
func (r *RADIUSSettings) StatusRequest() radclient.Credentials {
	return radclient.Credentials{Username: r.StatusCheckUsername, Password: r.StatusCheckPassword}
}

// statusRequestProblems returns what is wrong with the test user, each text beginning with its
// field.
func (r *RADIUSSettings) statusRequestProblems() []string {
	if !r.ProbesByRequest() {
		var found []string
		for _, field := range []struct{ name, value string }{
			{"status_check_username", r.StatusCheckUsername}, {"status_check_password", r.StatusCheckPassword},
		} {
			if field.value != "" {
				found = append(found, fmt.Sprintf("`%s` is for status_check=request: set that, or leave it out", field.name))
			}
		}
		return found
	}
	var found []string
	if r.Transport != radclient.UDP {
		found = append(found, "`status_check` is request, which is for transport udp: "+
			"connections are looked after with Status-Server, so use auto")
	}
	switch err := cmp.Or(username.Check(r.StatusCheckUsername), radclient.CheckUsername(r.StatusCheckUsername)); {
	case r.StatusCheckUsername == "":
		found = append(found, "`status_check_username` is missing: status_check=request logs a test user in; "+
			"give a name that no directory has")
	case err != nil:
		found = append(found, "`status_check_username`: "+err.Error())
	}
	switch err := radclient.CheckPassword(r.StatusCheckPassword); {
	case r.StatusCheckPassword == "":
		found = append(found, "`status_check_password` is missing: status_check=request logs a test user in; "+
			"any password will do, since a reject counts as well")
	case err != nil:
		found = append(found, "`status_check_password`: "+err.Error())
	default:
		if err := validate.CheckLineEnd(r.StatusCheckPassword); err != nil {
			found = append(found, "`status_check_password` "+err.Error())
		}
	}
	return found
}

// TestUser returns the name of the test user in the form that names are compared in; "" if
// there is none.
func (r *RADIUSSettings) TestUser() string {
	if !r.ProbesByRequest() {
		return ""
	}
	return username.Skeleton(username.RealmForms(r.StatusCheckUsername)[0])
}
