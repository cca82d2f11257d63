package radiusauth

// Fields of config.
const (
	fieldHost                     = "host"
	fieldPort                     = "port"
	fieldSecret                   = "secret"
	fieldUnregisteredUserPolicies = "unregistered_user_policies"
	fieldDialTimeout              = "dial_timeout"
	fieldReadTimeout              = "read_timeout"
	fieldNASPort                  = "nas_port"
	fieldNASIdentifier            = "nas_identifier"
	fieldMessageAuthenticator     = "message_authenticator"
	fieldRenewal                  = "renewal"
	fieldAuthProtocol             = "auth_protocol"
	fieldRetransmit               = "retransmit"
	fieldTransport                = "transport"
	fieldTLSCACert                = "tls_ca_cert"
	fieldTLSClientCert            = "tls_client_cert"
	fieldTLSClientKey             = "tls_client_key"
	fieldTLSServerName            = "tls_server_name"
	fieldTLSMinVersion            = "tls_min_version"
	fieldRADIUSVersion            = "radius_version"
	fieldHosts                    = "hosts"
	fieldStrategy                 = "strategy"
	fieldStatusCheck              = "status_check"
	fieldStatusCheckUsername      = "status_check_username"
	fieldStatusCheckPassword      = "status_check_password" // #nosec G101 -- the name of a field
	fieldResponseWindow           = "response_window"
	fieldFailoverOnTrial          = "failover_on_trial"
	fieldBindAddress              = "bind_address"
	fieldNASIPAddress             = "nas_ip_address"
	fieldNASPortType              = "nas_port_type"
	fieldSendClientAddress        = "send_client_address"
	fieldRealm                    = "realm"
	fieldStripRealm               = "strip_realm"
	fieldPasscodeSeparator        = "passcode_separator" // #nosec G101 -- the name of a field
	fieldPasscodePattern          = "passcode_pattern"
	fieldPasscodeUnasked          = "passcode_unasked"
	fieldCaseInsensitiveUsernames = "case_insensitive_usernames"
	fieldCaseInsensitiveNames     = "case_insensitive_names"
	fieldDefaultRealm             = "default_realm"
	fieldRegisteredOnly           = "registered_only"
	fieldTokenStrictlyBindIP      = "token_strictly_bind_ip" // #nosec G101 -- the name of a field
	fieldDefaultProfiles          = "default_profiles"
	fieldRequestAttributes        = "request_attributes"
	fieldGroupAttributes          = "group_attributes"
	fieldMetadataAttributes       = "metadata_attributes"
	fieldSessionTimeoutAsTTL      = "session_timeout_as_ttl"
	fieldLockoutThreshold         = "lockout_threshold"
	fieldLockoutDuration          = "lockout_duration"
	fieldLockoutCounterReset      = "lockout_counter_reset"
	fieldPasswordAlgorithm        = "password_hash_algorithm"
	fieldPasswordCost             = "password_hash_cost"
	fieldPasswordCacheTTL         = "password_cache_ttl"    // #nosec G101 -- the name of a field
	fieldPasswordCacheLogins      = "password_cache_logins" // #nosec G101 -- the name of a field
	fieldTimeZone                 = "time_zone"
	fieldAttemptsKept             = "attempts_kept"
	fieldAttemptsNames            = "attempts_names"
	fieldAliasMetadata            = "alias_metadata"
	fieldTokenBoundCIDRs          = "token_bound_cidrs"
	fieldTokenType                = "token_type" // #nosec G101 -- the name of a field
)

// Fields of users.
const (
	fieldName           = "name"
	fieldPolicies       = "policies"
	fieldProfiles       = "profiles"
	fieldExtauth        = "extauth"
	fieldPasswordHash   = "password_hash" // #nosec G101 -- the name of a field
	fieldPasswordScheme = "password_scheme"
	fieldExpiresAt      = "expires_at"
	fieldEmail          = "email"
	fieldFirstName      = "first_name"
	fieldLastName       = "last_name"
	fieldMetadata       = "metadata"
	fieldExpose         = "expose_credential"
	fieldBatch          = "batch"
	fieldDetailed       = "detailed"
	fieldAfter          = "after"
	fieldLimit          = "limit"
)

// Fields of login, and freeradius/authorize.
const (
	fieldURLUsername = "urlusername"
	fieldUsername    = "username"
	fieldPassword    = "password"
	fieldPasscode    = "passcode"
	fieldTOTP        = "totp"
	fieldChallengeID = "challenge_id"
	fieldAttributes  = "attributes"

	// Of an answer that asks for another step.
	fieldMessage   = "message"
	fieldEcho      = "echo"
	fieldExpiresIn = "expires_in"
)

// Fields of extauth.
const (
	fieldSourceID             = "id"
	fieldSourceType           = "type"
	fieldBindTo               = "bindto"
	fieldRealms               = "realms"
	fieldReplyAttributes      = "reply_attributes"
	fieldNASID                = "nasid"
	fieldSSL                  = "ssl"
	fieldSSLCert              = "ssl_cert"
	fieldStartTLS             = "starttls"
	fieldAllowCleartext       = "allow_cleartext"
	fieldBindDN               = "ldap_binddn"
	fieldUserAttribute        = "user_attribute"
	fieldUserSearchBase       = "user_search_base"
	fieldUserSearchFilter     = "user_search_filter"
	fieldSearchBindDN         = "search_binddn"
	fieldSearchPassword       = "search_password" // #nosec G101 -- the name of a field
	fieldADDomain             = "ad_domain"
	fieldGroupSearchBase      = "group_search_base"
	fieldGroupSearchFilter    = "group_search_filter"
	fieldGroupSearchAttribute = "group_search_attribute"
)

// Fields of profiles.
const (
	fieldProfileID      = "id"
	fieldShortName      = "short_name"
	fieldDescription    = "description"
	fieldOrganizationID = "organization_id"
	fieldCheckAttribute = "check_attribute"
	fieldReplyAttribute = "reply_attribute"
	fieldEnabled        = "enabled"
	fieldOffset         = "offset"
	fieldCount          = "count"
	fieldNext           = "next"
	fieldPrev           = "previous"
	fieldResults        = "results"
)

// Fields of profiles/:name/test.
const (
	fieldTime    = "time"
	fieldRequest = "request"
	fieldReply   = "reply"
	fieldClient  = "client"
	fieldRefused = "refused"
)

// Fields of attempts, beside after, limit and count.
const (
	fieldUser    = "user"
	fieldOutcome = "outcome"
	fieldSource  = "source"
)

// Fields of dictionary.
const (
	fieldSearch = "search"
	fieldText   = "text"
)

// Fields of freeradius/config.
const (
	fieldAuthorizeReject  = "authorize_reject"
	fieldUseRADIUSSources = "use_radius_sources"
	fieldStore            = "store"
	fieldConnectionURL    = "connection_url"
	fieldRetention        = "retention"
	fieldStaleAfter       = "stale_session_after"
	fieldAutoGroup        = "accounting_auto_group"
)

// Fields of freeradius/accounting.
const (
	fieldCalledStationID  = "called_station_id"
	fieldCallingStationID = "calling_station_id"
	fieldStartTime        = "start_time"
	fieldStopTime         = "stop_time"
	fieldIsOpen           = "is_open"
	fieldUniqueID         = "unique_id"
)

// Fields of freeradius/postauth.
const (
	fieldFrom = "from"
	fieldTo   = "to"
)

// Fields of freeradius/batch.
const (
	fieldCSVFile        = "csvfile"
	fieldPrefix         = "prefix"
	fieldNumberOfUsers  = "number_of_users"
	fieldExpirationDate = "expiration_date"
	fieldPasswordLength = "password_length"
	fieldFormat         = "format"
)

// Fields of lists in pages.
const (
	fieldPage     = "page"
	fieldPageSize = "page_size"
	fieldEnvelope = "envelope"
)

// Fields of explain.
const (
	fieldClientAddress = "client_address"
	fieldFor           = "for"
	fieldAsk           = "ask"
)
