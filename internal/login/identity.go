package login

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"vault-plugin-auth-radius/internal/decision"
	"vault-plugin-auth-radius/internal/fips"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/passwd"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/username"
	"vault-plugin-auth-radius/internal/users"
)

// Identity is the user that a login, a renewal or a request of FreeRADIUS is for.
type Identity struct {
	Name   string         // canonical
	user   *users.User    // nil: not registered
	Source *source.Source // that checks the password
	// registered reports whether the name, or one that may be the same to a server, is
	// registered: its failed logins count where strangers' names do not push them out.
	registered bool
	// bar is why no source is to be asked; the zero Reason means that the user may log in.
	bar Reason
	// route is, for operators, why the source is the one that checks the password.
	route string
}

// namesUnreadError means that the registered names are not known: no login can be accepted.
type namesUnreadError struct{ err error }

// Error returns why the names cannot be read.
func (e *namesUnreadError) Error() string { return "reading the names of users: " + e.err.Error() }

// Unwrap returns the cause.
func (e *namesUnreadError) Unwrap() error { return e.err }

// Identify finds the user that a typed name is for, and what bars that user, by the same
// rules for logins, renewals and FreeRADIUS. The error is an [InputError], a
// namesUnreadError or a fault of storage.
func (s *Service) Identify(
	ctx context.Context, storage kv.Storage, settings *Settings, sources *source.Set, typed string,
) (Identity, error) {
	if err := username.Check(typed); err != nil {
		return Identity{}, &InputError{err}
	}
	rules := settings.Config.Rules(sources)
	identity := Identity{Name: rules.Canonical(typed)}
	if err := username.Check(identity.Name); err != nil {
		return identity, &InputError{err}
	}
	names, err := s.RegisteredNames(ctx, storage, rules)
	if err != nil {
		return identity, &namesUnreadError{err}
	}
	match := username.Match{Registered: names.Registered(identity.Name)}
	if !match.Registered { // else no other name matters
		if match, err = names.Match(ctx, users.Stored{Storage: storage}, identity.Name); err != nil {
			return identity, err
		}
	}
	if match.Registered {
		if identity.user, err = s.Users.Get(ctx, storage, identity.Name); err != nil {
			return identity, err
		}
	}
	if match.Registered && identity.user == nil { // it is gone, without an invalidation so far
		names.Doubt(identity.Name)
		if match, err = names.Match(ctx, users.Stored{Storage: storage}, identity.Name); err != nil {
			return identity, err
		}
	}
	identity.registered = identity.user != nil || match.Similar
	identity.Source, identity.route = s.route(settings, sources, identity.user, identity.Name)
	if identity.user == nil && !username.IsPlain(identity.Name) {
		return identity, &InputError{errNotPlain}
	}
	bars := []func() (Reason, error){
		func() (Reason, error) { return s.blockOf(identity.user), nil },
		func() (Reason, error) { return barredByHash(identity), nil },
		func() (Reason, error) { return BarredAsTestUser(settings, sources, identity), nil },
		func() (Reason, error) { return s.barredByHidden(ctx, storage, names, identity) },
		func() (Reason, error) { return barredAsStranger(settings, names, identity, match), nil },
		func() (Reason, error) { return s.barredByBase(ctx, storage, settings, sources, names, identity) },
	}
	for _, bar := range bars {
		if identity.bar, err = bar(); identity.bar != (Reason{}) || err != nil {
			return identity, err
		}
	}
	return identity, nil
}

// blockOf returns what the user's own entry has against a login now. A nil user has none.
func (s *Service) blockOf(user *users.User) Reason {
	text := user.BlockReason(s.Clock())
	switch {
	case text == "":
		return Reason{}
	case user.Disabled:
		return Reason{decision.Disabled, text}
	}
	return Reason{decision.Expired, text}
}

// barredByHash returns why a user is refused whose password hash the plugin may not compute any
// more: it was stored before FIPS 140 mode was on.
func barredByHash(identity Identity) Reason {
	if !fips.Enabled() || identity.user == nil || !identity.Source.IsLocal() {
		return Reason{}
	}
	hash, _ := passwd.Parse(identity.user.PasswordHash) // empty: none, which is refused later
	if err := hash.CheckFIPS(); err != nil {
		return Reason{decision.Misconfigured, "the user's password cannot be checked: " + err.Error()}
	}
	return Reason{}
}

// errNotPlain is why a name is refused of which servers know several spellings.
var errNotPlain = errors.New("username is not in its plain spelling (Unicode NFKC, single blanks): type it with ordinary letters")

// barredAsStranger returns why a name that is not registered is refused: it is another
// spelling of one that is, or only registered users log in.
func barredAsStranger(settings *Settings, names *username.Names, identity Identity, match username.Match) Reason {
	if identity.user != nil {
		return Reason{}
	}
	registered := names.Closest(identity.Name)
	switch {
	case match.Similar && registered == "":
		return Reason{decision.Spelling, "a similar name was registered until now"}
	case match.SameFold: // no other spelling can be registered
		return Reason{decision.Spelling, fmt.Sprintf("registered as %s: type it like that", registered)}
	case match.Similar:
		text := "registered as %s: type it like that, or register %s if it is somebody else"
		return Reason{decision.Spelling, fmt.Sprintf(text, registered, identity.Name)}
	case settings.Config.RegisteredOnly:
		return Reason{decision.Unregistered, "the config has registered_only, and the name is not under users/"}
	}
	return Reason{}
}

// barredByHidden returns why a name is refused that a stored user would have by the rules
// of now, and no login leads to: the limits of that user are not to be passed by.
func (s *Service) barredByHidden(
	ctx context.Context, storage kv.Storage, names *username.Names, identity Identity,
) (Reason, error) {
	for _, stored := range names.HiddenLike(identity.Name) {
		name := names.Rules().Canonical(stored)
		if identity.user != nil && name != identity.Name {
			continue // a registered user is only the one of that very name
		}
		user, err := s.Users.Get(ctx, storage, stored)
		if err != nil {
			return Reason{}, err
		}
		reason := s.blockOf(user)
		if reason.Text == "" && user != nil && (user.Local || user.Source != 0) {
			reason = Reason{decision.Spelling, "the user has a source (extauth)"}
		}
		if reason.Text == "" && user != nil && len(user.Profiles) > 0 {
			reason = Reason{decision.Spelling, "the user has profiles"}
		}
		if reason.Text != "" {
			reason.Text = fmt.Sprintf("%s, as the stored user %q, whose name would be %q now: register that, and delete users/%s",
				reason.Text, stored, name, stored)
			return reason, nil
		}
	}
	return Reason{}, nil
}

// MaxNameRealms is how many realms a name may have that is not registered: each is looked
// at, so that a long name of realms only would cost more than all that follows.
const MaxNameRealms = 16

// barredByBase returns why a name that is not registered is refused because of a registered
// user: it is a realm form of that user's name, or the other notation, and its source may
// take it for that user.
func (s *Service) barredByBase(
	ctx context.Context, storage kv.Storage, settings *Settings, sources *source.Set, names *username.Names, identity Identity,
) (Reason, error) {
	if identity.user != nil {
		return Reason{}, nil
	}
	cut := names.Rules().Bases(identity.Name)
	if len(cut) > MaxNameRealms {
		return Reason{decision.Spelling, fmt.Sprintf("the name has more than %d realms", MaxNameRealms)}, nil
	}
	var bases []string
	for _, name := range append([]string{identity.Name}, cut...) {
		bases = append(bases, name, names.Rules().OtherNotation(name))
	}
	for _, base := range slices.Compact(bases)[1:] { // the name itself is not registered
		match, err := names.Match(ctx, users.Stored{Storage: storage}, base)
		if err != nil {
			return Reason{}, err
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
				return Reason{}, err
			}
			reason := s.blockOf(user)
			if reason.Text != "" && s.Route(settings, sources, user, names.Rules().Canonical(stored)).Key() == identity.Source.Key() {
				reason.Text += ", as " + stored
				return reason, nil
			}
		}
	}
	return Reason{}, nil
}
