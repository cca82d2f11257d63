package radiusauth

import (
	"github.com/hashicorp/vault/sdk/framework"

	"vault-plugin-auth-radius/internal/acct"
)

// freeradiusFields returns the schema of the config of the FreeRADIUS backend: the only description
// of its fields.
func freeradiusFields() map[string]*framework.FieldSchema {
	return map[string]*framework.FieldSchema{
		fieldAuthorizeReject: {
			Type:    framework.TypeBool,
			Default: false,
			Description: "Whether a user that is not accepted is refused at once, with 401. " +
				"Else the answer is 204, and FreeRADIUS's other modules may know the user.",
		},
		fieldUseRADIUSSources: {
			Type:    framework.TypeBool,
			Default: false,
			Description: "Whether users may be accepted that RADIUS servers check. " +
				"Leave it off if such a server is the FreeRADIUS server that sends the request: it would ask itself.",
		},
		fieldStore: {
			Type:          framework.TypeString,
			Default:       string(storeVault),
			AllowedValues: allowed(storeKinds),
			Description: "Where sessions and attempts to log in are kept: \"vault\", Vault's storage, or \"postgres\", " +
				"the tables radacct and radpostauth of FreeRADIUS in PostgreSQL, which are created if they are missing.",
		},
		fieldConnectionURL: {
			Type: framework.TypeString,
			Description: "Which PostgreSQL: postgres://user:password@host:5432/database?sslmode=verify-full. " + // #nosec G101 -- how a URL looks
				"It names host, user and database, and no files: nothing of the Vault server's environment is used. " +
				"Required with store \"postgres\". Never returned.",
			DisplayAttrs: &framework.DisplayAttributes{Sensitive: true},
		},
		fieldTLSCACert: {
			Type:    framework.TypeString,
			Default: "",
			Description: "PEM certificates of the authorities that may sign PostgreSQL's certificate, " +
				"for sslmode=verify-full (or verify-ca) in connection_url. Empty: the system trust store.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "TLS CA certificates", EditType: "textarea"},
		},
		fieldTLSClientCert: {
			Type:         framework.TypeString,
			Default:      "",
			Description:  "PEM certificate that Vault shows to PostgreSQL, with those between it and the root.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "TLS client certificate", EditType: "textarea"},
		},
		fieldTLSClientKey: {
			Type:         framework.TypeString,
			Default:      "",
			Description:  "PEM key of tls_client_cert, not encrypted. Never returned.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "TLS client key", Sensitive: true, EditType: "textarea"},
		},
		fieldRetention: {
			Type: framework.TypeDurationSecond,
			Description: "Seconds after which closed sessions and attempts to log in are deleted, " +
				"counted from the arrival of their packets; 0: never. Default: 30 days in Vault's storage, never in PostgreSQL.",
		},
		fieldStaleAfter: {
			Type:    framework.TypeDurationSecond,
			Default: 0,
			Description: "Seconds without a packet after which an open session is closed, as Lost-Carrier; 0: never. " +
				"Only for NASes that send Interim-Updates.",
		},
		fieldAutoGroup: {
			Type:        framework.TypeBool,
			Default:     false,
			Description: "Whether sessions without a groupname get the short name of the user's first profile.",
		},
	}
}

// apply takes over the fields of a request.
func (e *freeradiusEntry) apply(d *framework.FieldData) {
	if retention, given := d.Raw[fieldRetention]; given && retention == nil {
		e.Retention = nil
		delete(d.Raw, fieldRetention)
	}
	resetNulls(d)
	set(d, fieldAuthorizeReject, &e.AuthorizeReject)
	set(d, fieldUseRADIUSSources, &e.UseRADIUSSources)
	setText(d, fieldStore, &e.Store)
	set(d, fieldConnectionURL, &e.ConnectionURL)
	setPEM(d, fieldTLSCACert, &e.TLSCACert)
	setPEM(d, fieldTLSClientCert, &e.TLSClientCert)
	setPEM(d, fieldTLSClientKey, &e.TLSClientKey)
	if _, given := d.GetOk(fieldConnectionURL); given || e.tls() != (acct.TLS{}) {
		e.URLIsComplete = true
	}
	if retention, given := d.GetOk(fieldRetention); given {
		seconds := retention.(int)
		e.Retention = &seconds
	}
	set(d, fieldStaleAfter, &e.StaleAfter)
	set(d, fieldAutoGroup, &e.AutoGroup)
}

// data returns the config as a read shows it.
func (e *freeradiusEntry) data() map[string]any {
	return map[string]any{
		fieldAuthorizeReject:  e.AuthorizeReject,
		fieldUseRADIUSSources: e.UseRADIUSSources,
		fieldStore:            string(e.Store),
		fieldTLSCACert:        e.TLSCACert,
		fieldTLSClientCert:    e.TLSClientCert,
		fieldRetention:        e.retention(),
		fieldStaleAfter:       e.StaleAfter,
		fieldAutoGroup:        e.AutoGroup,
	}
}
