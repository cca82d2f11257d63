package source

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCodeIsWhatFollowsTheLastSeparatorAndLooksLikeOne(t *testing.T) {
	t.Parallel()
	letters := strings.Repeat("cbdefghijklnrtuv", 3)
	for _, test := range []struct{ separator, typed, password, code string }{
		{"", "pw,123456", "pw,123456", ""},
		{",", "pw,123456", "pw", "123456"},
		{",", "a,b", "a,b", ""},
		{",", "a,b,123456", "a,b", "123456"},
		{",", "pw,123", "pw,123", ""},
		{",", "pw,1234", "pw", "1234"},
		{",", "pw,1234567890", "pw", "1234567890"},
		{",", "pw,12345678901", "pw,12345678901", ""},
		{",", "pw," + letters[:32], "pw", letters[:32]},
		{",", "pw," + letters[:48], "pw", letters[:48]},
		{",", "pw," + letters[:31], "pw," + letters[:31], ""},
		{",", "pw," + letters + "c", "pw," + letters + "c", ""},
		{",", "pw,12345a", "pw,12345a", ""},
		{",", "pw,123456\n", "pw,123456\n", ""},
		{",", "pw, 123456", "pw, 123456", ""},
		{",", "pw,", "pw,", ""},
		{",", ",123456", ",123456", ""},
		{",", "123456", "123456", ""},
		{",", "pw,,123456", "pw,", "123456"},
		{"::", "pw:123456", "pw:123456", ""},
		{"::", "pw::123456", "pw", "123456"},
		{",", "пароль,١٢٣٤٥٦", "пароль,١٢٣٤٥٦", ""}, // digits of another script are none
	} {
		settings := DefaultPasscodeSettings()
		settings.PasscodeSeparator = test.separator
		password, code := settings.Split(test.typed)
		require.Equal(t, []string{test.password, test.code}, []string{password, code}, "%q", test.typed)
	}
}

func TestPatternOfCodesMatchesWhole(t *testing.T) {
	t.Parallel()
	settings := PasscodeSettings{PasscodeSeparator: "+", PasscodePattern: "[a-z]{2}|[0-9]{3}"}
	for typed, code := range map[string]string{"pw+ab": "ab", "pw+123": "123", "pw+ab123": "", "pw+xab": "", "pw+123\n": ""} {
		_, found := settings.Split(typed)
		require.Equal(t, code, found, typed)
	}
}

func TestPasscodeSettingsThatCannotWorkAreProblems(t *testing.T) {
	t.Parallel()
	for field, settings := range map[string]PasscodeSettings{
		"":                          {PasscodeSeparator: ",", PasscodePattern: "[0-9]+", PasscodeUnasked: PasscodeIgnore},
		"`passcode_pattern`: error": {PasscodeSeparator: ",", PasscodePattern: "a)|(?:b", PasscodeUnasked: PasscodeRefuse},
		"`passcode_separator`":      {PasscodeSeparator: "ab", PasscodePattern: DefaultPasscodePattern, PasscodeUnasked: PasscodeRefuse},
		"`passcode_pattern`":        {PasscodeSeparator: ",", PasscodePattern: "[0-9", PasscodeUnasked: PasscodeRefuse},
		"`passcode_pattern` has no effect without": {PasscodePattern: "[0-9]{6}", PasscodeUnasked: PasscodeRefuse},
		"`passcode_unasked`":                       {PasscodePattern: DefaultPasscodePattern, PasscodeUnasked: "maybe"},
	} {
		found := settings.problems()
		if field == "" {
			require.Empty(t, found)
			continue
		}
		require.Len(t, found, 1)
		require.Contains(t, found[0], field)
	}
	for _, separator := range []string{"x", "7", "ä", "\x00", "\n", ",,,,,", "\xff"} {
		settings := DefaultPasscodeSettings()
		settings.PasscodeSeparator = separator
		require.Len(t, settings.problems(), 1, "%q", separator)
	}
}
