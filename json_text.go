package radiusauth

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

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
