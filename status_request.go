package radiusauth

import (
	"context"
	"fmt"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
	"layeh.com/radius"

	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/username"
	"vault-plugin-auth-radius/internal/users"
)

// probeAttributes are the request_attributes of the test user's logins. What cannot be
// made without a client is left out, as at a login.
func (s *settings) probeAttributes(d *dictionary.Dictionary) radius.Attributes {
	if s.extra == nil || !s.config.ProbesByRequest() {
		return nil
	}
	credentials := s.config.StatusRequest()
	described := radclient.RequestAttributes(s.nas, credentials)
	made := &authorization{dictionary: d, requested: d.Decode(described, dictionary.Keys{Plain: true})}
	if err := made.complete(s.extra, &credentials); err != nil {
		return nil // logins are refused for it
	}
	return credentials.Attributes
}

// barredAsTestUser says why nobody logs in under the name of a test user, whichever
// source has it, nor under a realm form of it where that source is asked; "" for other
// names. Else who guesses the password of the test user would get a token.
func barredAsTestUser(settings *settings, sources *source.Set, who identity) string {
	for _, src := range testedSources(settings, sources) {
		for _, name := range []string{who.name, settings.config.nameAsked(who.source, who.name)} {
			for i, form := range username.RealmForms(name) {
				if (i == 0 || src.Key() == who.source.Key()) && username.Skeleton(form) == src.TestUser {
					return fmt.Sprintf("%s of %s has the name: its probes log in under it, and nobody else does",
						fieldStatusCheckUsername, src.Title())
				}
			}
		}
	}
	return ""
}

// testedSources are the sources that have a test user, mostly none.
func testedSources(settings *settings, sources *source.Set) []*source.Source {
	var tested []*source.Source
	if settings.source.TestUser != "" {
		tested = append(tested, settings.source)
	}
	for _, src := range sources.Ordered {
		if src.TestUser != "" {
			tested = append(tested, src)
		}
	}
	return tested
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
	reason := barredAsTestUser(settings, sources, identity{name: name, source: b.route(settings, sources, user, name)})
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
	names, err := b.registeredNames(ctx, storage, rules)
	if err != nil {
		return "", err
	}
	name := rules.Canonical(typed)
	match, err := names.Match(ctx, storedUsers{storage}, name)
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
