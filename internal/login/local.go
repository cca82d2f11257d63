package login

import (
	"fmt"
	"time"

	"vault-plugin-auth-radius/internal/decision"
	"vault-plugin-auth-radius/internal/lockout"
	"vault-plugin-auth-radius/internal/passwd"
	"vault-plugin-auth-radius/internal/validate"
)

// LocalSettings holds the part of the config that is not about its servers: other sources,
// passwords that are checked here, the lockout and the clock.
type LocalSettings struct {
	// Extauth is the name of a source, [source.Local], or empty for the config's servers.
	Extauth string `json:"extauth"`

	LockoutThreshold    int `json:"lockout_threshold"`     // 0: off
	LockoutDuration     int `json:"lockout_duration"`      // seconds
	LockoutCounterReset int `json:"lockout_counter_reset"` // seconds

	PasswordAlgorithm passwd.Scheme `json:"password_hash_algorithm"`
	PasswordCost      int           `json:"password_hash_cost"` // 0: the algorithm's default

	PasswordCacheTTL    int  `json:"password_cache_ttl"` // seconds; 0: none is known
	PasswordCacheLogins bool `json:"password_cache_logins"`

	// TimeZone names the zone whose clock profiles go by.
	TimeZone string `json:"time_zone"`

	AttemptsKept  int  `json:"attempts_kept"`  // 0: none
	AttemptsNames bool `json:"attempts_names"` // whether names that may be passwords are shown whole
}

// MaxAttemptsKept is how many attempts may be kept at most.
const MaxAttemptsKept = 1000

// PasswordAlgorithms are those that passwords may be hashed with here.
var PasswordAlgorithms = []passwd.Scheme{passwd.Argon2id, passwd.Bcrypt, passwd.PBKDF2SHA256}

func defaultLocalSettings() LocalSettings {
	return LocalSettings{
		LockoutDuration:     15 * 60,
		LockoutCounterReset: 15 * 60,
		PasswordAlgorithm:   passwd.DefaultAlgorithm(),
		TimeZone:            "UTC",
		AttemptsKept:        MaxAttemptsKept,
	}
}

// maxLockout is the longest lockout in seconds: a year.
const maxLockout = 365 * 24 * 3600

// Validate returns what is wrong with the settings, each beginning with its field.
func (l *LocalSettings) Validate() []string {
	var found []string
	if l.LockoutThreshold < 0 || l.LockoutThreshold > 1000 {
		found = append(found, fmt.Sprintf("`lockout_threshold` is %d; use 0 to 1000", l.LockoutThreshold))
	}
	if l.LockoutDuration < 1 || l.LockoutDuration > maxLockout {
		found = append(found, fmt.Sprintf("`lockout_duration` is %d; use 1 to %d seconds", l.LockoutDuration, maxLockout))
	}
	if l.LockoutCounterReset < 1 || l.LockoutCounterReset > maxLockout {
		found = append(found, fmt.Sprintf("`lockout_counter_reset` is %d; use 1 to %d seconds", l.LockoutCounterReset, maxLockout))
	}
	if problem := validate.CheckEnum("password_hash_algorithm", l.PasswordAlgorithm, PasswordAlgorithms); problem != "" {
		found = append(found, problem)
	} else if err := passwd.CheckAlgorithm(l.PasswordAlgorithm); err != nil {
		found = append(found, "`password_hash_algorithm` "+err.Error())
	} else if err := l.HashSettings().Check(); err != nil {
		found = append(found, "`password_hash_cost`: "+err.Error())
	}
	if longest := int(passwd.MaxKnownFor / time.Second); l.PasswordCacheTTL < 0 || l.PasswordCacheTTL > longest {
		found = append(found, fmt.Sprintf("`password_cache_ttl` is %d; use 0 to %d seconds", l.PasswordCacheTTL, longest))
	}
	if l.PasswordCacheLogins && l.PasswordCacheTTL == 0 {
		found = append(found, "`password_cache_logins` has no effect without `password_cache_ttl`: set that, too")
	}
	if _, ok := parseZone(l.TimeZone); !ok {
		found = append(found, fmt.Sprintf("`time_zone`: %.80q is not a time zone: "+
			"give a name of the IANA's database, such as Europe/Berlin or UTC", l.TimeZone))
	}
	if l.AttemptsKept < 0 || l.AttemptsKept > MaxAttemptsKept {
		found = append(found, fmt.Sprintf("`attempts_kept` is %d; use 0 to %d", l.AttemptsKept, MaxAttemptsKept))
	}
	return found
}

// HashSettings returns how a password is hashed here. An algorithm that was stored before FIPS 140
// mode was on, and that it has no place for, gives way to the default.
func (l *LocalSettings) HashSettings() passwd.Settings {
	return passwd.Settings{Algorithm: l.PasswordAlgorithm, Cost: l.PasswordCost}.Approved()
}

// passwordKnownFor returns how long after it was right a local password needs no new hash: for
// FreeRADIUS and renewals, and for logins if the config says so.
func (l *LocalSettings) passwordKnownFor(use decision.Use) time.Duration {
	switch use {
	case decision.FreeRADIUS, decision.Renewal:
	case decision.Trial:
		return 0
	default: // a login in Vault
		if !l.PasswordCacheLogins {
			return 0
		}
	}
	return time.Duration(l.PasswordCacheTTL) * time.Second
}

// lockoutPolicy returns when and for how long names are locked.
func (l *LocalSettings) lockoutPolicy() lockout.Policy {
	return lockout.Policy{
		Threshold: l.LockoutThreshold,
		Duration:  time.Duration(l.LockoutDuration) * time.Second,
		Reset:     time.Duration(l.LockoutCounterReset) * time.Second,
	}
}
