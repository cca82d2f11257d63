package login

import (
	"errors"
	"fmt"

	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/username"
	"vault-plugin-auth-radius/internal/users"
)

// errNoSource means that no source checks the name's password.
var errNoSource = errors.New("no source checks this name: see the config's host and extauth")

// Route returns the source that checks the password of a canonical name: the user's own,
// that of the realm, or the config's.
func (s *Service) Route(settings *Settings, sources *source.Set, user *users.User, name string) *source.Source {
	src, _ := s.route(settings, sources, user, name)
	return src
}

// route is [Service.Route], and returns for operators why it is that source.
func (s *Service) route(
	settings *Settings, sources *source.Set, user *users.User, name string,
) (src *source.Source, why string) {
	const ofUser, ofConfig = "the user's extauth", "the config's extauth"
	_, realm := username.Split(name)
	ofRealm := sources.ByRealm[username.FoldRealm(realm)]
	switch {
	case user != nil && user.Local:
		return s.localSource(settings, user, name), ofUser
	case user != nil && user.Source != 0:
		if own := sources.ByID[user.Source]; own != nil {
			return own, ofUser
		}
		return &source.Source{Err: fmt.Errorf("the user's source is gone: set %s of users/%s", "extauth", name)}, ofUser
	case ofRealm != nil:
		return ofRealm, "the realm of the name"
	case settings.Config.Extauth == source.Local:
		return s.localSource(settings, user, name), ofConfig
	case settings.Config.Extauth != "":
		if byDefault := sources.ByName[settings.Config.Extauth]; byDefault != nil {
			return byDefault, ofConfig
		}
		return &source.Source{Err: fmt.Errorf("the config's %s %q is gone", "extauth", settings.Config.Extauth)}, ofConfig
	}
	return settings.Source, "the config's host"
}

// localSource returns what checks the password that is stored with the user; nil has none.
func (s *Service) localSource(settings *Settings, user *users.User, name string) *source.Source {
	hash := ""
	if user != nil {
		hash = user.PasswordHash
	}
	local := source.Passwords{Hasher: s.Hasher, Known: s.Known, Settings: settings.Config.HashSettings()}
	return source.NewLocal(local, name, hash)
}
