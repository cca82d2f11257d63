package rlmrest

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/profile"
)

// Entry is a change of an attribute of FreeRADIUS's lists.
type Entry struct {
	key    string // list:attribute, or list:attribute:tag
	op     string
	values []any // texts and numbers
}

// AuthType returns the entry that decides whether FreeRADIUS accepts the user: Accept or Reject.
func AuthType(value string) Entry {
	return Entry{key: "control:Auth-Type", op: ":=", values: []any{value}}
}

// NTPassword returns the entry with which FreeRADIUS checks a password itself, by the hash for
// MS-CHAP.
func NTPassword(hash []byte) Entry {
	return Entry{key: "control:NT-Password", op: ":=", values: []any{"0x" + strings.ToUpper(hex.EncodeToString(hash))}}
}

// Encode returns the body for rlm_rest: the entries in their order. do_xlat=false keeps
// FreeRADIUS from expanding values, which would run commands in a profile; it interprets
// backslashes all the same.
func Encode(entries []Entry) string {
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

// mustJSON returns the JSON of texts, numbers and lists of them, which cannot fail.
func mustJSON(value any) []byte {
	encoded, err := json.Marshal(value)
	if err != nil {
		return []byte("null")
	}
	return encoded
}

// Reply returns the entries of the attributes that profiles reply with. Values that FreeRADIUS
// would change are left out: unsent says of each why.
func Reply(attributes []profile.ReplyAttribute) (entries []Entry, unsent []string) {
	places := map[string]int{} // of keys in entries
	named := map[string]bool{} // attributes that have an entry
	for _, attribute := range attributes {
		if attribute.Profile == profile.FromSource {
			continue
		}
		name := attribute.Attribute.Name
		value, problem := encodeValue(attribute.Item)
		if problem != "" {
			unsent = append(unsent, name+": "+problem)
			continue
		}
		key := "reply:" + name
		if attribute.Tag != 0 {
			key += ":" + strconv.Itoa(int(attribute.Tag))
		}
		place, found := places[key]
		if !found {
			op := ":="
			if named[name] {
				op = "+=" // := would replace the entry with the other tag
			}
			place, places[key], named[name] = len(entries), len(entries), true
			entries = append(entries, Entry{key: key, op: op})
		}
		entries[place].values = append(entries[place].values, value)
	}
	return entries, unsent
}

// Sent returns those of the attributes that have an entry.
func Sent(attributes []profile.ReplyAttribute) []profile.ReplyAttribute {
	var sent []profile.ReplyAttribute
	for _, attribute := range attributes {
		if _, problem := encodeValue(attribute.Item); attribute.Profile != profile.FromSource && problem == "" {
			sent = append(sent, attribute)
		}
	}
	return sent
}

// encodeValue returns a value as FreeRADIUS reads it, or why it cannot be sent.
func encodeValue(item dictionary.Item) (value any, problem string) {
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
