package radiusauth

import (
	"testing"

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
