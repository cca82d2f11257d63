package radiusauth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/username"
	"vault-plugin-auth-radius/internal/users"
)

// identity is whom a login, a renewal or a request of FreeRADIUS is for.
type identity struct {
	name   string         // canonical
	user   *users.User    // nil: not registered
	source *source.Source // that checks the password
	// registered tells whether the name, or one that may be the same to a server, is:
	// its failed logins count where strangers' names do not push them out.
	registered bool
	// barred says, for the log, why nobody is to be asked; empty if nothing is in the
	// way.
	barred string
}

// namesUnreadError means that it is not known who is registered: nobody can be let in.
type namesUnreadError struct{ err error }

func (e *namesUnreadError) Error() string { return "reading the names of users: " + e.err.Error() }

func (e *namesUnreadError) Unwrap() error { return e.err }

// identify finds whom a typed name is for, and what bars that user, by the same rules
// for logins, renewals and FreeRADIUS. The error is an inputError, a namesUnreadError or
// a fault of storage.
func (b *backend) identify(
	ctx context.Context, storage kv.Storage, settings *settings, sources *source.Set, typed string,
) (identity, error) {
	if err := username.Check(typed); err != nil {
		return identity{}, &inputError{err}
	}
	rules := settings.config.rules(sources)
	who := identity{name: rules.Canonical(typed)}
	if err := username.Check(who.name); err != nil {
		return who, &inputError{err}
	}
	names, err := b.registeredNames(ctx, storage, rules)
	if err != nil {
		return who, &namesUnreadError{err}
	}
	match := username.Match{Registered: names.Registered(who.name)}
	if !match.Registered { // else no other name matters
		if match, err = names.Match(ctx, storedUsers{storage}, who.name); err != nil {
			return who, err
		}
	}
	if match.Registered {
		if who.user, err = b.users.Get(ctx, storage, who.name); err != nil {
			return who, err
		}
	}
	if match.Registered && who.user == nil { // it is gone, and nobody has said so
		names.Doubt(who.name)
		if match, err = names.Match(ctx, storedUsers{storage}, who.name); err != nil {
			return who, err
		}
	}
	who.registered = who.user != nil || match.Similar
	who.source = b.route(settings, sources, who.user, who.name)
	if who.user == nil && !username.IsPlain(who.name) {
		return who, &inputError{errNotPlain}
	}
	bars := []func() (string, error){
		func() (string, error) { return who.user.BlockReason(time.Now()), nil },
		func() (string, error) { return barredAsTestUser(settings, sources, who), nil },
		func() (string, error) { return b.barredByHidden(ctx, storage, names, who) },
		func() (string, error) { return barredAsStranger(settings, names, who, match), nil },
		func() (string, error) { return b.barredByBase(ctx, storage, settings, sources, names, who) },
	}
	for _, bar := range bars {
		if who.barred, err = bar(); who.barred != "" || err != nil {
			return who, err
		}
	}
	return who, nil
}

// errNotPlain is why a name is refused of which servers know several spellings.
var errNotPlain = errors.New("username is not in its plain spelling (Unicode NFKC, single blanks): type it with ordinary letters")

// barredAsStranger says why a name that is not registered is refused: it is another
// spelling of one that is, or only registered users log in.
func barredAsStranger(settings *settings, names *username.Names, who identity, match username.Match) string {
	if who.user != nil {
		return ""
	}
	registered := names.Closest(who.name)
	switch {
	case match.Similar && registered == "":
		return "a similar name was registered until now"
	case match.SameFold: // no other spelling can be registered
		return fmt.Sprintf("registered as %s: type it like that", registered)
	case match.Similar:
		return fmt.Sprintf("registered as %s: type it like that, or register %s if it is somebody else", registered, who.name)
	case settings.config.RegisteredOnly:
		return "the config has registered_only, and the name is not under users/"
	}
	return ""
}

// barredByHidden says why a name is refused under which nobody is found, but which a
// stored user would have: what limits that user is not to be passed by.
func (b *backend) barredByHidden(ctx context.Context, storage kv.Storage, names *username.Names, who identity) (string, error) {
	for _, stored := range names.HiddenLike(who.name) {
		name := names.Rules().Canonical(stored)
		if who.user != nil && name != who.name {
			continue // a registered user is only the one of that very name
		}
		user, err := b.users.Get(ctx, storage, stored)
		if err != nil {
			return "", err
		}
		reason := user.BlockReason(time.Now())
		if reason == "" && user != nil && (user.Local || user.Source != 0) {
			reason = "the user has a source (extauth)"
		}
		if reason == "" && user != nil && len(user.Profiles) > 0 {
			reason = "the user has profiles"
		}
		if reason != "" {
			return fmt.Sprintf("%s, as the stored user %q, whose name would be %q now: register that, and delete users/%s",
				reason, stored, name, stored), nil
		}
	}
	return "", nil
}

// maxNameRealms is how many realms a name has that is not registered: each is looked at, so
// that a long name of nothing else would cost more than all that follows.
const maxNameRealms = 16

// barredByBase says why a name that is not registered is refused because of a user of
// whose name it is a realm form, or the other notation, and whom its source may take it
// for.
func (b *backend) barredByBase(
	ctx context.Context, storage kv.Storage, settings *settings, sources *source.Set, names *username.Names, who identity,
) (string, error) {
	if who.user != nil {
		return "", nil
	}
	cut := names.Rules().Bases(who.name)
	if len(cut) > maxNameRealms {
		return fmt.Sprintf("the name has more than %d realms", maxNameRealms), nil
	}
	var bases []string
	for _, name := range append([]string{who.name}, cut...) {
		bases = append(bases, name, names.Rules().OtherNotation(name))
	}
	for _, base := range slices.Compact(bases)[1:] { // the name itself is not registered
		match, err := names.Match(ctx, storedUsers{storage}, base)
		if err != nil {
			return "", err
		}
		var similar []string
		switch {
		case match.Registered:
			similar = []string{base}
		case match.Similar:
			similar = names.Like(base)
		}
		for _, stored := range slices.Concat(similar, names.HiddenLike(base)) {
			user, err := b.users.Get(ctx, storage, stored)
			if err != nil {
				return "", err
			}
			reason := user.BlockReason(time.Now())
			if reason != "" && b.route(settings, sources, user, names.Rules().Canonical(stored)).Key() == who.source.Key() {
				return reason + ", as " + stored, nil
			}
		}
	}
	return "", nil
}
