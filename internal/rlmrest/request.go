package rlmrest

import (
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"vault-plugin-auth-radius/internal/acct"
	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/profile"
)

// Request holds the values that FreeRADIUS has sent, by the name of the field, which a
// template of rlm_rest chooses, or by that of the attribute. They are the octets of the
// packet, which need not be UTF-8: [Print] returns their text.
type Request map[string][]string

// Names of fields.
const (
	usernameField = "username"
	passwordField = "password"
	uniqueIDField = "unique_id"
)

// HexSuffix ends the names of fields that have the octets of a text in hexadecimal, as
// FreeRADIUS's %{base64tohex:%{base64:&User-Name}} writes them: password_hex stands for
// password. No form and no JSON brings octets to a plugin that are not UTF-8. Of
// FreeRADIUS's functions base64 alone takes any value as it is: others end it at a NUL, and
// %{hex:User-Name} takes the text 0x626f62 for bob.
const HexSuffix = "_hex"

// ReadRequest returns the values of a body: texts by field, from JSON or a form, or the
// attributes as FreeRADIUS writes them without a template, such as
//
//	{"User-Name": {"type": "string", "value": ["bob"]}}
//
// Empty values count as missing. Values that cannot be read are left out, except invalid
// hexadecimal, which is a problem.
func ReadRequest(body map[string]any) (Request, acct.Problems) {
	request, problems := Request{}, acct.Problems{}
	for name, value := range body {
		field, isHex := strings.CutSuffix(name, HexSuffix)
		values := readValues(value)
		switch {
		case len(values) == 0:
			continue
		case !isHex:
			request[name] = values
			continue
		case len(readValues(body[field])) > 0:
			problems[name] = "is given beside " + field + ": send one of them"
			continue
		}
		octets, err := unhex(values)
		if err != nil {
			problems[name] = "is not hexadecimal: send %{base64tohex:%{base64:&...}} of the attribute"
			continue
		}
		request[field] = octets
	}
	return request, problems
}

// unhex returns the octets of each text of hexadecimal digits.
func unhex(texts []string) ([]string, error) {
	octets := make([]string, 0, len(texts))
	for _, text := range texts {
		decoded, err := hex.DecodeString(text)
		if err != nil {
			return nil, err
		}
		octets = append(octets, string(decoded))
	}
	return octets, nil
}

// readValues returns the values of a field: one text, those of a form that names the field
// several times, or those of an attribute.
func readValues(value any) []string {
	var texts []string
	switch value := value.(type) {
	case map[string]any:
		values, _ := value["value"].([]any)
		for _, item := range values {
			if text, ok := readValue(item); ok {
				texts = append(texts, readable(text))
			}
		}
	case []any:
		for _, item := range value {
			if text, ok := readValue(item); ok && text != "" {
				texts = append(texts, text)
			}
		}
	default:
		if text, ok := readValue(value); ok && text != "" {
			texts = append(texts, text)
		}
	}
	return texts
}

func readValue(value any) (string, bool) {
	switch value := value.(type) {
	case string:
		return value, true
	case bool:
		return strconv.FormatBool(value), true
	case json.Number:
		return value.String(), true // a fraction, too: the reader of the field reports the problem
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64), true
	}
	return "", false
}

// LostOctets returns the problems of fields with a value that was not UTF-8 and came as text:
// it stands for many values, so that nothing can be decided.
func LostOctets(body map[string]any, fields ...string) acct.Problems {
	problems := acct.Problems{}
	for _, field := range fields {
		for _, text := range readValues(body[field]) {
			if strings.ContainsRune(text, utf8.RuneError) {
				problems[field] = "has octets that are not UTF-8, which text loses: send " + field + HexSuffix
			}
		}
	}
	return problems
}

// Octets returns the first value of a field, or of the attribute, octet by octet; "" if there
// is none.
func (r Request) Octets(field, attribute string) string {
	for _, name := range []string{field, attribute} {
		if len(r[name]) > 0 {
			return r[name][0]
		}
	}
	return ""
}

// Text returns the first value of a field, or of the attribute, as text.
func (r Request) Text(field, attribute string) string {
	return Print(r.Octets(field, attribute))
}

// AccountingTexts returns the first value of each field of an Accounting-Request, as text. It
// leaves out a unique id that FreeRADIUS cannot have made: its policy
// acct_unique hashes no further than to a NUL, and the id of bob\x00 would be that of all
// sessions of that name.
func (r Request) AccountingTexts() map[string]string {
	texts := map[string]string{}
	for name, values := range r {
		texts[name] = Print(values[0])
	}
	for field, attribute := range hashedFields {
		if strings.ContainsRune(r.Octets(field, attribute), 0) {
			delete(texts, uniqueIDField)
			delete(texts, "Acct-Unique-Session-Id")
		}
	}
	return texts
}

// hashedFields are the texts that acct_unique hashes, and the names of their attributes.
var hashedFields = map[string]string{
	usernameField:    "User-Name",
	"session_id":     "Acct-Session-Id",
	"nas_identifier": "NAS-Identifier",
	"nas_port_id":    "NAS-Port-Id",
}

// Attributes returns the items of the request for checks of profiles, and the other fields,
// which the checks see as client:. A field such as called_station_id stands for the attribute
// Called-Station-Id. The password is added where it is checked.
func (r Request) Attributes(known *dictionary.Dictionary) (items []dictionary.Item, clientAttributes map[string]string) {
	items, clientAttributes = []dictionary.Item{}, map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(r)) {
		attribute, found := known.Lookup(strings.ReplaceAll(name, "_", "-"))
		switch {
		case name == usernameField:
			attribute, found = known.Lookup("User-Name")
		case name == passwordField || strings.EqualFold(name, "User-Password"):
			continue
		}
		if !found {
			text := r[name][0]
			if len(text) <= profile.MaxValueLength && isClientName(name) && len(clientAttributes) < profile.MaxClientAttributes {
				clientAttributes[name] = shortened(Print(text))
			}
			continue
		}
		for _, text := range r[name] {
			text = Print(text)
			if attribute.Type == dictionary.String {
				// A value that is too long in print is kept, shortened.
				items = append(items, dictionary.Item{Attribute: attribute, Value: []byte(shortened(text))})
			} else if value, err := attribute.ParseValue(text); err == nil {
				items = append(items, dictionary.Item{Attribute: attribute, Value: value})
			}
		}
	}
	return items, clientAttributes
}

// shortened returns as much of a text as a check can compare: a value with octets that are
// not UTF-8 is longer in print.
func shortened(text string) string {
	if len(text) > profile.MaxValueLength {
		text = strings.ToValidUTF8(text[:profile.MaxValueLength], "") // no half a character
	}
	return text
}

// isClientName reports whether checks of profiles can name the field as client:.
func isClientName(name string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	return name != "" && len(name) <= profile.MaxAttributeLength && strings.Trim(name, letters) == ""
}
