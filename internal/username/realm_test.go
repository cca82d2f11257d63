package username

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRealmsAreLettersDigitsDotsAndDashes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"g": true, "CORP": true, "corp.example": true, "a-b_c": true, "7": true, "firma.köln": true, "例え": true, ".": true, "-": true,
		"": false, "a b": false, "a@b": false, `a\b`: false, "a/b": false, "a:b": false, "g ": false, "a%b": false, "\xff": false,
		"g\x00": false, "ko\u0308ln": false, "\ufffd": false, "g\u200b": false,
	} {
		require.Equal(t, want, IsRealm(text), "%+q", text)
	}
}

func TestOutermostRealmIsSplitOff(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][3]string{ // user, realm, without any realm
		"alice":           {"alice", "", "alice"},
		"alice@g":         {"alice", "g", "alice"},
		`G\alice`:         {"alice", "G", "alice"},
		`G\alice@h`:       {`G\alice`, "h", "alice"},
		"alice@g@h":       {"alice@g", "h", "alice"},
		`G\H\alice`:       {`H\alice`, "G", "alice"},
		`G\H\alice@i@j`:   {`G\H\alice@i`, "j", "alice"},
		"@g":              {"@g", "", "@g"},
		"a@@g":            {"a@", "g", "a@"},
		"alice@":          {"alice@", "", "alice@"},
		`G\`:              {`G\`, "", `G\`},
		`\alice`:          {`\alice`, "", `\alice`},
		"alice@a b":       {"alice@a b", "", "alice@a b"},
		`a b\alice@g`:     {`a b\alice`, "g", `a b\alice`},
		`alice@a/b@g`:     {"alice@a/b", "g", "alice@a/b"},
		`alice@g\h`:       {`alice@g\h`, "", `alice@g\h`},
		`G\@h`:            {`G\`, "h", `G\`},
		"":                {"", "", ""},
		"@":               {"@", "", "@"},
		`\`:               {`\`, "", `\`},
		"alice@g@":        {"alice@g@", "", "alice@g@"},
		"a@b.c@d-e":       {"a@b.c", "d-e", "a"},
		"alice@ko\u0308n": {"alice@ko\u0308n", "", "alice@ko\u0308n"},
	} {
		user, realm := Split(name)
		require.Equal(t, want, [3]string{user, realm, Bare(name)}, "%+q", name)
	}
}

func TestRealmFormsAreTheNameAndWhatIsLeftOfItInOneNotation(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]string{
		"alice":            {"alice"},
		"alice@g":          {"alice@g", "alice"},
		`G\alice`:          {"alice@G", "alice"},
		"alice@g@h":        {"alice@g@h", "alice@g", "alice"},
		`G\alice@h`:        {"alice@G@h", "alice@G", "alice"},
		`G\H\alice`:        {"alice@H@G", "alice@H", "alice"},
		"alice@":           {"alice@", "alice"},
		`\alice`:           {`\alice`, "alice"},
		"alice@g@":         {"alice@g@", "alice@g", "alice"},
		"alice@a b":        {"alice@a b"},
		"@g":               {"@g"},
		"":                 {""},
		"@":                {"@"},
		`\`:                {`\`},
		"b\u00f6b@k\u00f6": {"b\u00f6b@k\u00f6", "b\u00f6b"},
	} {
		require.Equal(t, want, RealmForms(name), "%+q", name)
	}
}

func TestRealmsAreComparedWithoutCase(t *testing.T) {
	t.Parallel()
	require.True(t, SameRealm("CORP", "corp"))
	require.True(t, SameRealm("KÖLN", "köln"))
	require.False(t, SameRealm("corp", "corp2"))
	require.False(t, SameRealm("", ""), "no realm is not one")
	require.False(t, SameRealm("corp", ""))
}
