package radiusauth

import (
	"context"
	"fmt"
	"runtime/debug"

	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/username"
	"vault-plugin-auth-radius/internal/users"
)

// register runs a write of the user, whose lock in users the caller holds. A new name
// with the fold of another one is refused with a [username.TakenError].
func (b *backend) register(ctx context.Context, storage kv.Storage, rules username.Rules, name string, store func() error) error {
	names, err := b.logins.RegisteredNames(ctx, storage, rules)
	if err != nil {
		return err
	}
	return b.names.Register(ctx, names, users.Stored{Storage: storage}, name, store)
}

// namesRead logs stored names that are in an operator's way.
func (b *backend) namesRead(names *username.Names) {
	for _, twins := range names.Twins() {
		b.Logger().Warn("users are one person to Vault, and may be one to a server: delete all but one of them",
			"users", twins)
	}
	if hidden := names.Hidden(); len(hidden) > 0 {
		b.Logger().Warn("stored users are not found under their names, as the config has it: register them anew, and delete these",
			"users", hidden)
	}
}

// namesPanicked logs that reading the names has panicked, without a value that may be a
// secret.
func (b *backend) namesPanicked(cause any) {
	b.Logger().Error("reading the names of users panicked: please report this",
		"panic", fmt.Sprintf("%T", cause), "stack", string(debug.Stack()))
}

// rules returns what the config and the sources say of names, on a mount that may not be
// configured yet.
func (b *backend) rules(ctx context.Context, storage kv.Storage) (username.Rules, error) {
	settings, err := b.settings.get(ctx, storage)
	if err != nil {
		return username.Rules{}, err
	}
	config := defaultConfig()
	if settings != nil {
		config = settings.config
	}
	sources, err := b.sources.Get(ctx, storage)
	if err != nil {
		return username.Rules{}, err
	}
	return config.Rules(sources), nil
}

// canonicalName returns the canonical name on a mount that may not be configured yet.
func (b *backend) canonicalName(ctx context.Context, storage kv.Storage, typed string) (string, error) {
	rules, err := b.rules(ctx, storage)
	if err != nil {
		return "", err
	}
	return rules.Canonical(typed), nil
}
