package radiusauth

import (
	"context"

	"github.com/hashicorp/vault/sdk/framework"

	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/login"
	"vault-plugin-auth-radius/internal/passwd"
)

// applyLocal takes the given fields over.
func applyLocal(l *login.LocalSettings, d *framework.FieldData) {
	set(d, fieldExtauth, &l.Extauth)
	set(d, fieldLockoutThreshold, &l.LockoutThreshold)
	set(d, fieldLockoutDuration, &l.LockoutDuration)
	set(d, fieldLockoutCounterReset, &l.LockoutCounterReset)
	setText(d, fieldPasswordAlgorithm, &l.PasswordAlgorithm)
	set(d, fieldPasswordCost, &l.PasswordCost)
	set(d, fieldTimeZone, &l.TimeZone)
}

// addLocalData adds the settings to what a read shows.
func addLocalData(l *login.LocalSettings, data map[string]any) {
	data[fieldExtauth] = l.Extauth
	data[fieldLockoutThreshold] = l.LockoutThreshold
	data[fieldLockoutDuration] = l.LockoutDuration
	data[fieldLockoutCounterReset] = l.LockoutCounterReset
	data[fieldPasswordAlgorithm] = string(l.PasswordAlgorithm)
	data[fieldPasswordCost] = l.PasswordCost
	data[fieldTimeZone] = l.TimeZone
}

// hashSettings say how passwords are hashed that are set now, on a mount that may
// not be configured yet.
func (b *backend) hashSettings(ctx context.Context, storage kv.Storage) (passwd.Settings, error) {
	settings, err := b.settings.get(ctx, storage)
	if settings == nil || err != nil {
		return passwd.Settings{}, err
	}
	return settings.config.HashSettings(), nil
}
