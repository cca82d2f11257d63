package radiusauth

import (
	"github.com/hashicorp/vault/sdk/framework"

	"vault-plugin-auth-radius/internal/login"
)

// localFields returns the schema of the config's fields about what is checked here or by
// other sources than its servers.
func localFields(defaults *configEntry) map[string]*framework.FieldSchema {
	return map[string]*framework.FieldSchema{
		fieldExtauth: {
			Type:    framework.TypeString,
			Default: defaults.Extauth,
			Description: "Default source, for logins that neither a user entry nor a realm sends elsewhere: the name of a source " +
				"under extauth/, or \"local\" for the passwords of users/. Empty: the servers of this config. If it is " +
				"set, host and secret may be left out.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Default source"},
		},
		fieldLockoutThreshold: {
			Type:         framework.TypeInt,
			Default:      defaults.LockoutThreshold,
			Description:  "Failed logins in a row that lock a name out, on this Vault server. 0 disables the lockout.",
			DisplayAttrs: &framework.DisplayAttributes{Value: defaults.LockoutThreshold},
		},
		fieldLockoutDuration: {
			Type:         framework.TypeDurationSecond,
			Default:      defaults.LockoutDuration,
			Description:  "Seconds that a name is locked out.",
			DisplayAttrs: &framework.DisplayAttributes{Value: defaults.LockoutDuration},
		},
		fieldLockoutCounterReset: {
			Type:         framework.TypeDurationSecond,
			Default:      defaults.LockoutCounterReset,
			Description:  "Seconds without a failed login after which failed logins are counted anew.",
			DisplayAttrs: &framework.DisplayAttributes{Value: defaults.LockoutCounterReset},
		},
		fieldPasswordAlgorithm: {
			Type:          framework.TypeString,
			Default:       string(defaults.PasswordAlgorithm),
			AllowedValues: allowed(login.PasswordAlgorithms),
			Description: "How passwords of users/ are hashed from now on: \"argon2id\", \"bcrypt\" or \"pbkdf2_sha256\", " +
				"which is the default, and the only one, in FIPS 140 mode.",
			DisplayAttrs: &framework.DisplayAttributes{Value: string(defaults.PasswordAlgorithm)},
		},
		fieldPasswordCost: {
			Type:    framework.TypeInt,
			Default: defaults.PasswordCost,
			Description: "Cost of a hash: for argon2id the passes over 19 MiB of memory, 1 to 10; for bcrypt the logarithm of " +
				"the rounds, 10 to 15; for pbkdf2_sha256 the iterations, 100000 to 2000000. 0: 2 passes, 12, or 600000 iterations.",
			DisplayAttrs: &framework.DisplayAttributes{Value: defaults.PasswordCost},
		},
		fieldPasswordCacheTTL: {
			Type:    framework.TypeDurationSecond,
			Default: defaults.PasswordCacheTTL,
			Description: "How long a password of users/ that was right is known without a new hash: seconds, 3600 at most. " +
				"It serves FreeRADIUS's requests and renewals. 0: each is hashed. Whoever can read the memory of the " +
				"plugin's process can try passwords out against it.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Password cache TTL", Value: defaults.PasswordCacheTTL},
		},
		fieldPasswordCacheLogins: {
			Type:         framework.TypeBool,
			Description:  "Whether logins in Vault use what password_cache_ttl keeps as well.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Password cache for logins"},
		},
		fieldTimeZone: {
			Type:    framework.TypeString,
			Default: defaults.TimeZone,
			Description: "Time zone of Login-Time, Expiration, Time-Of-Day and Current-Time of profiles: a name of the IANA " +
				"database, such as Europe/Berlin.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Time zone of profiles", Value: defaults.TimeZone},
		},
		fieldAttemptsKept: {
			Type:    framework.TypeInt,
			Default: defaults.AttemptsKept,
			Description: "How many of the latest attempts to log in each Vault server keeps in memory, for attempts: " +
				"0 to 1000. 0: none, and those that are kept are dropped.",
			DisplayAttrs: &framework.DisplayAttributes{Value: defaults.AttemptsKept},
		},
		fieldAttemptsNames: {
			Type: framework.TypeBool,
			Description: "If true, attempts shows all names as they were typed. Users type passwords into the name field: " +
				"without it, a name that is not registered and was never accepted is shown as two characters and a hash.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Show all names of attempts"},
		},
	}
}
