package radiusauth

import (
	"vault-plugin-auth-radius/internal/dictionary"
)

// openSource makes what asks a source.
func (b *backend) openSource(entry *sourceEntry) (checker, error) {
	if entry.RADIUS != nil {
		return openRADIUS(entry, b.serverChanged)
	}
	return b.openDirectory(entry)
}

// replyItem makes an attribute that the checks of profiles see as reply:.
func replyItem(known *dictionary.Dictionary, name, text string) (dictionary.Item, error) {
	attribute, found := known.Lookup(name)
	if !found {
		return dictionary.Item{}, errUnknownAttribute
	}
	value, err := attribute.ParseValue(text)
	return dictionary.Item{Attribute: attribute, Value: value}, err
}
