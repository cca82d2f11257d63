package directory

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxUsername is the longest name in octets, as with RADIUS.
const maxUsername = 253

// CheckUsername returns an error if a directory of the kind is not asked about the name:
// no text is sent that could be taken for another name, or for more than a name.
func (k Kind) CheckUsername(name string) error {
	switch {
	case name == "":
		return errors.New("the username is empty")
	case len(name) > maxUsername:
		return errors.New("the username is longer than 253 octets")
	case !utf8.ValidString(name):
		return errors.New("the username is not valid UTF-8")
	case strings.ContainsFunc(name, isHidden):
		return errors.New("the username has a character that cannot be seen")
	case strings.TrimFunc(name, unicode.IsSpace) != name:
		return errors.New("the username begins or ends with a space")
	case k == ActiveDirectory && strings.ContainsAny(name, `@\/"[]:;|=+*?<>,`):
		return errors.New("the username has a character that names in Active Directory have not")
	}
	return nil
}

// isHidden reports whether the rune is a control character, or one that changes how a
// text is read, such as a right-to-left mark.
func isHidden(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) || (unicode.IsSpace(r) && r != ' ')
}
