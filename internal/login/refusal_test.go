package login

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/decision"
	"vault-plugin-auth-radius/internal/directory"
	"vault-plugin-auth-radius/internal/lockout"
	"vault-plugin-auth-radius/internal/passwd"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/users"
)

// The time of a refusal must not tell who is registered, or barred, or has the right
// password. Hashes at the config's cost stand for it.
func TestRefusalsOfPasswordsKeptHereTakeTheTimeOfAHash(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(config *Config) { config.Extauth, config.LockoutThreshold = source.Local, 3 })
	f.saveLocalUser("alice", "local-password", nil)
	f.saveLocalUser("disabled", "local-password", disable)
	f.saveLocalUser("locked", "local-password", nil)
	f.saveUser("without", nil)
	for range 3 {
		f.requireDenied("locked", "wrong", "the password is wrong")
	}
	for _, test := range []struct{ name, password, reason string }{
		{"stranger", "wrong", "there is no password for this name here"},
		{"without", "wrong", "there is no password for this name here"},
		{"alice", "wrong", "the password is wrong"},
		{"disabled", "local-password", "the user is disabled"},
		{"disabled", "wrong", "the user is disabled"},
		{"locked", "local-password", lockedReason.Text},
		{"locked", "wrong", lockedReason.Text},
		{"Alice", "local-password", "registered as alice"},
		{"disabled@corp", "wrong", "the user is disabled, as disabled"},
	} {
		before := f.service.Hasher.Computed()
		f.requireDenied(test.name, test.password, test.reason)
		require.Equal(t, before+1, f.service.Hasher.Computed(), "%s with %s", test.name, test.password)
	}
}

func TestRightPasswordOfABlockedUserTakesAsLongAsAWrongOne(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	cheap, err := f.service.Hasher.MakeGenerated("voucher")
	require.NoError(t, err)
	f.saveUser("guest", func(user *users.User) { user.Local, user.PasswordHash, user.Disabled = true, cheap.Text(), true })
	for _, password := range []string{"voucher", "wrong"} {
		before := f.service.Hasher.Computed()
		f.requireDenied("guest", password, "the user is disabled")
		require.Equal(t, before+2, f.service.Hasher.Computed(), "the cheap hash, and one at the config's cost")
	}
}

func TestBlockedLoginThatCannotTakeItsTimeIsUnanswered(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	ended, end := context.WithCancel(t.Context())
	end()
	local := f.service.localSource(f.settings, nil, "bob")
	refusal := rejectWithoutAsking(ended, passwd.Caller{}, local, "p", Reason{decision.Disabled, "the user is disabled"})
	require.Equal(t, &Refusal{Text: NoAnswerText, Unanswered: true}, shown(refusal))
	require.Equal(t, decision.Abandoned, refusal.Reason.Class)
	require.NotContains(t, refusal.Reason.Text, "the user is disabled")
}

func TestFloodHasOneLogLineAMinuteForEachServer(t *testing.T) {
	t.Parallel()
	for about, test := range map[string]struct {
		flood, other error
		line, second string // of other; empty: it has none of its own
	}{
		"RADIUS": {
			&radclient.FullError{Host: "192.0.2.1", Port: 1812}, &radclient.FullError{Host: "192.0.2.1", Port: 1813},
			"logins refused: too many wait: server=192.0.2.1:1812 refused=%d",
			"logins refused: too many wait: server=192.0.2.1:1813 refused=1",
		},
		"RADIUS, IPv6": {
			&radclient.FullError{Host: "2001:db8::1", Port: 1812}, &radclient.FullError{Host: "2001:db8::2", Port: 1812},
			"logins refused: too many wait: server=[2001:db8::1]:1812 refused=%d",
			"logins refused: too many wait: server=[2001:db8::2]:1812 refused=1",
		},
		"directory": {
			&directory.FullError{Server: "ldap1:389"}, &directory.FullError{Server: "ldap2:389"},
			"logins refused: too many wait: server=ldap1:389 refused=%d",
			"logins refused: too many wait: server=ldap2:389 refused=1",
		},
		"hashes": {
			&passwd.FullError{Waiting: 7}, nil,
			"logins refused: too many wait for their passwords to be checked here: username=alice refused=%d", "",
		},
		"a name": {
			lockout.TurnError("crowded"), nil, "logins refused: too many of a name wait: username=alice refused=%d", "",
		},
	} {
		t.Run(about, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, nil)
			fail := func(err error) {
				t.Helper()
				f.server.setError(fmt.Errorf("asking: %w", err))
				require.Equal(t, &Refusal{Text: NoAnswerText, Unanswered: true}, shown(f.login("alice", rightPassword).Refusal))
			}
			fail(test.flood)
			require.Contains(t, f.log.String(), fmt.Sprintf(test.line, 1))
			if test.other != nil {
				fail(test.other)
				require.Contains(t, f.log.String(), test.second, "a flood at one server hides none at another")
			}
			f.log.Reset()
			f.now = f.now.Add(time.Minute - 1)
			fail(test.flood)
			fail(test.flood)
			require.Empty(t, f.log.String())
			f.now = f.now.Add(1)
			fail(test.flood)
			require.Contains(t, f.log.String(), fmt.Sprintf(test.line, 3))
			require.Equal(t, 1, strings.Count(f.log.String(), "\n"))
		})
	}
}

func TestOtherFailuresHaveALineEach(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.server.setError(errors.New("a cable is cut"))
	for range 3 {
		f.login("alice", rightPassword)
	}
	require.Equal(t, 3, strings.Count(f.log.String(), "login failed: username=alice "))
	require.Equal(t, 3, strings.Count(f.log.String(), `reason="a cable is cut"`))
}

func TestServerThatAFaultIsAboutIsNamed(t *testing.T) {
	t.Parallel()
	for want, fault := range map[string]error{
		"192.0.2.1:1812":     &radclient.NoAnswerError{Host: "192.0.2.1", Port: 1812},
		"[2001:db8::1]:1812": &radclient.FullError{Host: "2001:db8::1", Port: 1812},
		"192.0.2.3:1812":     &radclient.ProtocolError{Host: "192.0.2.3", Port: 1812},
		"radius.example:18":  &radclient.UnreachableError{Host: "radius.example", Port: 18},
		"ldap.example:389":   &directory.FullError{Server: "ldap.example:389"},
		"ldap.example:636":   &directory.UnavailableError{Server: "ldap.example:636"},
		"dc.example:636":     &directory.ConfigurationError{Server: "dc.example:636"},
		"":                   errBroken,
	} {
		require.Equal(t, want, serverOf(fmt.Errorf("a login: %w", fault)))
	}
}
