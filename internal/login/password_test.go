package login

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/source"
)

func TestPasswordsThatNoServerTakesAreInputErrors(t *testing.T) {
	t.Parallel()
	overRADIUS := &source.Source{Checker: source.NewRADIUSChecker(nil, nil, nil)}
	elsewhere := &source.Source{Checker: newFakeChecker("directory")}
	for about, test := range map[string]struct {
		password, radius, other string
	}{
		"usual":               {"p", "", ""},
		"empty":               {"", "password cannot be empty", "password cannot be empty"},
		"NUL":                 {"a\x00b", "password contains a NUL character, which RADIUS cannot carry", "password contains a NUL character"},
		"longest of RADIUS":   {strings.Repeat("x", 128), "", ""},
		"too long for RADIUS": {strings.Repeat("x", 129), "password is longer than 128 octets, the most that RADIUS can carry", ""},
		"longest of others":   {strings.Repeat("x", 1024), "password is longer than 128 octets, the most that RADIUS can carry", ""},
		"too long for others": {
			strings.Repeat("x", 1025), "password is longer than 128 octets, the most that RADIUS can carry",
			"password is longer than 1024 octets",
		},
	} {
		for src, want := range map[*source.Source]string{overRADIUS: test.radius, elsewhere: test.other} {
			if err := CheckPassword(src, test.password); want == "" {
				require.NoError(t, err, about)
			} else {
				require.EqualError(t, err, want, about)
			}
		}
	}
}

// Only the RADIUS source that has asked opens a challenge_id: a server that has sent a push
// asks for an empty answer.
func TestAnswerToAChallengeMayBeEmpty(t *testing.T) {
	t.Parallel()
	overRADIUS := &source.Source{Checker: source.NewRADIUSChecker(nil, nil, nil)}
	require.NoError(t, Attempt{ChallengeID: "id"}.checkPassword(overRADIUS))
	require.Error(t, Attempt{ChallengeID: "id", Password: strings.Repeat("x", 129)}.checkPassword(overRADIUS))
	require.Error(t, Attempt{}.checkPassword(overRADIUS))
}
