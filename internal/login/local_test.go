package login

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/lockout"
	"vault-plugin-auth-radius/internal/passwd"
)

func TestLocalSettingsWithinTheirLimitsAreValid(t *testing.T) {
	t.Parallel()
	for about, change := range map[string]func(*LocalSettings){
		"the defaults":         func(*LocalSettings) {},
		"most failures":        func(l *LocalSettings) { l.LockoutThreshold = 1000 },
		"a second":             func(l *LocalSettings) { l.LockoutDuration, l.LockoutCounterReset = 1, 1 },
		"a year":               func(l *LocalSettings) { l.LockoutDuration, l.LockoutCounterReset = 31536000, 31536000 },
		"bcrypt":               func(l *LocalSettings) { l.PasswordAlgorithm = passwd.Bcrypt },
		"bcrypt with its cost": func(l *LocalSettings) { l.PasswordAlgorithm, l.PasswordCost = passwd.Bcrypt, 10 },
		"another zone":         func(l *LocalSettings) { l.TimeZone = "Europe/Berlin" },
		"no attempts":          func(l *LocalSettings) { l.AttemptsKept = 0 },
	} {
		settings := defaultLocalSettings()
		change(&settings)
		require.Empty(t, settings.Validate(), about)
	}
}

func TestProblemOfALocalSettingNamesItsField(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		change func(*LocalSettings)
		want   string
	}{
		{func(l *LocalSettings) { l.LockoutThreshold = -1 }, "`lockout_threshold` is -1; use 0 to 1000"},
		{func(l *LocalSettings) { l.LockoutThreshold = 1001 }, "`lockout_threshold` is 1001; use 0 to 1000"},
		{func(l *LocalSettings) { l.LockoutDuration = 0 }, "`lockout_duration` is 0; use 1 to 31536000 seconds"},
		{func(l *LocalSettings) { l.LockoutDuration = 31536001 }, "`lockout_duration` is 31536001; use 1 to 31536000 seconds"},
		{func(l *LocalSettings) { l.LockoutCounterReset = 0 }, "`lockout_counter_reset` is 0; use 1 to 31536000 seconds"},
		{func(l *LocalSettings) { l.LockoutCounterReset = 31536001 }, "`lockout_counter_reset` is 31536001; use 1 to 31536000 seconds"},
		{func(l *LocalSettings) { l.PasswordAlgorithm = passwd.NT }, "`password_hash_algorithm`"},
		{func(l *LocalSettings) { l.PasswordCost = 99 }, "`password_hash_cost`: "},
		{func(l *LocalSettings) { l.TimeZone = "Europe/Atlantis" }, "`time_zone`: \"Europe/Atlantis\" is not a time zone"},
		{func(l *LocalSettings) { l.TimeZone = "Local" }, "`time_zone`: \"Local\" is not a time zone"},
		{func(l *LocalSettings) { l.AttemptsKept = -1 }, "`attempts_kept` is -1; use 0 to 1000"},
		{func(l *LocalSettings) { l.AttemptsKept = 1001 }, "`attempts_kept` is 1001; use 0 to 1000"},
	} {
		settings := defaultLocalSettings()
		test.change(&settings)
		problems := settings.Validate()
		require.Len(t, problems, 1, test.want)
		require.Contains(t, problems[0], test.want)
		require.Equal(t, byte('`'), problems[0][0], "it begins with its field")
	}
}

func TestEveryProblemOfTheLocalSettingsIsListed(t *testing.T) {
	t.Parallel()
	problems := (&LocalSettings{LockoutThreshold: -1}).Validate()
	require.Len(t, problems, 5)
}

func TestLocalSettingsSayHowLoginsAreLockedAndHashesMade(t *testing.T) {
	t.Parallel()
	settings := LocalSettings{
		LockoutThreshold: 3, LockoutDuration: 60, LockoutCounterReset: 90, PasswordAlgorithm: passwd.Bcrypt, PasswordCost: 11,
	}
	require.Equal(t, lockout.Policy{Threshold: 3, Duration: time.Minute, Reset: 90 * time.Second}, settings.lockoutPolicy())
	require.Equal(t, passwd.Settings{Algorithm: passwd.Bcrypt, Cost: 11}, settings.HashSettings())
	require.Zero(t, DefaultConfig().LockoutThreshold, "the lockout is off unless it is configured")
}
