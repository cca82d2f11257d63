package login

import (
	"fmt"
	"strings"

	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/fairshare"
	"vault-plugin-auth-radius/internal/profile"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/username"
)

// Credentials are what a source is asked about. The error says why it cannot be.
func (c *Config) Credentials(asked *source.Source, name, password, address string) (radclient.Credentials, error) {
	credentials := radclient.Credentials{Username: c.NameAsked(asked, name), Password: password}
	sends := c.SendClientAddress
	if asked.Entry != nil && asked.Entry.RADIUS != nil {
		sends = asked.Entry.RADIUS.SendClientAddress
	}
	if sends {
		credentials.ClientAddress = address
	}
	credentials.Share = fairshare.NewShare(address, username.Skeleton(credentials.Username))
	return credentials, radclient.CheckUsername(credentials.Username)
}

// RenewalShare is that of a renewal: as if it came from an address of its own, so that
// neither strangers nor renewals for others push it out.
func RenewalShare(name string) fairshare.Share {
	skeleton := username.Skeleton(name)
	return fairshare.Share{Address: "renewal for " + skeleton, Name: skeleton}
}

// compileFunc is how a definition is compiled that is to be stored, or that is.
type compileFunc func(*dictionary.Dictionary, profile.Definition) (*profile.Profile, error)

// CompileStored is for definitions that an earlier version may have stored.
func CompileStored(d *dictionary.Dictionary, definition profile.Definition) (*profile.Profile, error) {
	made, _, err := profile.CompileStored(d, definition)
	return made, err
}

// RequestProfile makes request_attributes: they are replies to the request's own
// attributes. nil means that there are none.
func (c *Config) RequestProfile(d *dictionary.Dictionary, compile compileFunc) (*profile.Profile, error) {
	if len(c.RequestAttributes) == 0 {
		return nil, nil
	}
	made, err := compile(d, profile.Definition{Reply: c.RequestAttributes})
	if err != nil {
		// The compiler knows the list as one of a profile.
		return nil, fmt.Errorf("`%s`: %s", "request_attributes", strings.ReplaceAll(err.Error(), "reply_attribute"+"[", "request_attributes"+"["))
	}
	for i, item := range c.RequestAttributes {
		name, _, _ := strings.Cut(item.Attribute, ":")
		if attribute, known := d.Lookup(name); known && attribute.Encrypt != 0 {
			return nil, fmt.Errorf("`%s`: %s[%d].attribute: %s is hidden on its way, which only passwords are here", "request_attributes", "request_attributes", i, attribute.Name)
		}
	}
	return made, nil
}
