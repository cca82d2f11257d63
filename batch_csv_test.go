package radiusauth

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/batch"
)

func csvImport(name, text string) map[string]any {
	return map[string]any{"name": name, "strategy": "csv", "csvfile": text}
}

func TestCSVIsReadAsProgramsAndSpreadsheetsWriteIt(t *testing.T) {
	t.Parallel()
	const header = "username,password,email,firstname,lastname\n"
	for name, text := range map[string]string{
		"plain":                        "bob,cleartext$x;y,bob@example.com,Bob,Jones\n",
		"header":                       header + "bob,cleartext$x;y,bob@example.com,Bob,Jones",
		"header in another spelling":   "\ufeffUser Name,Password,E-Mail,First_Name,Last name,\r\nbob,cleartext$x;y,bob@example.com,Bob,Jones,\r\n",
		"empty lines":                  "\n\r\n" + header + "\n   \nbob,cleartext$x;y,bob@example.com,Bob,Jones\n,,,,\n , ,,,\n\n",
		"empty columns at the end":     "bob,cleartext$x;y,bob@example.com,Bob,Jones,,, \n,,,,,,,\n",
		"semicolons":                   ";;;;\nbob;\"cleartext$x;y\";bob@example.com;Bob;Jones;\n;;;;",
		"semicolons of spreadsheets":   "sep=;\r\nbob;\"cleartext$x;y\";bob@example.com;Bob;Jones\r\n",
		"tabs":                         strings.ReplaceAll(header, ",", "\t") + "bob\tcleartext$x;y\tbob@example.com\tBob\tJones\t\n\t\t\t\t\n",
		"quotes":                       `"bob","cleartext$x;y","bob@example.com","Bob","Jones"`,
		"line ends of old Macs":        "bob,cleartext$x;y,bob@example.com,Bob,Jones\r,,,,\r",
		"white space, in any script":   "\u3000bob\u00a0,cleartext$x;y,\t bob@example.com , Bob\u2003,  Jones ",
		"commas in a semicolons' file": "bob;\"cleartext$x;y\";bob@example.com;Bob;Jones\n\"a,b,c,d\";cleartext$x;;a,b;",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newLocalBackend(t, nil)
			b.batch(csvImport("import", text))
			user := b.ok(logical.ReadOperation, "users/bob", nil).Data
			require.Equal(t, []any{"bob@example.com", "Bob", "Jones"}, []any{user["email"], user["first_name"], user["last_name"]})
			b.loginOK("bob", "x;y")
		})
	}
}

func TestPasswordsOfACSVAreNotTrimmed(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	b.batch(csvImport("import", "bob,cleartext$ x ,bob@example.com,,\neve,\"cleartext$\u00a0\",,,"))
	b.loginOK("bob", " x ")
	b.loginOK("eve", "\u00a0")
	require.Contains(t, b.refused(logical.UpdateOperation, "freeradius/batch", csvImport("x", "zoe, ,zoe@example.com,,")), "line 1: the password is neither empty")
}

// Hashes have separators inside.
func TestHashesOfACSVMayHaveSeparators(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	b.ok(logical.UpdateOperation, "config", map[string]any{"extauth": "local", "password_hash_cost": 1, "password_hash_algorithm": "argon2id"})
	hash := "$argon2id$v=19$m=1024,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$" + strings.Repeat("A", 43)
	b.batch(csvImport("semicolons", "bob;"+hash+";bob@example.com;;"))
	b.batch(csvImport("quotes", `eve,"`+hash+`",eve@example.com,,`))
	for _, name := range []string{"bob", "eve"} {
		require.Equal(t, "argon2id", b.ok(logical.ReadOperation, "users/"+name, nil).Data["password_scheme"])
	}
	require.Contains(t, b.refused(logical.UpdateOperation, "freeradius/batch", csvImport("x", "zoe,"+hash+",zoe@example.com,Zoe,Z")),
		"line 1: it has 7 columns, separated by commas")
}

func TestOwnCSVCanBeReadBack(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	data := csvImport("original", "+491234,,,=1+1,\"a;=1\"\n=cmd(),,a@example.com,\"x,y\",'z\nzoe,cleartext$my-own,z@example.com,,")
	data["format"] = "csv"
	_, list := b.asFreeRADIUS("batch", data)
	prefix := prefixBatch("generated", 2)
	prefix["format"] = "csv"
	_, generated := b.asFreeRADIUS("batch", prefix)

	other := newLocalBackend(t, nil)
	made := other.batch(csvImport("copy", list))
	require.ElementsMatch(t, []string{"+491234", "=cmd()", "zoe"}, slices.Collect(maps.Keys(made)))
	for name := range made {
		want, read := b.ok(logical.ReadOperation, "users/"+name, nil).Data, other.ok(logical.ReadOperation, "users/"+name, nil).Data
		for _, field := range []string{"email", "first_name", "last_name"} {
			require.Equal(t, want[field], read[field], name)
		}
	}
	lines := strings.Split(strings.TrimSpace(list), "\n")
	other.loginOK("=cmd()", strings.Split(lines[2], ",")[1])

	other.batch(csvImport("copy of generated", generated))
	for _, line := range strings.Split(strings.TrimSpace(generated), "\n")[1:] {
		columns := strings.Split(line, ",")
		other.loginOK(columns[0], columns[1])
	}
	require.Contains(t, b.refused(logical.UpdateOperation, "freeradius/batch", csvImport("x", "guest9,abcdefghjkmn,,,")),
		"the password is neither empty", "without the header it may be anything")
}

func TestWrongLinesOfACSVAreNamed(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	before := b.everything()
	rows := func(count int) string {
		var text strings.Builder
		for i := range count {
			fmt.Fprintf(&text, "user%d,,,,\n", i)
		}
		return text.String()
	}
	for text, want := range map[string]string{
		// Latin-1, UTF-16 and others, as the JSON encoders of clients replace or keep them
		"a,,a@example.com,,\nm\ufffdller,,m@example.com,,":    "line 2: it has the character U+FFFD",
		"a,,a@example.com,,\n\nb,,b@example.com,M\ufffdller,": "line 3: it has the character U+FFFD",
		"a,cleartext$caf\ufffd,a@example.com,,":               "line 1: it has the character U+FFFD",
		"\ufffd\ufffda\x00,\x00,\x00":                         "line 1: it has the character U+FFFD",
		"a\x00,\x00,\x00a\x00@\x00b\x00,\x00,\x00\n\x00":      "line 1: it has a NUL",
		"a,,a@example.com,,\r\nb,cleartext$x\x00,b@example,,": "line 2: it has a NUL",
		"a,,a@example.com,,\nm\xfcller,,m@example.com,,":      "line 2: it is not UTF-8",
		"\u00ef\u00bb\u00bfa,,a@example.com,,":                "line 1: the file is UTF-8, and was read as Latin-1",
		"a,,a@example.com,,\nb,,b@example.com,,\u0084x\u0093": "line 2: the lastname must be UTF-8",
		"a,,a@example.com,,\nb\u200b,,b@example.com,,":        "line 2: username contains an invisible",
		"a,,a@example.com,,\nb\u0001,,b@example.com,,":        "line 2: username contains a control",
		"a,,,,\nusername,password,email,firstname,lastname":   "line 2: the password is neither",
		"email,username,password,firstname,lastname\na@b,,,,": "line 1: the password is neither",
		"a,,a@example.com,,\nb,,b@example.com":                "line 2: it has 3 columns, separated by commas",
		"a;;a@example.com;;\nb,,b@example.com,,":              "line 2: it has 1 columns, separated by semicolons",
		"a,,a@example.com,,\nb,,b@example.com,,,x":            "line 2: it has 6 columns",
		"a,,a@example.com,,\nb,,b@example.com,Ann \"A\",":     "line 2: it has a quote inside a column, at octet",
		"a,,a@example.com,,\n\"b,,b@example.com,,\nc,,c@x,,":  "line 2: a quote is not closed: the column ends on line",
		"a,,,,\n\"b\"c,,,,":                                   "line 2: a quote is not closed, or something follows it",
		"a,,,,\nb,\"cleartext$x,,,\nc,cleartext$y\",,,":       "line 2: the password has a line break",
		"a,,,,\n\"b\n\",,,,":                                  "line 2: the username has a line break",
		"sep=;\n\na;;;;\nb;;nobody;;":                         "line 4: the email is not an address",
		"a,,,,\n,,,Bob,":                                      "line 2: username and email are empty",
		"a,,,,\nb,,,\"x\",\nc,,,\"two\nlines\",":              "line 3: the firstname has a line break",
		rows(batch.MaxUsers + 1):                              "it has more than 20000 users",
		"username,password,email,firstname,lastname\n,,,,\n":  "it has no users",
		"\ufeff":                   "it has no users",
		",,,,\r\n,,,,\r\n":         "it has no users",
		"a,,,,\nb,$2b$notahash,,,": "line 2: the password is neither",
		"a,,,,\nb," + strings.Repeat("x", 600) + ",,,": "line 2: the password is neither",
		"a,,,,\n" + strings.Repeat("b", 254) + ",,,,":  "line 2: username is longer",
		"a,,,,\nb,,,," + strings.Repeat("b", 2000):     "line 2: the lastname is longer",
		"a,,,,\n../b,,,,": "line 2: username is not a clean path",
	} {
		require.Contains(t, b.refused(logical.UpdateOperation, "freeradius/batch", csvImport("x", text)), want, "%.80q", text)
	}
	require.Equal(t, before, b.everything())
}

func TestNamesOfACSVThatAreOneNameAreRefused(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]map[string]any{"as they are": nil, "in any case": {"case_insensitive_usernames": true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newLocalBackend(t, config)
			b.ok(logical.UpdateOperation, "users/carol", nil)
			b.ok(logical.UpdateOperation, "users/zoë", nil)
			before := b.everything()
			for text, want := range map[string]string{
				"a,,,,\nCAROL,,,,":            `line 2: username "CAROL" is one name with the registered user "carol"`,
				"a,,,,\n\uff23arol,,,,":       `is one name with the registered user "carol"`,
				"a,,,,\nzoe\u0308,,,,":        `is one name with the registered user "zoë"`,
				"a,,,,\n\nBob,,,,\nbOB,,,,":   `line 4: username "bOB" is one name with "Bob" of line 3`,
				"bob,,,,\nbob,,,,\nBOB1,,,,":  `line 3: username "BOB1" is one name with "bob1" of line 2`,
				" CAROL ,,,,":                 `line 1: username "CAROL" is one name with the registered user`,
				"sep=;\nbob;;;;\n\nBob;;;;\n": `line 4: username "Bob" is one name with "bob" of line 2`,
			} {
				resp, err := b.send(logical.UpdateOperation, "freeradius/batch", csvImport("x", text))
				if strings.Contains(want, "registered") {
					require.Equal(t, http.StatusConflict, status(resp, err), "as users/:name answers it")
					require.ErrorContains(t, err, want, "%q", text)
					continue
				}
				require.ErrorContains(t, resp.Error(), want, "%q", text)
			}
			require.Equal(t, before, b.everything())
			made := b.batch(csvImport("numbers", "carol,,,,\ncarol,,,,\n,,CAROL@example.com,,"))
			require.Len(t, made, 3, "the same spelling, and a name that an email gives, get numbers")
			require.Contains(t, made, "carol2")
		})
	}
}

func TestPageOfVouchersShowsTheEndAsItWasWritten(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	data := prefixBatch("page", 1)
	data["format"], data["expiration_date"] = "html", "2099-12-31"
	_, page := b.asFreeRADIUS("batch", data)
	require.Contains(t, page, "Valid until 31 Dec 2099\n")
}

// The command line shows JSON only.
func TestVouchersInAnEnvelopeAreTextInJSON(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	for format, want := range map[string]string{"html": "<!DOCTYPE html>", "csv": "username,password,email,firstname,lastname\n"} {
		data := prefixBatch(format, 1)
		data["format"], data["envelope"] = format, true
		status, body := b.asFreeRADIUS("batch", data)
		require.Equal(t, http.StatusCreated, status)
		var answer map[string]any
		require.NoError(t, json.Unmarshal([]byte(body), &answer))
		require.True(t, strings.HasPrefix(answer[format].(string), want), body)
		require.Equal(t, []any{format, 1.0}, []any{answer["name"], answer["number_of_users"]})
	}
}

func TestPasswordOfACSVThatTheAlgorithmDoesNotTakeIsRefused(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, map[string]any{"password_hash_algorithm": "bcrypt", "password_hash_cost": 10})
	text := "zoe,cleartext$" + strings.Repeat("p", 12) + ",,,\nmia,cleartext$" + strings.Repeat("x", 73) + ",,,"
	refused := b.refused(logical.UpdateOperation, "freeradius/batch", csvImport("x", text))
	require.Contains(t, refused, "csvfile: line 2: the password: ")
	require.NotContains(t, refused, "xxx")
	require.Empty(t, b.stored("user/zoe"), "nothing is made")
}
