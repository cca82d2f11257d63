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

// Credentials returns what the source checks. The error says why it cannot.
func (c *Config) Credentials(src *source.Source, name, password, address string) (radclient.Credentials, error) {
	credentials := radclient.Credentials{Username: c.NameAsked(src, name), Password: password}
	sends := c.SendClientAddress
	if src.Entry != nil && src.Entry.RADIUS != nil {
		sends = src.Entry.RADIUS.SendClientAddress
	}
	if sends {
		credentials.ClientAddress = address
	}
	credentials.Share = fairshare.NewShare(address, username.Skeleton(credentials.Username))
	return credentials, radclient.CheckUsername(credentials.Username)
}

// RenewalShare returns the share of a renewal: as if it came from an address of its own, so that
// neither strangers nor renewals for others push it out.
func RenewalShare(name string) fairshare.Share {
	skeleton := username.Skeleton(name)
	return fairshare.Share{Address: "renewal for " + skeleton, Name: skeleton}
}

// compileFunc compiles a definition that is to be stored, or that is stored.
type compileFunc func(*dictionary.Dictionary, profile.Definition) (*profile.Profile, error)

// CompileStored compiles a definition that an earlier version may have stored.
func CompileStored(d *dictionary.Dictionary, definition profile.Definition) (*profile.Profile, error) {
	compiled, _, err := profile.CompileStored(d, definition)
	return compiled, err
}

// RequestProfile returns the profile that makes request_attributes, as replies to the request's
// own attributes; nil: there are none.
func (c *Config) RequestProfile(d *dictionary.Dictionary, compile compileFunc) (*profile.Profile, error) {
	if len(c.RequestAttributes) == 0 {
		return nil, nil
	}
	compiled, err := compile(d, profile.Definition{Reply: c.RequestAttributes})
	if err != nil {
		// The compiler knows the list as one of a profile.
		return nil, fmt.Errorf("`request_attributes`: %s", strings.ReplaceAll(err.Error(), "reply_attribute[", "request_attributes["))
	}
	for i, item := range c.RequestAttributes {
		name, _, _ := strings.Cut(item.Attribute, ":")
		if attribute, known := d.Lookup(name); known && attribute.Encrypt != 0 {
			return nil, fmt.Errorf("`request_attributes`: request_attributes[%d].attribute: "+
				"%s is hidden on its way, which only passwords are here", i, attribute.Name)
		}
	}
	return compiled, nil
}
