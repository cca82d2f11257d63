package radiusauth

import (
	"testing"

	"vault-plugin-auth-radius/internal/batch"
	"vault-plugin-auth-radius/internal/username"
	"vault-plugin-auth-radius/internal/validate"
)

// Whatever a csv has, it is refused as a mistake, or gives users who can be stored and
// log in, each with a name of its own.
func FuzzBatchCSV(f *testing.F) {
	f.Add("rohith,,rohith@example.com,Rohith,ASRK\n,cleartext$x,rohith@example.com,,")
	f.Add("\ufeff\"a\"\"b\",nt:891fc570507eef023cbfec043dd5f2b1,a@example.com,,\r\n")
	f.Add("a..b,,a@example.com,,")
	f.Fuzz(func(t *testing.T, text string) {
		checks := batch.Checks{Name: username.CheckNew, Text: validate.CheckText, Password: checkNewPassword}
		maker := batch.NewMaker(username.Rules{FoldCase: true}, checks, []string{"alice"})
		rows, err := maker.Rows(batch.Request{Strategy: batch.StrategyCSV, CSV: text, PasswordLength: batch.MinPasswordLength})
		if err != nil {
			return
		}
		seen := map[string]bool{"alice": true} // by fold
		for _, row := range rows {
			if seen[username.Fold(row.Username)] || !username.IsStorable(row.Username) || username.Check(row.Username) != nil {
				t.Fatalf("user %q of %q", row.Username, text)
			}
			if (row.Password == "") == (row.Hash.Text() == "") || row.Generated && len(row.Password) != batch.MinPasswordLength {
				t.Fatalf("user %q has no password, or two", row.Username)
			}
			seen[username.Fold(row.Username)] = true
		}
	})
}
