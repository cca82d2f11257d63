package radiusauth

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/profile"
)

// freeradiusAnswer is an answer to rlm_rest: JSON without Vault's envelope. Nothing
// to say is an empty body: FreeRADIUS takes "null" for a failure.
func freeradiusAnswer(status int, body string) *logical.Response {
	return rawAnswer(status, "application/json", body)
}

// rawAnswer is an answer without Vault's envelope.
func rawAnswer(status int, contentType, body string) *logical.Response {
	data := map[string]any{logical.HTTPStatusCode: status, logical.HTTPContentType: contentType}
	if body != "" {
		data[logical.HTTPRawBody] = body
	}
	return &logical.Response{Data: data}
}

// authType is what tells FreeRADIUS whether to let somebody in.
func authType(value string) []listEntry {
	return []listEntry{{key: "control:Auth-Type", op: ":=", values: []any{value}}}
}

// listEntry is what is done to one attribute of FreeRADIUS's lists.
type listEntry struct {
	key    string // list:attribute, or list:attribute:tag
	op     string
	values []any // texts and numbers
}

// listsJSON is what rlm_rest reads: the entries in their order. do_xlat=false keeps
// FreeRADIUS from expanding values, which would run whatever somebody has written
// into a profile; backslashes it reads all the same.
func listsJSON(entries []listEntry) string {
	var text strings.Builder
	text.WriteByte('{')
	for i, entry := range entries {
		if i > 0 {
			text.WriteByte(',')
		}
		values := make([]any, 0, len(entry.values))
		for _, value := range entry.values {
			if word, isText := value.(string); isText {
				value = strings.ReplaceAll(word, `\`, `\\`)
			}
			values = append(values, value)
		}
		var value any = values
		if len(values) == 1 {
			value = values[0]
		}
		text.Write(mustJSON(entry.key))
		text.WriteString(`:{"op":`)
		text.Write(mustJSON(entry.op))
		text.WriteString(`,"do_xlat":false,"value":`)
		text.Write(mustJSON(value))
		text.WriteByte('}')
	}
	text.WriteByte('}')
	return text.String()
}

// mustJSON encodes texts, numbers and lists of them, which cannot fail.
func mustJSON(value any) []byte {
	encoded, err := json.Marshal(value)
	if err != nil {
		return []byte("null")
	}
	return encoded
}

// replyEntries are the attributes that profiles reply with. What FreeRADIUS would
// change on its way is left out, and told.
func replyEntries(attributes []profile.ReplyAttribute) (entries []listEntry, left []string) {
	places := map[string]int{} // of the keys, in entries
	named := map[string]bool{} // attributes that have an entry
	for _, one := range attributes {
		if one.Profile == profile.FromSource {
			continue
		}
		value, problem := freeradiusValue(one.Item)
		if problem != "" {
			left = append(left, one.Attribute.Name+": "+problem)
			continue
		}
		key := "reply:" + one.Attribute.Name
		if one.Tag != 0 {
			key += ":" + strconv.Itoa(int(one.Tag))
		}
		place, found := places[key]
		if !found {
			op := ":="
			if named[one.Attribute.Name] {
				op = "+=" // := would replace the one with the other tag
			}
			place, places[key], named[one.Attribute.Name] = len(entries), len(entries), true
			entries = append(entries, listEntry{key: key, op: op})
		}
		entries[place].values = append(entries[place].values, value)
	}
	return entries, left
}

// freeradiusValue is a value as FreeRADIUS reads it, or why it cannot have it.
func freeradiusValue(item dictionary.Item) (value any, problem string) {
	switch item.Attribute.Type {
	case dictionary.String:
		text := string(item.Value)
		switch {
		case !utf8.ValidString(text):
			return nil, "is not valid UTF-8, which JSON cannot carry"
		case strings.ContainsRune(text, 0):
			return nil, "has a NUL, after which FreeRADIUS cuts it off"
		}
		return text, ""
	case dictionary.Octets:
		return fmt.Sprintf("0x%x", item.Value), ""
	}
	if number, ok := item.Attribute.Number64(item.Value); ok {
		if number <= math.MaxUint32 {
			return number, ""
		}
		return strconv.FormatUint(number, 10), ""
	}
	if number, ok := item.Attribute.SignedNumber(item.Value); ok {
		return strconv.FormatInt(number, 10), ""
	}
	return item.Attribute.PrintValue(item.Value), ""
}

// noContent is the answer when there is nothing to say.
func noContent() *logical.Response { return freeradiusAnswer(http.StatusNoContent, "") }
