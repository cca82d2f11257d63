package radiusauth

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/login"
	"vault-plugin-auth-radius/internal/source"
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

// readingPanicked logs that reading storage in the background has panicked, without a value that
// may be a secret.
func (b *backend) readingPanicked(cause any) {
	b.Logger().Error("reading storage in the background panicked: please report this",
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

// warnOfTestUserBar adds a warning to the response of a write of a user who cannot log in
// because of a test user. resp may be nil.
func (b *backend) warnOfTestUserBar(
	ctx context.Context, storage kv.Storage, name string, user *users.User, resp *logical.Response,
) *logical.Response {
	settings, err := b.settings.get(ctx, storage)
	if settings == nil || err != nil {
		return resp // what is written is written
	}
	sources, err := b.sources.Get(ctx, storage)
	if err != nil {
		return resp
	}
	who := login.Identity{Name: name, Source: b.logins.Route(settings.login, sources, user, name)}
	reason := login.BarredAsTestUser(settings.login, sources, who).Text
	if reason == "" {
		return resp
	}
	return withWarnings(resp, []string{"nobody can log in as this user: " + reason})
}

// testUserNames lists the names of the test users, which no user should get.
func (b *backend) testUserNames(ctx context.Context, storage kv.Storage) ([]string, error) {
	var names []string
	add := func(settings *source.RADIUSSettings) {
		if settings != nil && settings.ProbesByRequest() {
			names = append(names, settings.StatusCheckUsername)
		}
	}
	settings, err := b.settings.get(ctx, storage)
	if err != nil {
		return nil, err
	}
	if settings != nil {
		add(&settings.config.RADIUSSettings)
	}
	sources, err := b.sources.Get(ctx, storage)
	if err != nil {
		return nil, err
	}
	for _, src := range sources.Ordered {
		add(src.Entry.RADIUS)
	}
	return names, nil
}

// warnOfTestUser adds a warning to the response of a write that has given the test user
// the name of a registered user, or one like it. resp may be nil.
func (b *backend) warnOfTestUser(
	ctx context.Context, storage kv.Storage, d *framework.FieldData, written *source.RADIUSSettings, resp *logical.Response,
) *logical.Response {
	if _, given := d.GetOk(fieldStatusCheckUsername); !given || written == nil || !written.ProbesByRequest() {
		return resp
	}
	name, err := b.registeredLike(ctx, storage, written.StatusCheckUsername)
	if name == "" || err != nil {
		return resp // what is written is written
	}
	return withWarnings(resp, []string{fmt.Sprintf("the registered user %q cannot log in any more: `%s` is, or is like, "+
		"that name; give one that no directory has", name, fieldStatusCheckUsername)})
}

// registeredLike returns the registered user whose name is what the typed one stands for,
// or one that is like it; "" if there is none.
func (b *backend) registeredLike(ctx context.Context, storage kv.Storage, typed string) (string, error) {
	rules, err := b.rules(ctx, storage)
	if err != nil {
		return "", err
	}
	names, err := b.logins.RegisteredNames(ctx, storage, rules)
	if err != nil {
		return "", err
	}
	name := rules.Canonical(typed)
	match, err := names.Match(ctx, users.Stored{Storage: storage}, name)
	switch {
	case err != nil:
		return "", err
	case match.Registered:
		return name, nil
	case !match.Similar:
		return "", nil
	}
	return names.Closest(name), nil
}
