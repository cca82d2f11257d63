package radiusauth

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/vault/sdk/framework"

	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/lockout"
	"vault-plugin-auth-radius/internal/passwd"
	"vault-plugin-auth-radius/internal/validate"
)

// localSettings is the part of the config that is about what is checked here, or
// by other sources than its servers.
type localSettings struct {
	// Extauth is the name of a source, localSource, or empty for the servers here.
	Extauth string `json:"extauth"`

	LockoutThreshold    int `json:"lockout_threshold"`     // 0: off
	LockoutDuration     int `json:"lockout_duration"`      // seconds
	LockoutCounterReset int `json:"lockout_counter_reset"` // seconds

	PasswordAlgorithm passwd.Scheme `json:"password_hash_algorithm"`
	PasswordCost      int           `json:"password_hash_cost"` // 0: the algorithm's default

	// TimeZone is whose clock profiles go by.
	TimeZone string `json:"time_zone"`
}

var passwordAlgorithms = []passwd.Scheme{passwd.Argon2id, passwd.Bcrypt}

func defaultLocalSettings() localSettings {
	return localSettings{LockoutDuration: 15 * 60, LockoutCounterReset: 15 * 60, PasswordAlgorithm: passwd.Argon2id, TimeZone: "UTC"}
}

// apply takes the given fields over.
func (l *localSettings) apply(d *framework.FieldData) {
	set(d, fieldExtauth, &l.Extauth)
	set(d, fieldLockoutThreshold, &l.LockoutThreshold)
	set(d, fieldLockoutDuration, &l.LockoutDuration)
	set(d, fieldLockoutCounterReset, &l.LockoutCounterReset)
	setText(d, fieldPasswordAlgorithm, &l.PasswordAlgorithm)
	set(d, fieldPasswordCost, &l.PasswordCost)
	set(d, fieldTimeZone, &l.TimeZone)
}

// data adds the settings to what a read shows.
func (l *localSettings) data(data map[string]any) {
	data[fieldExtauth] = l.Extauth
	data[fieldLockoutThreshold] = l.LockoutThreshold
	data[fieldLockoutDuration] = l.LockoutDuration
	data[fieldLockoutCounterReset] = l.LockoutCounterReset
	data[fieldPasswordAlgorithm] = string(l.PasswordAlgorithm)
	data[fieldPasswordCost] = l.PasswordCost
	data[fieldTimeZone] = l.TimeZone
}

// maxLockout is the longest lockout in seconds: a year.
const maxLockout = 365 * 24 * 3600

// problems lists what is wrong with the settings, each beginning with its field.
func (l *localSettings) problems() []string {
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
	if problem := validate.CheckEnum(fieldPasswordAlgorithm, l.PasswordAlgorithm, passwordAlgorithms); problem != "" {
		found = append(found, problem)
	} else if err := l.hashSettings().Check(); err != nil {
		found = append(found, "`password_hash_cost`: "+err.Error())
	}
	if _, ok := parseZone(l.TimeZone); !ok {
		found = append(found, fmt.Sprintf("`time_zone`: %.80q is not a time zone: give a name of the IANA's database, such as Europe/Berlin or UTC", l.TimeZone))
	}
	return found
}

func (l *localSettings) hashSettings() passwd.Settings {
	return passwd.Settings{Algorithm: l.PasswordAlgorithm, Cost: l.PasswordCost}
}

func (l *localSettings) lockoutPolicy() lockout.Policy {
	return lockout.Policy{
		Threshold: l.LockoutThreshold,
		Duration:  time.Duration(l.LockoutDuration) * time.Second,
		Reset:     time.Duration(l.LockoutCounterReset) * time.Second,
	}
}

// hashSettings say how passwords are hashed that are set now, on a mount that may
// not be configured yet.
func (b *backend) hashSettings(ctx context.Context, storage kv.Storage) (passwd.Settings, error) {
	settings, err := b.settings.get(ctx, storage)
	if settings == nil || err != nil {
		return passwd.Settings{}, err
	}
	return settings.config.hashSettings(), nil
}
