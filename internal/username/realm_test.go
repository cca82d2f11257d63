package username

import (
	"strings"
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

func TestNameWithoutARealmIsPutIntoOne(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"alice": "alice@g", "alice@h": "alice@h", `H\alice`: `H\alice`, "alice@": "alice@@g", "@": "@@g", `\`: `\@g`, "alice@a b": "alice@a b@g",
	} {
		require.Equal(t, want, WithRealm(name, "g"))
		require.Equal(t, name, WithRealm(name, ""))
	}
}

func TestNumbersAreAtTheEndOfTheUsersPart(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"guest": "guest7", "guest@g": "guest7@g", `G\guest`: `G\guest7`, "guest@g@h": "guest@g7@h", `G\guest@h`: `G\guest7@h`,
		"guest@": "guest@7", "guest@a b": "guest@a b7", "@g": "@g7", "g@g": "g7@g",
	} {
		require.Equal(t, want, Numbered(name, 7))
	}
}

func TestRealmsOfSourcesAreASCII(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("a", 253)
	for _, realm := range []string{"g", "CORP", "a.b-c_d", "7", longest} {
		require.True(t, IsSourceRealm(realm), realm)
		require.True(t, IsRealm(realm), realm)
	}
	for _, realm := range []string{"", ".g", "g.", "-g", "a@b", `a\b`, "a b", "k\u00f6ln", "g\n", longest + "a"} {
		require.False(t, IsSourceRealm(realm), "%q", realm)
	}
}
