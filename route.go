package radiusauth

import (
	"errors"
	"fmt"
	"strings"
)

// splitRealm parts a name into the user and the realm, of user@realm or
// REALM\user; without a realm the second is empty. What a realm would leave odd,
// such as A\B\c, has none.
func splitRealm(name string) (user, realm string) {
	if realm, user, found := strings.Cut(name, `\`); found {
		if realm == "" || user == "" || strings.ContainsAny(user, `@\`) {
			return name, ""
		}
		return user, realm
	}
	if at := strings.LastIndexByte(name, '@'); at > 0 && at < len(name)-1 {
		return name[:at], name[at+1:]
	}
	return name, ""
}

// foldRealm is the form in which realms are compared. Those of sources have ASCII
// letters only, so that lower case is all there is to it.
func foldRealm(realm string) string { return strings.ToLower(realm) }

// canonicalName is the name under which a person is known here: as typed, realm
// included, or in lower case if the mount does not tell cases apart. The
// identity alias, the user entry and everything else that is kept of a person
// goes by it. All ways to write a realm of a source are one: the first realm that
// the source has, after an @. Else one entry of a directory would be several
// people.
func (s *sourceSet) canonicalName(config *configEntry, typed string) string {
	name := config.canonicalName(typed)
	user, realm := splitRealm(name)
	if one := s.byRealm[foldRealm(realm)]; one != nil {
		return config.canonicalName(user + "@" + one.entry.Realms[0])
	}
	return name
}

// errNoSource means that nothing checks the name's password.
var errNoSource = errors.New("no source checks this name: see the config's host and extauth")

// route gives what checks the password of a canonical name: the user's own
// source, that of the realm, or what the config says.
func (b *backend) route(settings *settings, sources *sourceSet, user *userEntry, name string) *source {
	_, realm := splitRealm(name)
	ofRealm := sources.byRealm[foldRealm(realm)]
	switch {
	case user != nil && user.Local:
		return b.localSource(settings, user)
	case user != nil && user.Source != 0:
		if own := sources.byID[user.Source]; own != nil {
			return own
		}
		return &source{fault: fmt.Errorf("the user's source is gone: set %s of users/%s", fieldExtauth, name)}
	case ofRealm != nil:
		return ofRealm
	case settings.config.Extauth == localSource:
		return b.localSource(settings, user)
	case settings.config.Extauth != "":
		if byDefault := sources.byName[settings.config.Extauth]; byDefault != nil {
			return byDefault
		}
		return &source{fault: fmt.Errorf("the config's %s %q is gone", fieldExtauth, settings.config.Extauth)}
	}
	return settings.source
}
