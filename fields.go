package radiusauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/hashicorp/go-secure-stdlib/parseutil"
	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

// set takes a field's value over if it was given. T is the type of the field's schema.
func set[T any](d *framework.FieldData, field string, to *T) {
	if value, ok := d.GetOk(field); ok {
		*to = value.(T)
	}
}

// setText is set for a type of its own that is stored as a text.
func setText[T ~string](d *framework.FieldData, field string, to *T) {
	text := string(*to)
	set(d, field, &text)
	*to = T(text)
}

// setPEM is set for certificates and keys, which come from files that editors have written
// on Windows: without byte order marks, which would hide the block behind them, and with
// line feeds alone.
func setPEM(d *framework.FieldData, field string, to *string) {
	text := *to
	set(d, field, &text)
	*to = strings.NewReplacer("\ufeff", "", "\r\n", "\n").Replace(text)
}

// allowed returns the values that a field may have, as its schema wants them.
func allowed[T ~string](values []T) []any {
	var list []any
	for _, value := range values {
		list = append(list, string(value))
	}
	return list
}

// typeNames are the names of the types in errors.
var typeNames = map[framework.FieldType]string{
	framework.TypeString:           "a text",
	framework.TypeInt:              "a whole number in range",
	framework.TypeInt64:            "a whole number in range",
	framework.TypeFloat:            "a number",
	framework.TypeBool:             "true or false",
	framework.TypeDurationSecond:   "a duration of 0 or more: a whole number of seconds in range, or with a unit, such as 90s",
	framework.TypeCommaStringSlice: "a list of texts, or texts separated by commas",
	framework.TypeStringSlice:      "a list of texts",
	framework.TypeSlice:            "a list, nor JSON text of a list or of one object",
	framework.TypeMap:              "a map, nor JSON text of one",
	framework.TypeKVPairs:          "a map of texts",
}

// validateFields returns the response to a request with a field that cannot be read; nil
// if all can. It names the field and what it has to be, and never the value, which may be
// a password, or a password that was typed into the wrong field. The framework's own text
// repeats the value, and the framework cuts the fraction off a number.
func validateFields(path *framework.Path, req *logical.Request) *logical.Response {
	prefix := "Field validation failed: " // the framework's
	if path.ExistenceCheck != nil {
		prefix = "" // with the built-in, the existence check answers first
	}
	for _, field := range slices.Sorted(maps.Keys(req.Data)) {
		schema, raw := path.Fields[field], req.Data[field]
		if schema == nil || raw == nil {
			continue
		}
		err := (&framework.FieldData{Raw: map[string]any{field: raw}, Schema: path.Fields}).Validate()
		noJSON := field != fieldHosts && unreadJSON(schema.Type, raw)
		if err != nil || noJSON || !isWholeNumber(schema, raw) {
			return logical.ErrorResponse("%serror converting input for field %q: it is not %s", prefix, field, typeNames[schema.Type])
		}
	}
	return nil
}

// isWholeNumber reports whether a number can be the value of the field: Vault hands JSON
// numbers to a plugin as floating point, and the framework drops what an int cannot hold, which
// is less on some systems. Other values are left to the framework.
func isWholeNumber(schema *framework.FieldSchema, raw any) bool {
	most := float64(min(math.MaxUint32, math.MaxInt))
	switch schema.Type {
	case framework.TypeInt:
	case framework.TypeInt64:
		most = maxExact
	case framework.TypeDurationSecond:
		if duration, err := parseutil.ParseDurationSecond(raw); err == nil && duration.Seconds() > most {
			return false // with a unit, too
		}
	default:
		return true
	}
	number, isFloat := raw.(float64)
	return !isFloat || number == math.Trunc(number) && math.Abs(number) <= most
}

// resetNulls replaces each null by the field's default, which is what null
// means in a JSON merge patch (RFC 7396).
func resetNulls(d *framework.FieldData) {
	for field, raw := range d.Raw {
		schema, known := d.Schema[field]
		switch {
		case raw != nil || !known:
		case strings.HasPrefix(field, "token_"):
			// The SDK's default for token_type, "default-service", is not a
			// value that its own parser takes.
			d.Raw[field] = schema.Type.Zero()
		default:
			d.Raw[field] = schema.DefaultOrZero()
		}
	}
}

// readJSONTexts decodes lists and maps that a command line has sent as JSON text. An empty
// text is an empty list or map. A text that cannot be decoded stays as it is, and is refused by
// [validateFields]. The config's hosts are left alone: they may be texts.
func readJSONTexts(path *framework.Path, req *logical.Request) {
	var data map[string]any // what replaces req.Data; nil: nothing has to
	for field, raw := range req.Data {
		schema := path.Fields[field]
		if schema == nil || !slices.Contains(jsonTypes, schema.Type) || field == fieldHosts {
			continue
		}
		if data == nil {
			data = maps.Clone(req.Data)
		}
		data[field] = readJSONText(schema.Type, raw)
	}
	if data != nil {
		req.Data = data
	}
}

// jsonTypes are the types of fields that a command line sends as JSON text.
var jsonTypes = []framework.FieldType{framework.TypeSlice, framework.TypeMap, framework.TypeKVPairs}

// readJSONText returns the value of a field of the type: decoded, if it is JSON text, or as it
// is.
func readJSONText(kind framework.FieldType, raw any) any {
	text, isText := raw.(string)
	text = strings.TrimSpace(text)
	switch kind {
	case framework.TypeSlice:
		list, isList := raw.([]any)
		switch {
		case isList:
			return readJSONEntries(list)
		case isText && text == "":
			return []any{}
		case isText:
			if objects, ok := jsonObjects(text); ok {
				return objects
			}
		}
	case framework.TypeMap, framework.TypeKVPairs:
		switch {
		case isText && text == "" && kind == framework.TypeKVPairs:
			return []any{} // no pairs: in a merge patch an empty map would change nothing
		case isText && text == "":
			return map[string]any{}
		case isText:
			if object, ok := jsonObject(text); ok {
				return object
			}
		}
	}
	return raw
}

// unreadJSON reports whether a text that should be JSON was left unread. Pairs may be
// written as key=value as well.
func unreadJSON(kind framework.FieldType, raw any) bool {
	text, isText := raw.(string)
	switch kind {
	case framework.TypeSlice, framework.TypeMap:
		return isText
	case framework.TypeKVPairs:
		return isText && strings.HasPrefix(strings.TrimSpace(text), "{")
	}
	return false
}

// readJSONEntries returns a list with its JSON texts decoded: a command line may name a field
// several times.
func readJSONEntries(list []any) []any {
	entries := make([]any, 0, len(list))
	for _, entry := range list {
		text, isText := entry.(string)
		objects, ok := jsonObjects(text)
		if isText && ok {
			entries = append(entries, objects...)
		} else {
			entries = append(entries, entry)
		}
	}
	return entries
}

// jsonObjects returns the list in a JSON text; a single object is a list of itself.
func jsonObjects(text string) ([]any, bool) {
	value, ok := decodeJSON(text)
	switch value := value.(type) {
	case []any:
		return value, ok
	case map[string]any:
		return []any{value}, ok
	}
	return nil, false
}

// jsonObject returns the object in a JSON text.
func jsonObject(text string) (map[string]any, bool) {
	value, ok := decodeJSON(text)
	object, isObject := value.(map[string]any)
	return object, ok && isObject
}

// decodeJSON returns the value of a JSON text, with numbers as they are written.
func decodeJSON(text string) (any, bool) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil {
		return nil, false
	}
	_, err := decoder.Token()
	return value, errors.Is(err, io.EOF)
}

// byteOrderMark is put before a text by some editors.
const byteOrderMark = "\uFEFF"

// secretWarning returns a warning of characters that a secret, stored as it was given, may have
// by accident; "" if there are none. name says what the secret belongs to.
func secretWarning(name, secret string) string {
	const remedy = "it is stored with that. If it comes from a file, write it again without, as printf %s makes it"
	switch {
	case secret == "":
		return ""
	case strings.HasSuffix(secret, "\n"), strings.HasSuffix(secret, "\r"):
		return fmt.Sprintf("%s ends in a line break, and %s", name, remedy)
	case strings.TrimSpace(secret) != secret:
		return fmt.Sprintf("%s begins or ends with white space, and %s", name, remedy)
	case strings.HasPrefix(secret, byteOrderMark):
		return fmt.Sprintf("%s begins with a byte order mark, and %s", name, remedy)
	}
	return ""
}

// secretWarnings returns the warnings of the fields that were given.
func secretWarnings(d *framework.FieldData, fields ...string) []string {
	var warnings []string
	for _, field := range fields {
		if secret, given := d.GetOk(field); given {
			warnings = append(warnings, secretWarning("`"+field+"`", secret.(string)))
		}
	}
	return warnings
}

// secretWarnings returns the warnings of the secrets that were given.
func (c *configEntry) secretWarnings(d *framework.FieldData) []string {
	warnings := secretWarnings(d, fieldSecret)
	if _, given := d.GetOk(fieldHosts); given {
		for i, entry := range c.Hosts {
			warnings = append(warnings, secretWarning(fmt.Sprintf("`hosts`: the secret of entry %d", i+1), entry.Secret))
		}
	}
	return warnings
}

// withWarnings adds the warnings that are not empty to the response, which may be nil.
func withWarnings(response *logical.Response, warnings []string) *logical.Response {
	for _, warning := range warnings {
		if warning == "" {
			continue
		}
		if response == nil {
			response = &logical.Response{}
		}
		response.AddWarning(warning)
	}
	return response
}
