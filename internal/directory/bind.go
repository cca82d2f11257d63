package directory

import (
	"crypto/rand"
	"errors"

	"github.com/go-ldap/ldap/v3"
)

// bind sends a bind, and reads what the server says of the account. Active Directory
// says it by codes in its result, and is not asked for more.
func (s *session) bind(name, password string) (passwordState, error) {
	request := ldap.NewSimpleBindRequest(name, password, nil)
	request.AllowEmptyPassword = name == "" // anonymous
	if s.client.config.Kind == LDAP && name != "" {
		request.Controls = []ldap.Control{ldap.NewControlBeheraPasswordPolicy()}
	}
	result, err := s.conn.SimpleBind(request)
	var controls []ldap.Control
	if result != nil {
		controls = result.Controls
	}
	return readPasswordState(controls, err == nil), err
}

// bindUser binds as the user, and returns the reason if the directory refuses that.
func (s *session) bindUser(name string) (reason string, err error) {
	state, err := s.bind(name, s.credentials.Password)
	var result *ldap.Error
	switch {
	case err == nil:
		s.notice(state.notice())
		return state.refusal, nil
	case !errors.As(err, &result) || s.ctx.Err() != nil:
		return "", s.explain(err)
	}
	if reason := refusedReason(result, state); reason != "" {
		return reason, nil
	}
	text, doubtful := doubtfulReasons[result.ResultCode]
	if !doubtful {
		return "", s.explain(err)
	}
	general, fault := s.refusesAnyone(result.ResultCode)
	switch {
	case fault != nil:
		return "", s.explain(fault)
	case general:
		return "", s.explain(err)
	}
	return withResult(text, result), nil
}

// refusesAnyone reports whether the server answers the bind of a made-up name with the
// result that the user's had: then it says nothing of the user, but something of the
// connection, such as that it has to be protected.
func (s *session) refusesAnyone(code uint16) (bool, error) {
	if search := s.client.config.Search; search != nil && search.BindDN != "" {
		return false, nil // the account that searches has bound over the same connection
	}
	_, err := s.bind(s.strangerName(), rand.Text())
	var result *ldap.Error
	if err == nil || (errors.As(err, &result) && result.ResultCode < ldap.ErrorNetwork) {
		return ldap.IsErrorWithCode(err, code), nil
	}
	return false, err
}

// strangerName returns a name for a bind like the user's, that no user has.
func (s *session) strangerName() string {
	config, name := s.client.config, rand.Text()
	switch {
	case config.Kind == ActiveDirectory:
		return name + "@" + config.Domain
	case config.Search != nil:
		return config.UserAttribute + "=" + name + "," + config.Search.BaseDN
	}
	return s.entryDN(name)
}

// bindSearcher binds as the account that searches. A refusal of that account is a mistake
// of the source, and says nothing of the user.
func (s *session) bindSearcher() error {
	search := s.client.config.Search
	state, err := s.bind(search.BindDN, search.BindPassword)
	var result *ldap.Error
	switch {
	case err == nil && state.refusal != "":
		return &ConfigurationError{s.name, "it lets search_binddn do nothing: " + state.refusal, nil}
	case err == nil:
		if notice := state.notice(); notice != "" {
			s.notice("search_binddn: " + notice)
		}
		return nil
	case !errors.As(err, &result) || s.ctx.Err() != nil:
		return s.explain(err)
	case search.BindDN == "" && result.ResultCode == ldap.LDAPResultInappropriateAuthentication:
		return &ConfigurationError{s.name, withResult(anonymousText, result), err}
	}
	if reason := refusedReason(result, state); reason != "" {
		return &ConfigurationError{s.name, "it refuses search_binddn with search_password: " + reason, err}
	}
	if doubtfulReasons[result.ResultCode] != "" && search.BindDN != "" {
		return &ConfigurationError{s.name, withResult("it does not let search_binddn bind: see its log", result), err}
	}
	return s.explain(err)
}
