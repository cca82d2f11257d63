package radiusauth

import (
	"github.com/hashicorp/vault/sdk/framework"

	"vault-plugin-auth-radius/internal/login"
	"vault-plugin-auth-radius/internal/passwd"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
)

// settingField is a field of settings: how a request changes it, and how a read shows it.
type settingField[Settings any] struct {
	name  string
	apply func(*Settings, *framework.FieldData)
	shown func(*Settings) any // nil: never
}

// valueField is a field whose value is stored as the schema has it.
func valueField[Settings, T any](name string, of func(*Settings) *T) settingField[Settings] {
	return settingField[Settings]{
		name:  name,
		apply: func(s *Settings, d *framework.FieldData) { set(d, name, of(s)) },
		shown: func(s *Settings) any { return *of(s) },
	}
}

// wideField is a number that an int may not hold on every system. It is shown as an int where that
// does, as the numbers of the built-in method are.
func wideField[Settings any](name string, of func(*Settings) *int64) settingField[Settings] {
	field := valueField(name, of)
	field.shown = func(s *Settings) any {
		if number := *of(s); int64(int(number)) != number {
			return number
		}
		return int(*of(s))
	}
	return field
}

// textField is a text with a type of its own.
func textField[Settings any, T ~string](name string, of func(*Settings) *T) settingField[Settings] {
	return settingField[Settings]{
		name:  name,
		apply: func(s *Settings, d *framework.FieldData) { setText(d, name, of(s)) },
		shown: func(s *Settings) any { return string(*of(s)) },
	}
}

// pemField is a field of certificates or a key.
func pemField[Settings any](name string, of func(*Settings) *string) settingField[Settings] {
	return settingField[Settings]{
		name:  name,
		apply: func(s *Settings, d *framework.FieldData) { setPEM(d, name, of(s)) },
		shown: func(s *Settings) any { return *of(s) },
	}
}

// secret returns the field as one that is never shown.
func secret[Settings any](field settingField[Settings]) settingField[Settings] {
	field.shown = nil
	return field
}

// applySettings takes the given fields over.
func applySettings[Settings any](fields []settingField[Settings], settings *Settings, d *framework.FieldData) {
	for _, field := range fields {
		field.apply(settings, d)
	}
}

// addSettings adds the fields to the data of a read.
func addSettings[Settings any](fields []settingField[Settings], settings *Settings, data map[string]any) {
	for _, field := range fields {
		if field.shown != nil {
			data[field.name] = field.shown(settings)
		}
	}
}

// fieldNamesOf returns the names of the fields.
func fieldNamesOf[Settings any](fields []settingField[Settings]) []string {
	names := make([]string, 0, len(fields))
	for _, field := range fields {
		names = append(names, field.name)
	}
	return names
}

type radiusSettings = source.RADIUSSettings

// radiusFields are the fields of RADIUS settings; the config's schema describes them.
var radiusFields = []settingField[radiusSettings]{
	secret(valueField(fieldSecret, func(r *radiusSettings) *string { return &r.Secret })),
	valueField(fieldDialTimeout, func(r *radiusSettings) *int { return &r.DialTimeout }),
	valueField(fieldReadTimeout, func(r *radiusSettings) *int { return &r.ReadTimeout }),
	wideField(fieldNASPort, func(r *radiusSettings) *int64 { return &r.NASPort }),
	textField(fieldMessageAuthenticator, func(r *radiusSettings) *radclient.MessageAuthenticator { return &r.MessageAuthenticator }),
	textField(fieldAuthProtocol, func(r *radiusSettings) *radclient.Protocol { return &r.AuthProtocol }),
	textField(fieldRetransmit, func(r *radiusSettings) *radclient.Retransmit { return &r.Retransmit }),
	textField(fieldTransport, func(r *radiusSettings) *radclient.Transport { return &r.Transport }),
	pemField(fieldTLSCACert, func(r *radiusSettings) *string { return &r.TLSCACert }),
	pemField(fieldTLSClientCert, func(r *radiusSettings) *string { return &r.TLSClientCert }),
	secret(pemField(fieldTLSClientKey, func(r *radiusSettings) *string { return &r.TLSClientKey })),
	valueField(fieldTLSServerName, func(r *radiusSettings) *string { return &r.TLSServerName }),
	textField(fieldTLSMinVersion, func(r *radiusSettings) *radclient.TLSVersion { return &r.TLSMinVersion }),
	textField(fieldRADIUSVersion, func(r *radiusSettings) *radclient.Version { return &r.RADIUSVersion }),
	textField(fieldStrategy, func(r *radiusSettings) *radclient.Strategy { return &r.Strategy }),
	textField(fieldStatusCheck, func(r *radiusSettings) *radclient.StatusCheck { return &r.StatusCheck }),
	valueField(fieldStatusCheckUsername, func(r *radiusSettings) *string { return &r.StatusCheckUsername }),
	secret(valueField(fieldStatusCheckPassword, func(r *radiusSettings) *string { return &r.StatusCheckPassword })),
	valueField(fieldResponseWindow, func(r *radiusSettings) *int { return &r.ResponseWindow }),
	textField(fieldFailoverOnTrial, func(r *radiusSettings) *radclient.FailoverOnTrial { return &r.FailoverOnTrial }),
	valueField(fieldNASIPAddress, func(r *radiusSettings) *string { return &r.NASIPAddress }),
	valueField(fieldNASPortType, func(r *radiusSettings) *string { return &r.NASPortType }),
	valueField(fieldSendClientAddress, func(r *radiusSettings) *bool { return &r.SendClientAddress }),
	valueField(fieldStripRealm, func(r *radiusSettings) *bool { return &r.StripRealm }),
	valueField(fieldPasscodeSeparator, func(r *radiusSettings) *string { return &r.PasscodeSeparator }),
	valueField(fieldPasscodePattern, func(r *radiusSettings) *string { return &r.PasscodePattern }),
	textField(fieldPasscodeUnasked, func(r *radiusSettings) *source.PasscodeUnasked { return &r.PasscodeUnasked }),
}

// passcodeFields returns the schema of how a login has a code.
func passcodeFields(defaults source.PasscodeSettings) map[string]*framework.FieldSchema {
	return map[string]*framework.FieldSchema{
		fieldPasscodeSeparator: {
			Type:    framework.TypeString,
			Default: defaults.PasscodeSeparator,
			Description: "What follows the last one in a password is a code, if passcode_pattern matches it, and answers the " +
				"server's challenge: \"pw,123456\". 1 to 4 characters, no letters or digits. Empty: a password is a password.",
		},
		fieldPasscodePattern: {
			Type:    framework.TypeString,
			Default: defaults.PasscodePattern,
			Description: "Regular expression (RE2) that a whole code matches; by default 4 to 10 digits, or 32 to 48 letters. " +
				"A text after the separator that does not match is part of the password.",
		},
		fieldPasscodeUnasked: {
			Type:          framework.TypeString,
			Default:       string(defaults.PasscodeUnasked),
			AllowedValues: allowed(source.PasscodesUnasked),
			Description:   "What becomes of a login with a code that the source does not ask for: refuse, or ignore the code.",
		},
	}
}

// applyRADIUS takes the given fields over. With another status_check the stored test user is
// forgotten, and without a passcode_separator the pattern: they would have no effect.
func applyRADIUS(r *radiusSettings, d *framework.FieldData) {
	username, password := r.StatusCheckUsername, r.StatusCheckPassword
	r.StatusCheckUsername, r.StatusCheckPassword = "", ""
	applySettings(radiusFields, r, d)
	if r.ProbesByRequest() {
		if _, given := d.GetOk(fieldStatusCheckUsername); !given {
			r.StatusCheckUsername = username
		}
		if _, given := d.GetOk(fieldStatusCheckPassword); !given {
			r.StatusCheckPassword = password
		}
	}
	if _, given := d.GetOk(fieldPasscodePattern); !given && r.PasscodeSeparator == "" {
		r.PasscodePattern = source.DefaultPasscodePattern
	}
	switch r.FailoverOnTrial {
	case "1": // what the framework makes of a JSON boolean
		r.FailoverOnTrial = radclient.FailoverOnTrialAlways
	case "0":
		r.FailoverOnTrial = radclient.FailoverOnTrialNever
	}
}

type directorySettings = source.DirectorySettings

// The fields of a directory's settings: of any, of type ldap, and of type ad.
var (
	directoryFields = []settingField[directorySettings]{
		valueField(fieldDialTimeout, func(s *directorySettings) *int { return &s.DialTimeout }),
		valueField(fieldReadTimeout, func(s *directorySettings) *int { return &s.ReadTimeout }),
		valueField(fieldSSL, func(s *directorySettings) *bool { return &s.SSL }),
		pemField(fieldSSLCert, func(s *directorySettings) *string { return &s.SSLCert }),
		valueField(fieldStartTLS, func(s *directorySettings) *bool { return &s.StartTLS }),
		valueField(fieldAllowCleartext, func(s *directorySettings) *bool { return &s.AllowCleartext }),
		pemField(fieldTLSClientCert, func(s *directorySettings) *string { return &s.TLSClientCert }),
		secret(pemField(fieldTLSClientKey, func(s *directorySettings) *string { return &s.TLSClientKey })),
		valueField(fieldTLSServerName, func(s *directorySettings) *string { return &s.TLSServerName }),
		valueField(fieldGroupSearchBase, func(s *directorySettings) *string { return &s.GroupSearchBase }),
		valueField(fieldGroupSearchFilter, func(s *directorySettings) *string { return &s.GroupSearchFilter }),
		valueField(fieldGroupSearchAttribute, func(s *directorySettings) *string { return &s.GroupSearchAttribute }),
	}
	ldapFields = []settingField[directorySettings]{
		valueField(fieldBindDN, func(s *directorySettings) *string { return &s.BindDN }),
		valueField(fieldUserAttribute, func(s *directorySettings) *string { return &s.UserAttribute }),
		valueField(fieldUserSearchBase, func(s *directorySettings) *string { return &s.UserSearchBase }),
		valueField(fieldUserSearchFilter, func(s *directorySettings) *string { return &s.UserSearchFilter }),
		valueField(fieldSearchBindDN, func(s *directorySettings) *string { return &s.SearchBindDN }),
		secret(valueField(fieldSearchPassword, func(s *directorySettings) *string { return &s.SearchPassword })),
	}
	adFields = []settingField[directorySettings]{
		valueField(fieldADDomain, func(s *directorySettings) *string { return &s.Domain }),
	}
)

// localSettings are the fields of the config that are about what is checked here, or by other
// sources than its servers.
var localSettings = []settingField[login.LocalSettings]{
	valueField(fieldExtauth, func(l *login.LocalSettings) *string { return &l.Extauth }),
	valueField(fieldLockoutThreshold, func(l *login.LocalSettings) *int { return &l.LockoutThreshold }),
	valueField(fieldLockoutDuration, func(l *login.LocalSettings) *int { return &l.LockoutDuration }),
	valueField(fieldLockoutCounterReset, func(l *login.LocalSettings) *int { return &l.LockoutCounterReset }),
	textField(fieldPasswordAlgorithm, func(l *login.LocalSettings) *passwd.Scheme { return &l.PasswordAlgorithm }),
	valueField(fieldPasswordCost, func(l *login.LocalSettings) *int { return &l.PasswordCost }),
	valueField(fieldPasswordCacheTTL, func(l *login.LocalSettings) *int { return &l.PasswordCacheTTL }),
	valueField(fieldPasswordCacheLogins, func(l *login.LocalSettings) *bool { return &l.PasswordCacheLogins }),
	valueField(fieldTimeZone, func(l *login.LocalSettings) *string { return &l.TimeZone }),
	valueField(fieldAttemptsKept, func(l *login.LocalSettings) *int { return &l.AttemptsKept }),
	valueField(fieldAttemptsNames, func(l *login.LocalSettings) *bool { return &l.AttemptsNames }),
}
