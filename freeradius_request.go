package radiusauth

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/profile"
)

// freeradiusRequest is what FreeRADIUS has sent: values by the name of the field,
// which a template of rlm_rest chooses, or by that of the attribute.
type freeradiusRequest map[string][]string

// readFreeRADIUS reads a body: texts by field, from JSON or a form, or the
// attributes as FreeRADIUS writes them without a template, such as
//
//	{"User-Name": {"type": "string", "value": ["bob"]}}
//
// Empty values mean that there is none. What cannot be read is left out.
func readFreeRADIUS(body map[string]any) freeradiusRequest {
	request := freeradiusRequest{}
	for name, value := range body {
		if attribute, isAttribute := value.(map[string]any); isAttribute {
			values, _ := attribute["value"].([]any)
			for _, one := range values {
				if text, ok := freeradiusText(one); ok {
					request[name] = append(request[name], readable(text))
				}
			}
			continue
		}
		if text, ok := freeradiusText(value); ok && text != "" {
			request[name] = []string{text}
		}
	}
	return request
}

func freeradiusText(value any) (string, bool) {
	switch value := value.(type) {
	case string:
		return value, true
	case bool:
		return strconv.FormatBool(value), true
	case json.Number:
		return value.String(), true // a fraction, too: what reads the field says what is wrong
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64), true
	}
	return "", false
}

// readable undoes what FreeRADIUS does to octets above 127 in attributes: it
// writes each as a character of its own, as if the text were Latin-1.
func readable(text string) string {
	octets := make([]byte, 0, len(text))
	for _, r := range text {
		if r > 0xff {
			return text // it was no such text
		}
		octets = append(octets, byte(r)) // #nosec G115 -- checked
	}
	if !utf8.Valid(octets) {
		return text
	}
	return string(octets)
}

// first gives the first value of a field, or of the attribute.
func (r freeradiusRequest) first(field, attribute string) string {
	for _, name := range []string{field, attribute} {
		if len(r[name]) > 0 {
			return r[name][0]
		}
	}
	return ""
}

// attributes are the request for checks of profiles, and what else was sent, for
// their client:. A field such as called_station_id stands for the attribute
// Called-Station-Id. The password is added where it is checked.
func (r freeradiusRequest) attributes(known *dictionary.Dictionary) (requested []dictionary.Item, sent map[string]string) {
	requested, sent = []dictionary.Item{}, map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(r)) {
		attribute, found := known.Lookup(strings.ReplaceAll(name, "_", "-"))
		switch {
		case name == fieldUsername:
			attribute, found = known.Lookup("User-Name")
		case name == fieldPassword || strings.EqualFold(name, "User-Password"):
			continue
		}
		if !found {
			if text := r[name][0]; len(text) <= profile.MaxValueLength && isClientName(name) {
				sent[name] = text
			}
			continue
		}
		for _, text := range r[name] {
			if value, err := attribute.ParseValue(text); err == nil {
				requested = append(requested, dictionary.Item{Attribute: attribute, Value: value})
			}
		}
	}
	return requested, sent
}

// isClientName tells whether checks of profiles can name it as client:.
func isClientName(name string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	return name != "" && len(name) <= profile.MaxAttributeLength && strings.Trim(name, letters) == ""
}
