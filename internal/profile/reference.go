package profile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"vault-plugin-auth-radius/internal/dictionary"
)

// list is where an attribute comes from.
type list uint8

const (
	requestList list = iota // what is asked of the source; made by this server
	replyList               // what the source answered
	clientList              // what the client says of itself
)

var lists = map[string]list{"request": requestList, "reply": replyList, "client": clientList}

const listNames = "request, reply or client"

func (l list) String() string { return [...]string{"request", "reply", "client"}[l] }

// maxTag is the highest tag of a tagged attribute (RFC 2868 section 3.1).
const maxTag = 31

// reference names an attribute of a list.
type reference struct {
	key       key
	attribute *dictionary.Attribute // nil in the client list
	tag       uint8                 // 0: any
	secret    bool
}

// String returns the reference as explanations write it.
func (r reference) String() string {
	name := r.key.path
	if r.attribute != nil {
		name = r.attribute.Name
	}
	if r.tag != 0 {
		name += ":" + strconv.Itoa(int(r.tag))
	}
	return r.key.list.String() + ":" + name
}

func (r reference) ofReply() bool { return r.key.list == replyList }

// isPassword reports whether it is the password that the source is asked about.
func (r reference) isPassword() bool {
	return r.key == key{list: requestList, number: userPassword}
}

// userPassword is the number of User-Password (RFC 2865 section 5.2).
const userPassword = 2

// key is what instances of an attribute are found by. Numbers and not names or
// pointers: the login's attributes may have been read with a newer dictionary
// than the profile was compiled with.
type key struct {
	list           list
	vendor, number uint32
	path           string // of extended attributes; the name in the client list
}

func keyOf(l list, attribute *dictionary.Attribute) key {
	k := key{list: l, vendor: attribute.Vendor, number: attribute.Number}
	if attribute.Path != nil {
		path := make([]byte, 0, 4*len(attribute.Path))
		for _, number := range attribute.Path {
			path = binary.BigEndian.AppendUint32(path, number)
		}
		k.path = string(path)
	}
	return k
}

// resolve returns the attribute that a text such as reply:Tunnel-Type:1 names. The
// error has no part, since the text may be one of an item or an expansion.
func resolve(d *dictionary.Dictionary, text string) (reference, error) {
	from, name := requestList, text
	if prefix, rest, found := strings.Cut(text, ":"); found {
		if l, known := lists[strings.ToLower(prefix)]; known {
			from, name = l, rest
		}
	}
	if name == "" {
		return reference{}, errors.New("is missing: name an attribute, such as NAS-Identifier")
	}
	if from == clientList {
		return resolveClient(name)
	}
	name, tagText, tagged := strings.Cut(name, ":")
	attribute, found := d.Lookup(name)
	if !found {
		return reference{}, unknown(d, name, tagText)
	}
	r := reference{key: keyOf(from, attribute), attribute: attribute, secret: IsSecret(attribute)}
	if !tagged {
		return r, nil
	}
	tag, err := strconv.ParseUint(tagText, 10, 8)
	switch {
	case err != nil || tag < 1 || tag > maxTag:
		return reference{}, fmt.Errorf("tag %.80q of %s: use 1 to %d, or no tag for any", tagText, attribute.Name, maxTag)
	case !attribute.Tagged:
		return reference{}, fmt.Errorf("%s has no tags: leave out %.80q", attribute.Name, ":"+tagText)
	}
	r.tag = uint8(tag)
	return r, nil
}

// unknown returns the error for a name that the dictionary does not have.
func unknown(d *dictionary.Dictionary, name, rest string) error {
	if rest != "" {
		if _, found := d.Lookup(rest); found {
			return fmt.Errorf("unknown list %.80q: use %s", name, listNames)
		}
	}
	advice := "see dictionary/attributes for the names, or add a vendor's dictionary"
	if near := d.Suggest(name); len(near) > 0 {
		advice = "did you mean " + strings.Join(near, " or ") + "?"
	}
	return fmt.Errorf("unknown attribute %.80q: %s", name, advice)
}

// resolveClient returns the reference of any slug: attributes of clients are in no
// dictionary.
func resolveClient(name string) (reference, error) {
	if !slug(name) {
		return reference{}, fmt.Errorf("client attribute %.80q: use letters, digits, - and _", name)
	}
	return reference{key: key{list: clientList, path: name}, secret: secretName(name)}, nil
}

func slug(name string) bool {
	odd := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	}
	return name != "" && len(name) <= MaxAttributeLength && !strings.ContainsFunc(name, odd)
}
