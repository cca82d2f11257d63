package radiusauth

import (
	"cmp"
	"context"
	"fmt"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
	"layeh.com/radius"

	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/username"
	"vault-plugin-auth-radius/internal/users"
	"vault-plugin-auth-radius/internal/validate"
)

// probesByRequest reports whether probes are logins of a test user.
func (r *radiusSettings) probesByRequest() bool { return r.StatusCheck == radclient.StatusCheckRequest }

// statusRequest is the login of the test user.
func (r *radiusSettings) statusRequest() radclient.Credentials {
	return radclient.Credentials{Username: r.StatusCheckUsername, Password: r.StatusCheckPassword}
}

// applyStatusRequest takes the given fields of the test user over. With another
// status_check, the stored ones are forgotten: they would have no effect.
func (r *radiusSettings) applyStatusRequest(d *framework.FieldData) {
	if !r.probesByRequest() {
		r.StatusCheckUsername, r.StatusCheckPassword = "", ""
	}
	set(d, fieldStatusCheckUsername, &r.StatusCheckUsername)
	set(d, fieldStatusCheckPassword, &r.StatusCheckPassword)
}

// statusRequestProblems lists what is wrong with the test user, each beginning with the
// field.
func (r *radiusSettings) statusRequestProblems() []string {
	if !r.probesByRequest() {
		var found []string
		for _, field := range []struct{ name, value string }{
			{fieldStatusCheckUsername, r.StatusCheckUsername}, {fieldStatusCheckPassword, r.StatusCheckPassword},
		} {
			if field.value != "" {
				found = append(found, fmt.Sprintf("`%s` is for status_check=request: set that, or leave it out", field.name))
			}
		}
		return found
	}
	var found []string
	if r.Transport != radclient.UDP {
		found = append(found, "`status_check` is request, which is for transport udp: "+
			"connections are looked after with Status-Server, so use auto")
	}
	switch err := cmp.Or(username.Check(r.StatusCheckUsername), radclient.CheckUsername(r.StatusCheckUsername)); {
	case r.StatusCheckUsername == "":
		found = append(found, "`status_check_username` is missing: status_check=request logs a test user in; "+
			"give a name that no directory has")
	case err != nil:
		found = append(found, "`status_check_username`: "+err.Error())
	}
	switch err := radclient.CheckPassword(r.StatusCheckPassword); {
	case r.StatusCheckPassword == "":
		found = append(found, "`status_check_password` is missing: status_check=request logs a test user in; "+
			"any password will do, since a reject counts as well")
	case err != nil:
		found = append(found, "`status_check_password`: "+err.Error())
	default:
		if err := validate.CheckLineEnd(r.StatusCheckPassword); err != nil {
			found = append(found, "`status_check_password` "+err.Error())
		}
	}
	return found
}

// testUser returns the form in which names are compared with that of the test user;
// "" if there is none.
func (r *radiusSettings) testUser() string {
	if !r.probesByRequest() {
		return ""
	}
	return username.Skeleton(username.RealmForms(r.StatusCheckUsername)[0])
}

// probeAttributes are the request_attributes of the test user's logins. What cannot be
// made without a client is left out, as at a login.
func (s *settings) probeAttributes(d *dictionary.Dictionary) radius.Attributes {
	if s.extra == nil || !s.config.probesByRequest() {
		return nil
	}
	credentials := s.config.statusRequest()
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
func barredAsTestUser(settings *settings, sources *sourceSet, who identity) string {
	for _, src := range testedSources(settings, sources) {
		for _, name := range []string{who.name, settings.config.nameAsked(who.source, who.name)} {
			for i, form := range username.RealmForms(name) {
				if (i == 0 || src.key() == who.source.key()) && username.Skeleton(form) == src.testUser {
					return fmt.Sprintf("%s of %s has the name: its probes log in under it, and nobody else does",
						fieldStatusCheckUsername, src.title())
				}
			}
		}
	}
	return ""
}

// testedSources are the sources that have a test user, mostly none.
func testedSources(settings *settings, sources *sourceSet) []*source {
	var tested []*source
	if settings.source.testUser != "" {
		tested = append(tested, settings.source)
	}
	for _, src := range sources.ordered {
		if src.testUser != "" {
			tested = append(tested, src)
		}
	}
	return tested
}

// title names the source in texts for operators.
func (s *source) title() string {
	if s.entry == nil {
		return "the config"
	}
	return "the source " + s.name
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
	sources, err := b.sources.get(ctx, storage)
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
	add := func(settings *radiusSettings) {
		if settings != nil && settings.probesByRequest() {
			names = append(names, settings.StatusCheckUsername)
		}
	}
	settings, err := b.settings.get(ctx, storage)
	if err != nil {
		return nil, err
	}
	if settings != nil {
		add(&settings.config.radiusSettings)
	}
	sources, err := b.sources.get(ctx, storage)
	if err != nil {
		return nil, err
	}
	for _, src := range sources.ordered {
		add(src.entry.RADIUS)
	}
	return names, nil
}

// warnOfTestUser adds a warning to the response of a write that has given the test user
// the name of a registered user, or one like it. resp may be nil.
func (b *backend) warnOfTestUser(
	ctx context.Context, storage kv.Storage, d *framework.FieldData, written *radiusSettings, resp *logical.Response,
) *logical.Response {
	if _, given := d.GetOk(fieldStatusCheckUsername); !given || written == nil || !written.probesByRequest() {
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
