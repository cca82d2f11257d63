package radiusauth

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"vault-plugin-auth-radius/internal/username"
)

// Whatever a csv has, it is refused as a mistake, or gives users who can be stored and
// log in, each with a name of its own.
func FuzzBatchCSV(f *testing.F) {
	f.Add("rohith,,rohith@example.com,Rohith,ASRK\n,cleartext$x,rohith@example.com,,")
	f.Add("\ufeff\"a\"\"b\",nt:891fc570507eef023cbfec043dd5f2b1,a@example.com,,\r\n")
	f.Add("a..b,,a@example.com,,")
	f.Fuzz(func(t *testing.T, text string) {
		rows, err := readBatchCSV(text, newTakenNames([]string{"alice"}), username.Rules{FoldCase: true}, minGenerated)
		if err != nil {
			return
		}
		seen := map[string]bool{"alice": true} // by fold
		for _, row := range rows {
			if seen[username.Fold(row.username)] || !username.IsStorable(row.username) || username.Check(row.username) != nil {
				t.Fatalf("user %q of %q", row.username, text)
			}
			if (row.password == "") == (row.hash.Text() == "") || row.generated && len(row.password) != minGenerated {
				t.Fatalf("user %q has no password, or two", row.username)
			}
			seen[username.Fold(row.username)] = true
		}
	})
}

// Whatever a profile replies with, FreeRADIUS reads it as it is: its parser takes a
// backslash for the beginning of an escape.
func FuzzFreeRADIUSReply(f *testing.F) {
	f.Add(`%{echo:/usr/bin/id} \n \\ "q"`)
	f.Add("\u2028<&>")
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return // left out before: see freeradiusValue
		}
		var got map[string]struct {
			Expands *bool `json:"do_xlat"`
			Value   string
		}
		if err := json.Unmarshal([]byte(listsJSON([]listEntry{{key: "reply:Reply-Message", op: ":=", values: []any{text}}})), &got); err != nil {
			t.Fatal(err)
		}
		one := got["reply:Reply-Message"]
		if one.Expands == nil || *one.Expands {
			t.Fatal("FreeRADIUS would expand it")
		}
		if strings.Contains(strings.ReplaceAll(one.Value, `\\`, ""), `\`) {
			t.Fatalf("a backslash is alone: %q", one.Value)
		}
		if strings.ReplaceAll(one.Value, `\\`, `\`) != text {
			t.Fatalf("%q has become %q", text, one.Value)
		}
	})
}
