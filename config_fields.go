package radiusauth

import (
	"maps"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/helper/tokenutil"

	"vault-plugin-auth-radius/internal/login"
	"vault-plugin-auth-radius/internal/radclient"
)

// configFields returns the schema of the config: the only description of its fields.
func configFields() map[string]*framework.FieldSchema {
	defaults := defaultConfig()
	fields := map[string]*framework.FieldSchema{
		fieldHost: {
			Type: framework.TypeString,
			Description: "RADIUS server: a host name, looked up every 30 seconds, or an IPv4 or IPv6 address. Required, unless " +
				"extauth is set.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Host"},
		},
		fieldPort: {
			Type:         framework.TypeInt,
			Default:      defaults.Port,
			Description:  "Port of the RADIUS server, 1 to 65535. With transport \"tls\", 2083 unless another one is set.",
			DisplayAttrs: &framework.DisplayAttributes{Value: defaults.Port},
		},
		fieldSecret: {
			Type: framework.TypeString,
			Description: "Secret shared with the RADIUS server. Required, except with transport \"tls\", which always uses " +
				"\"radsec\". Never returned. 16 characters or more are advised.",
			DisplayAttrs: &framework.DisplayAttributes{Sensitive: true},
		},
		fieldUnregisteredUserPolicies: {
			Type:    framework.TypeCommaStringSlice,
			Default: defaults.UnregisteredUserPolicies,
			Description: "Policies, as a list or separated by commas, of users that the RADIUS server accepts and that are not " +
				"under users/.",
			DisplayAttrs: &framework.DisplayAttributes{
				Name:        "Policies for unregistered users",
				Description: "List of policies for users that the RADIUS server accepts and that are not registered.",
			},
		},
		fieldDialTimeout: {
			Type:    framework.TypeDurationSecond,
			Default: defaults.DialTimeout,
			Description: "Seconds that looking up the host, and connecting over TCP or TLS, may take, 0 to 3600. 0: no limit but " +
				"read_timeout.",
			DisplayAttrs: &framework.DisplayAttributes{Value: defaults.DialTimeout},
		},
		fieldReadTimeout: {
			Type:    framework.TypeDurationSecond,
			Default: defaults.ReadTimeout,
			Description: "Seconds that a whole login may take, retransmissions and further servers included, 1 to 3600. Raise it " +
				"where users approve on a phone; Vault's own clients give up after 60.",
			DisplayAttrs: &framework.DisplayAttributes{Value: defaults.ReadTimeout},
		},
		fieldNASPort: {
			Type:         framework.TypeInt64,
			Default:      defaults.NASPort,
			Description:  "NAS-Port attribute of every Access-Request.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "NAS Port", Value: defaults.NASPort},
		},
		fieldNASIdentifier: {
			Type:    framework.TypeString,
			Default: defaults.NASIdentifier,
			Description: "NAS-Identifier attribute of every Access-Request, at most 253 octets. Empty: \"vault\", since RFC 2865 " +
				"wants the NAS named; with nas_ip_address, which names it too, none is sent.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "NAS Identifier"},
		},
		fieldMessageAuthenticator: {
			Type:          framework.TypeString,
			Default:       string(defaults.MessageAuthenticator),
			AllowedValues: allowed(radclient.MessageAuthenticators),
			Description: "When a response must carry a Message-Authenticator: \"required\" (every response), \"auto\" (responses " +
				"of a code of which the server's address has signed one before), \"off\" (never). Requests always carry " +
				"one, and one in a response is always verified.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Message-Authenticator", Value: string(defaults.MessageAuthenticator)},
		},
		fieldRenewal: {
			Type:          framework.TypeString,
			Default:       string(defaults.Renewal),
			AllowedValues: allowed(login.Renewals),
			Description: "How a token is renewed: \"reauthenticate\" sends the password, kept with the token's lease, to the " +
				"RADIUS server again, as the built-in method does; \"recheck\" keeps no password and checks that the " +
				"user is still registered with the same policies.",
			DisplayAttrs: &framework.DisplayAttributes{Value: string(defaults.Renewal)},
		},
		fieldAuthProtocol: {
			Type:          framework.TypeString,
			Default:       string(defaults.AuthProtocol),
			AllowedValues: allowed(radclient.Protocols),
			Description: "How the password is proved to the server: \"pap\", \"chap\" or \"mschapv2\", in which the server must " +
				"prove that it knows the password too. An attacker that captures the packets and knows or guesses the " +
				"secret can break all three; MS-CHAPv2 even without the secret.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Authentication protocol", Value: string(defaults.AuthProtocol)},
		},
		fieldRetransmit: {
			Type:          framework.TypeString,
			Default:       string(defaults.Retransmit),
			AllowedValues: allowed(radclient.Retransmits),
			Description: "\"auto\": the same packet is sent again until the server answers. \"never\": one packet for each " +
				"login, for servers that send a push for every packet.",
			DisplayAttrs: &framework.DisplayAttributes{Value: string(defaults.Retransmit)},
		},
		fieldTransport: {
			Type:          framework.TypeString,
			Default:       string(defaults.Transport),
			AllowedValues: allowed(radclient.Transports),
			Description:   "How requests travel: \"udp\", \"tcp\" (RFC 6613) or \"tls\" (RadSec, RFC 6614).",
			DisplayAttrs:  &framework.DisplayAttributes{Value: string(defaults.Transport)},
		},
		fieldTLSCACert: {
			Type:    framework.TypeString,
			Default: defaults.TLSCACert,
			Description: "PEM certificates of the authorities that may sign the server's certificate. Required with transport " +
				"\"tls\": the system trust store is not used.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "TLS CA certificates", EditType: "textarea"},
		},
		fieldTLSClientCert: {
			Type:         framework.TypeString,
			Default:      defaults.TLSClientCert,
			Description:  "PEM certificate that Vault shows to the server, with those between it and the root.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "TLS client certificate", EditType: "textarea"},
		},
		fieldTLSClientKey: {
			Type:         framework.TypeString,
			Default:      defaults.TLSClientKey,
			Description:  "PEM key of tls_client_cert. Never returned.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "TLS client key", Sensitive: true, EditType: "textarea"},
		},
		fieldTLSServerName: {
			Type:    framework.TypeString,
			Default: defaults.TLSServerName,
			Description: "Name or IP address that the server's certificate must have among its subject alternative names; a " +
				"common name does not count. Empty: the host. With several hosts it is the same for all.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "TLS server name"},
		},
		fieldTLSMinVersion: {
			Type:          framework.TypeString,
			Default:       string(defaults.TLSMinVersion),
			AllowedValues: allowed(radclient.TLSVersions),
			Description:   "Minimum TLS version: \"tls12\" or \"tls13\".",
			DisplayAttrs:  &framework.DisplayAttributes{Name: "Minimum TLS version", Value: string(defaults.TLSMinVersion)},
		},
		fieldRADIUSVersion: {
			Type:          framework.TypeString,
			Default:       string(defaults.RADIUSVersion),
			AllowedValues: allowed(radclient.Versions),
			Description: "Version of RADIUS within TLS: \"1.0\", \"1.1\" (RFC 9765), or \"auto\", which is 1.1 if the server " +
				"speaks it. The latter two need TLS 1.3.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "RADIUS version", Value: string(defaults.RADIUSVersion)},
		},
		fieldHosts: {
			Type:    framework.TypeSlice,
			Default: []any{},
			Description: "Further RADIUS servers, in order, for when the first is dead: objects with host and, where they differ " +
				"from the first server's, port and secret. On the command line host:port,host:port will do. Secrets are " +
				"never returned; a server that stays keeps its own.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Further hosts", Sensitive: true},
		},
		fieldStrategy: {
			Type:          framework.TypeString,
			Default:       string(defaults.Strategy),
			AllowedValues: allowed(radclient.Strategies),
			Description: "Which of several servers a login goes to: \"failover\" (the first that is alive) or \"round_robin\" " +
				"(those that are alive, in turn).",
			DisplayAttrs: &framework.DisplayAttributes{Value: string(defaults.Strategy)},
		},
		fieldStatusCheck: {
			Type:          framework.TypeString,
			Default:       string(defaults.StatusCheck),
			AllowedValues: allowed(radclient.StatusChecks),
			Description: "Whether probes distinguish a dead server from a slow user: Status-Server (RFC 5997) with \"auto\" " +
				"(where there is another server to go to, and if the server answers them) and \"on\" (the server " +
				"answers them: a silent one is dead); logins of a test user with \"request\", for servers over udp that " +
				"answer no Status-Server; none with \"off\".",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Probes", Value: string(defaults.StatusCheck)},
		},
		fieldStatusCheckUsername: {
			Type:    framework.TypeString,
			Default: defaults.StatusCheckUsername,
			Description: "Name of the test user of status_check \"request\", as the server sees it: a name that no directory " +
				"has, never that of a user. Any valid response counts, also a reject. Logins under it are refused. With " +
				"another status_check it is refused, and a stored one is forgotten.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Test user"},
		},
		fieldStatusCheckPassword: {
			Type:         framework.TypeString,
			Default:      defaults.StatusCheckPassword,
			Description:  "Password of status_check_username, with the same rule. Never returned.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Test user's password", Sensitive: true},
		},
		fieldResponseWindow: {
			Type:    framework.TypeDurationSecond,
			Default: defaults.ResponseWindow,
			Description: "Seconds of silence, 1 to 3600, after which new logins avoid a server that answers no Status-Server " +
				"probes, if read_timeout leaves time for another one. Logins that wait stay: the user may be looking " +
				"for a phone. With status_check \"request\", how long a probe has to be answered.",
			DisplayAttrs: &framework.DisplayAttributes{Value: defaults.ResponseWindow},
		},
		fieldFailoverOnTrial: {
			Type:          framework.TypeString,
			Default:       string(defaults.FailoverOnTrial),
			AllowedValues: allowed(radclient.FailoverOnTrials),
			Description: "Whether a login tries a server that was found silent and answers no probes, and goes on to the next " +
				"one after response_window: \"auto\" (where read_timeout is less than 30 s, the server has not asked " +
				"for a challenge, and the login answers none), \"true\" or \"false\" (it is left alone until the others " +
				"are silent, too).",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Failover on trial", Value: string(defaults.FailoverOnTrial)},
		},
		fieldBindAddress: {
			Type:    framework.TypeString,
			Default: defaults.BindAddress,
			Description: "Where requests come from: an IP address of the Vault server, the name of a network interface, or " +
				"label:<name>, which stands for the value of the environment variable RADIUS_BIND_<NAME> of the plugin. " +
				"Empty: the system chooses.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Bind address"},
		},
		fieldNASIPAddress: {
			Type:         framework.TypeString,
			Default:      defaults.NASIPAddress,
			Description:  "NAS-IP-Address or NAS-IPv6-Address attribute of every Access-Request. Empty: not sent.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "NAS IP address"},
		},
		fieldNASPortType: {
			Type:         framework.TypeString,
			Default:      defaults.NASPortType,
			Description:  "NAS-Port-Type attribute of every Access-Request, as a name or a number.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "NAS Port Type", Value: defaults.NASPortType},
		},
		fieldSendClientAddress: {
			Type:         framework.TypeBool,
			Default:      defaults.SendClientAddress,
			Description:  "If true, the address of the client that logs in is sent as Calling-Station-Id.",
			DisplayAttrs: &framework.DisplayAttributes{Value: defaults.SendClientAddress},
		},
		fieldRealm: {
			Type:    framework.TypeString,
			Default: defaults.Realm,
			Description: "Realm of the config's servers: appended, as @realm, to a User-Name that has none. alice and " +
				"alice@<realm> are one user, alice.",
		},
		fieldStripRealm: {
			Type:    framework.TypeBool,
			Default: defaults.StripRealm,
			Description: "If true, the realms of a name (user@realm, REALM\\user) are cut off, except those of sources: " +
				"alice@anything is alice, to the server and in Vault. Turning it on changes the entity aliases of such " +
				"users.",
		},
		fieldCaseInsensitiveUsernames: {
			Type:    framework.TypeBool,
			Default: defaults.CaseInsensitiveUsernames,
			Description: "If true, usernames are lower-cased: ALICE and alice are one user. It cannot be turned on while names " +
				"with upper case are registered.",
		},
		fieldCaseInsensitiveNames: {
			Type:        framework.TypeBool,
			Default:     defaults.CaseInsensitiveNames,
			Description: "The same as case_insensitive_usernames, as Vault's built-in method calls it since 2.0.3.",
		},
		fieldDefaultRealm: {
			Type:    framework.TypeString,
			Default: defaults.DefaultRealm,
			Description: "Realm of names that are typed without one: alice is alice@<default_realm>, and the source with that " +
				"realm checks the password.",
		},
		fieldRegisteredOnly: {
			Type:        framework.TypeBool,
			Default:     defaults.RegisteredOnly,
			Description: "If true, only users under users/ log in, whatever a source says about others.",
		},
		fieldDefaultProfiles: {
			Type:    framework.TypeCommaStringSlice,
			Default: []string{},
			Description: "Short names of the AAA profiles that decide about logins of users that have none of their own, in " +
				"order; at least one must match.",
		},
		fieldRequestAttributes: {
			Type:    framework.TypeSlice,
			Default: []any{},
			Description: "Attributes that are added to every request: a list of {attribute, value}, or JSON text of it. Values " +
				"may have expansions, such as %{User-Name}.",
		},
		fieldGroupAttributes: {
			Type:        framework.TypeCommaStringSlice,
			Default:     []string{},
			Description: "Attributes of the response whose values become identity group aliases, such as Class,Filter-Id.",
		},
		fieldMetadataAttributes: {
			Type:    framework.TypeCommaStringSlice,
			Default: []string{},
			Description: "Attributes of the response whose values become metadata of the token, each cut at 512 octets; at most " +
				"16.",
		},
		fieldSessionTimeoutAsTTL: {
			Type:    framework.TypeBool,
			Default: defaults.SessionTimeoutAsTTL,
			Description: "If true, the server's Session-Timeout limits the lifetime of a token, renewals included. That of a " +
				"profile always does.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Session-Timeout as TTL"},
		},
	}
	maps.Copy(fields, localFields(defaults))
	maps.Copy(fields, passcodeFields(defaults.PasscodeSettings))
	tokenutil.AddTokenFields(fields)
	fields[fieldTokenStrictlyBindIP] = &framework.FieldSchema{
		Type:    framework.TypeBool,
		Default: false,
		Description: "If true, a token is valid only from the address that its login came from, " +
			"instead of those in token_bound_cidrs. OpenBao's methods have the field, too.",
		DisplayAttrs: &framework.DisplayAttributes{Name: "Strictly bind the token to the client's address", Group: "Tokens"},
	}
	fields["token_policies"].Description += ". They are added to those of the user."
	return fields
}

// configReadResponses returns the schema of a read: every field but those that are never returned.
func configReadResponses() map[int][]framework.Response {
	fields := configFields()
	delete(fields, fieldSecret)
	delete(fields, fieldTLSClientKey)
	delete(fields, fieldStatusCheckPassword)
	for _, schema := range fields {
		schema.Required = true
	}
	return dataResponses(fields)
}
