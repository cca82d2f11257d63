package login

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/username"
	"vault-plugin-auth-radius/internal/users"
)

// Identity is whom a login, a renewal or a request of FreeRADIUS is for.
type Identity struct {
	Name   string         // canonical
	user   *users.User    // nil: not registered
	Source *source.Source // that checks the password
	// registered reports whether the name, or one that may be the same to a server, is:
	// its failed logins count where strangers' names do not push them out.
	registered bool
	// barred is, for the log, why the source is not asked; "" if nothing is in the way.
	barred string
}

// namesUnreadError means that the registered users are not known: no user can be let in.
type namesUnreadError struct{ err error }

func (e *namesUnreadError) Error() string { return "reading the names of users: " + e.err.Error() }

func (e *namesUnreadError) Unwrap() error { return e.err }

// Identify finds whom a typed name is for, and what bars that user, by the same rules
// for logins, renewals and FreeRADIUS. The error is an inputError, a namesUnreadError or
// a fault of storage.
func (s *Service) Identify(
	ctx context.Context, storage kv.Storage, settings *Settings, sources *source.Set, typed string,
) (Identity, error) {
	if err := username.Check(typed); err != nil {
		return Identity{}, &InputError{err}
	}
	rules := settings.Config.Rules(sources)
	who := Identity{Name: rules.Canonical(typed)}
	if err := username.Check(who.Name); err != nil {
		return who, &InputError{err}
	}
	names, err := s.RegisteredNames(ctx, storage, rules)
	if err != nil {
		return who, &namesUnreadError{err}
	}
	match := username.Match{Registered: names.Registered(who.Name)}
	if !match.Registered { // else no other name matters
		if match, err = names.Match(ctx, users.Stored{Storage: storage}, who.Name); err != nil {
			return who, err
		}
	}
	if match.Registered {
		if who.user, err = s.Users.Get(ctx, storage, who.Name); err != nil {
			return who, err
		}
	}
	if match.Registered && who.user == nil { // it is gone, without a notice
		names.Doubt(who.Name)
		if match, err = names.Match(ctx, users.Stored{Storage: storage}, who.Name); err != nil {
			return who, err
		}
	}
	who.registered = who.user != nil || match.Similar
	who.Source = s.Route(settings, sources, who.user, who.Name)
	if who.user == nil && !username.IsPlain(who.Name) {
		return who, &InputError{errNotPlain}
	}
	bars := []func() (string, error){
		func() (string, error) { return who.user.BlockReason(s.Clock()), nil },
		func() (string, error) { return BarredAsTestUser(settings, sources, who), nil },
		func() (string, error) { return s.barredByHidden(ctx, storage, names, who) },
		func() (string, error) { return barredAsStranger(settings, names, who, match), nil },
		func() (string, error) { return s.barredByBase(ctx, storage, settings, sources, names, who) },
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
func barredAsStranger(settings *Settings, names *username.Names, who Identity, match username.Match) string {
	if who.user != nil {
		return ""
	}
	registered := names.Closest(who.Name)
	switch {
	case match.Similar && registered == "":
		return "a similar name was registered until now"
	case match.SameFold: // no other spelling can be registered
		return fmt.Sprintf("registered as %s: type it like that", registered)
	case match.Similar:
		return fmt.Sprintf("registered as %s: type it like that, or register %s if it is somebody else", registered, who.Name)
	case settings.Config.RegisteredOnly:
		return "the config has registered_only, and the name is not under users/"
	}
	return ""
}

// barredByHidden returns why a name is refused under which no user is found, but which a
// stored user would have: what limits that user is not to be passed by.
func (s *Service) barredByHidden(ctx context.Context, storage kv.Storage, names *username.Names, who Identity) (string, error) {
	for _, stored := range names.HiddenLike(who.Name) {
		name := names.Rules().Canonical(stored)
		if who.user != nil && name != who.Name {
			continue // a registered user is only the one of that very name
		}
		user, err := s.Users.Get(ctx, storage, stored)
		if err != nil {
			return "", err
		}
		reason := user.BlockReason(s.Clock())
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

// MaxNameRealms is how many realms a name has that is not registered: each is looked at, so
// that a long name of nothing else would cost more than all that follows.
const MaxNameRealms = 16

// barredByBase says why a name that is not registered is refused because of a user of
// whose name it is a realm form, or the other notation, and whom its source may take it
// for.
func (s *Service) barredByBase(
	ctx context.Context, storage kv.Storage, settings *Settings, sources *source.Set, names *username.Names, who Identity,
) (string, error) {
	if who.user != nil {
		return "", nil
	}
	cut := names.Rules().Bases(who.Name)
	if len(cut) > MaxNameRealms {
		return fmt.Sprintf("the name has more than %d realms", MaxNameRealms), nil
	}
	var bases []string
	for _, name := range append([]string{who.Name}, cut...) {
		bases = append(bases, name, names.Rules().OtherNotation(name))
	}
	for _, base := range slices.Compact(bases)[1:] { // the name itself is not registered
		match, err := names.Match(ctx, users.Stored{Storage: storage}, base)
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
			user, err := s.Users.Get(ctx, storage, stored)
			if err != nil {
				return "", err
			}
			reason := user.BlockReason(s.Clock())
			if reason != "" && s.Route(settings, sources, user, names.Rules().Canonical(stored)).Key() == who.Source.Key() {
				return reason + ", as " + stored, nil
			}
		}
	}
	return "", nil
}
