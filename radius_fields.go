package radiusauth

import (
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"

	"github.com/hashicorp/vault/sdk/framework"
)

// radiusFieldNames are the fields of [source.RADIUSSettings]; the config's schema describes
// them.
var radiusFieldNames = []string{
	fieldSecret, fieldDialTimeout, fieldReadTimeout, fieldNASPort, fieldMessageAuthenticator, fieldAuthProtocol,
	fieldRetransmit, fieldTransport, fieldTLSCACert, fieldTLSClientCert, fieldTLSClientKey, fieldTLSServerName,
	fieldTLSMinVersion, fieldRADIUSVersion, fieldStrategy, fieldStatusCheck, fieldStatusCheckUsername,
	fieldStatusCheckPassword, fieldResponseWindow, fieldFailoverOnTrial,
	fieldNASIPAddress, fieldNASPortType, fieldSendClientAddress, fieldStripRealm,
}

// applyRADIUS takes the given fields over.
func applyRADIUS(r *source.RADIUSSettings, d *framework.FieldData) {
	set(d, fieldSecret, &r.Secret)
	set(d, fieldDialTimeout, &r.DialTimeout)
	set(d, fieldReadTimeout, &r.ReadTimeout)
	set(d, fieldNASPort, &r.NASPort)
	setText(d, fieldMessageAuthenticator, &r.MessageAuthenticator)
	setText(d, fieldAuthProtocol, &r.AuthProtocol)
	setText(d, fieldRetransmit, &r.Retransmit)
	setText(d, fieldTransport, &r.Transport)
	setPEM(d, fieldTLSCACert, &r.TLSCACert)
	setPEM(d, fieldTLSClientCert, &r.TLSClientCert)
	setPEM(d, fieldTLSClientKey, &r.TLSClientKey)
	set(d, fieldTLSServerName, &r.TLSServerName)
	setText(d, fieldTLSMinVersion, &r.TLSMinVersion)
	setText(d, fieldRADIUSVersion, &r.RADIUSVersion)
	setText(d, fieldStrategy, &r.Strategy)
	setText(d, fieldStatusCheck, &r.StatusCheck)
	applyStatusRequest(r, d)
	set(d, fieldResponseWindow, &r.ResponseWindow)
	setText(d, fieldFailoverOnTrial, &r.FailoverOnTrial)
	switch r.FailoverOnTrial {
	case "1": // what the framework makes of a JSON boolean
		r.FailoverOnTrial = radclient.FailoverOnTrialAlways
	case "0":
		r.FailoverOnTrial = radclient.FailoverOnTrialNever
	}
	set(d, fieldNASIPAddress, &r.NASIPAddress)
	set(d, fieldNASPortType, &r.NASPortType)
	set(d, fieldSendClientAddress, &r.SendClientAddress)
	set(d, fieldStripRealm, &r.StripRealm)
}

// applyStatusRequest takes the given fields of the test user over. With another
// status_check, the stored ones are forgotten: they would have no effect.
func applyStatusRequest(r *source.RADIUSSettings, d *framework.FieldData) {
	if !r.ProbesByRequest() {
		r.StatusCheckUsername, r.StatusCheckPassword = "", ""
	}
	set(d, fieldStatusCheckUsername, &r.StatusCheckUsername)
	set(d, fieldStatusCheckPassword, &r.StatusCheckPassword)
}

// addRADIUSData adds the settings to the data of a read: not the secret, nor the key, nor the
// test user's password.
func addRADIUSData(r *source.RADIUSSettings, data map[string]any) {
	data[fieldDialTimeout] = r.DialTimeout
	data[fieldReadTimeout] = r.ReadTimeout
	data[fieldNASPort] = r.NASPort
	data[fieldMessageAuthenticator] = string(r.MessageAuthenticator)
	data[fieldAuthProtocol] = string(r.AuthProtocol)
	data[fieldRetransmit] = string(r.Retransmit)
	data[fieldTransport] = string(r.Transport)
	data[fieldTLSCACert] = r.TLSCACert
	data[fieldTLSClientCert] = r.TLSClientCert
	data[fieldTLSServerName] = r.TLSServerName
	data[fieldTLSMinVersion] = string(r.TLSMinVersion)
	data[fieldRADIUSVersion] = string(r.RADIUSVersion)
	data[fieldStrategy] = string(r.Strategy)
	data[fieldStatusCheck] = string(r.StatusCheck)
	data[fieldStatusCheckUsername] = r.StatusCheckUsername
	data[fieldResponseWindow] = r.ResponseWindow
	data[fieldFailoverOnTrial] = string(r.FailoverOnTrial)
	data[fieldNASIPAddress] = r.NASIPAddress
	data[fieldNASPortType] = r.NASPortType
	data[fieldSendClientAddress] = r.SendClientAddress
	data[fieldStripRealm] = r.StripRealm
}
