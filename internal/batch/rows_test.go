package batch

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/username"
)

// anything are checks that refuse nothing but the text "bad".
func anything() Checks {
	check := func(text string) error {
		if text == "bad" {
			return errors.New("is bad")
		}
		return nil
	}
	return Checks{
		Name:     func(given, _ string) error { return check(given) },
		Text:     check,
		Password: check,
	}
}

func usernames(rows []Row) (names []string) {
	for _, row := range rows {
		names = append(names, row.Username)
	}
	return names
}

func TestNamesOfAPrefixLeaveOutThoseThatAreTaken(t *testing.T) {
	t.Parallel()
	maker := NewMaker(username.Rules{FoldCase: true}, anything(), []string{"guest1", "Guest3"})
	request := Request{Strategy: StrategyPrefix, Prefix: "Guest", Users: 3, PasswordLength: MinPasswordLength}
	rows, err := maker.Rows(request)
	require.NoError(t, err)
	require.Equal(t, []string{"guest2", "guest4", "guest5"}, usernames(rows))
	require.Equal(t, "guest", maker.Prefix(request))
	for _, row := range rows {
		require.True(t, row.Generated)
		require.Len(t, row.Password, MinPasswordLength)
		require.Empty(t, strings.Trim(row.Password, passwordLetters))
	}
}

func TestNamesOfACSVThatAreTakenGetNumbers(t *testing.T) {
	t.Parallel()
	maker := NewMaker(username.Rules{}, anything(), []string{"carol"})
	rows, err := maker.Rows(Request{Strategy: StrategyCSV, CSV: "carol,,,,\n,,Carol@example.com,,\ndora@corp,,,,\ndora@corp,,,,", PasswordLength: 16})
	require.NoError(t, err)
	require.Equal(t, []string{"carol1", "Carol2", "dora@corp", "dora1@corp"}, usernames(rows))

	_, err = maker.Rows(Request{Strategy: StrategyCSV, CSV: "eve,,,,\nCAROL,,,,"})
	require.ErrorAs(t, err, new(*SpellingTakenError))
	require.EqualError(t, err, `csvfile: line 2: username "CAROL" is one name with the registered user "carol": one account is one user`)
}

func TestRowsAreCheckedAsUsersAre(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"bad,,,,":             "csvfile: line 1: is bad",
		"a,cleartext$bad,,,":  "csvfile: line 1: the password after cleartext$: is bad",
		"a,,,,\nb,,,bad,":     "csvfile: line 2: the firstname is bad",
		"a,,,,\n\nb,,,,bad":   "csvfile: line 3: the lastname is bad",
		"a,,,,\nb,nonsense,,": "csvfile: line 2: it has 4 columns",
	} {
		_, err := NewMaker(username.Rules{}, anything(), nil).Rows(Request{Strategy: StrategyCSV, CSV: text, PasswordLength: 12})
		require.ErrorAs(t, err, new(*FieldError), text)
		require.ErrorContains(t, err, want, text)
	}
}

func TestPasswordsThatWereGeneratedAreToldFromHashes(t *testing.T) {
	t.Parallel()
	for length := MinPasswordLength; length <= MaxPasswordLength; length++ {
		require.True(t, isGenerated(strings.Repeat("k7z", length)[:length]), length)
	}
	for _, text := range []string{"", "short", strings.Repeat("k", MaxPasswordLength+1), "has a space in it"} {
		require.False(t, isGenerated(text), text)
	}
	require.False(t, isGenerated(strings.Repeat("ab", 16)), "32 hexadecimal digits are a hash")
}
