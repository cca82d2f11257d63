package radiusauth

import (
	"errors"
	"fmt"

	"vault-plugin-auth-radius/internal/username"
	"vault-plugin-auth-radius/internal/users"
)

// errNoSource means that nothing checks the name's password.
var errNoSource = errors.New("no source checks this name: see the config's host and extauth")

// route gives what checks the password of a canonical name: the user's own
// source, that of the realm, or what the config says.
func (b *backend) route(settings *settings, sources *sourceSet, user *users.User, name string) *source {
	_, realm := username.Split(name)
	ofRealm := sources.byRealm[username.FoldRealm(realm)]
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
