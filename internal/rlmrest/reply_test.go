package rlmrest

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/profile"
)

func TestTextThatFreeRADIUSWouldChangeIsLeftOut(t *testing.T) {
	t.Parallel()
	message, found := dictionary.Standard().Lookup("Reply-Message")
	require.True(t, found)
	for text, problem := range map[string]string{"a\x00b": "NUL", "a\xffb": "UTF-8"} {
		item := dictionary.Item{Attribute: message, Value: []byte(text)}
		entries, unsent := Reply([]profile.ReplyAttribute{{Item: item}})
		require.Empty(t, entries)
		require.Len(t, unsent, 1)
		require.Contains(t, unsent[0], problem)
	}
}

// Whatever a profile replies with, FreeRADIUS reads it as it is: its parser takes a
// backslash for the beginning of an escape.
func FuzzFreeRADIUSReply(f *testing.F) {
	f.Add(`%{echo:/usr/bin/id} \n \\ "q"`)
	f.Add("\u2028<&>")
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return // left out before: see encodeValue
		}
		var lists map[string]struct {
			Expands *bool `json:"do_xlat"`
			Value   string
		}
		if err := json.Unmarshal([]byte(Encode([]Entry{{key: "reply:Reply-Message", op: ":=", values: []any{text}}})), &lists); err != nil {
			t.Fatal(err)
		}
		message := lists["reply:Reply-Message"]
		if message.Expands == nil || *message.Expands {
			t.Fatal("FreeRADIUS would expand it")
		}
		if strings.Contains(strings.ReplaceAll(message.Value, `\\`, ""), `\`) {
			t.Fatalf("a backslash is alone: %q", message.Value)
		}
		if strings.ReplaceAll(message.Value, `\\`, `\`) != text {
			t.Fatalf("%q has become %q", text, message.Value)
		}
	})
}
