package login

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/catalog"
	"vault-plugin-auth-radius/internal/profile"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/users"
)

// ntHashOfPassword is the NT hash of "password".
const ntHashOfPassword = "8846f7eaee8fb117ad06bdd830b7586c"

// saveExposed stores a user whose NT hash FreeRADIUS may have. edit, which may be nil, changes
// it before.
func (f *fixture) saveExposed(name string, edit func(*users.User)) {
	f.t.Helper()
	f.saveUser(name, func(user *users.User) {
		user.Local, user.PasswordHash, user.Expose = true, "nt:"+ntHashOfPassword, true
		if edit != nil {
			edit(user)
		}
	})
}

func (f *fixture) expose(name string) (Outcome, []byte) {
	f.t.Helper()
	before := f.storage.writeCount()
	result, hash, err := f.service.Expose(f.t.Context(), f.storage, f.settings, Attempt{Username: name})
	require.NoError(f.t, err)
	require.Equal(f.t, before, f.storage.writeCount())
	return result, hash
}

// requireHidden asks for the hash of a user, in vain.
func (f *fixture) requireHidden(name string) {
	f.t.Helper()
	result, hash := f.expose(name)
	require.Nil(f.t, hash, name)
	require.Equal(f.t, &Refusal{Text: DeniedText}, shown(result.Refusal), name)
	require.Empty(f.t, result.Grant.Policies)
}

func TestHashOfAUserIsExposedWithWhatItsProfilesReply(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	id := f.saveProfile("wifi", func(p *catalog.Profile) { p.Reply = []profile.Item{itemOf("Filter-Id", ":=", "staff")} })
	f.saveExposed("carol", func(u *users.User) { u.Policies, u.Profiles = []string{"dev"}, []int64{id} })
	result, hash := f.expose("carol")
	require.Nil(t, result.Refusal)
	require.Equal(t, ntHashOfPassword, hex.EncodeToString(hash))
	require.Equal(t, "carol", result.Name)
	require.Equal(t, radclient.Accept, result.Answer.Outcome)
	require.Equal(t, source.Local, result.Answer.Server)
	require.Equal(t, []string{"staff"}, result.Grant.Groups([]string{"Filter-Id"}))
	require.Empty(t, f.server.takeQueried(), "nothing is asked")
}

func TestHashIsHiddenUnlessTheUserSaysSo(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	id, _ := f.saveSource("branch", source.TypeRADIUS, nil)
	for about, edit := range map[string]func(*users.User){
		"not exposed":     func(u *users.User) { u.Expose = false },
		"no NT hash":      func(u *users.User) { u.PasswordHash = "$2b$10$" + strings.Repeat("a", 53) },
		"no hash":         func(u *users.User) { u.PasswordHash = "" },
		"a damaged hash":  func(u *users.User) { u.PasswordHash = "nt:8846" },
		"another source":  func(u *users.User) { u.Local, u.Source = false, id },
		"the config's":    func(u *users.User) { u.Local = false },
		"disabled":        func(u *users.User) { u.Disabled = true },
		"already expired": func(u *users.User) { past := fixtureTime.Add(-time.Minute); u.ExpiresAt = &past },
	} {
		f.saveExposed("carol", edit)
		f.log.Reset()
		f.requireHidden("carol")
		require.NotContains(t, f.log.String(), ntHashOfPassword, about)
	}
	f.requireHidden("stranger")
	require.Empty(t, f.server.takeQueried())
}

func TestHashOfALockedNameIsHidden(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.LockoutThreshold = 1 })
	f.saveExposed("carol", nil)
	_, hash := f.expose("carol")
	require.NotNil(t, hash)
	require.NotNil(t, f.login("carol", "wrong").Refusal)
	f.requireHidden("carol")
	require.Contains(t, f.log.String(), lockedReason.Text)
}

func TestHashOfALoginThatTheProfilesRefuseIsNoAccept(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	office := f.saveChecked("office", itemOf("Login-Time", ":=", "Wk1300-1800"))
	f.saveExposed("carol", func(u *users.User) { u.Profiles = []int64{office} })
	result, hash := f.expose("carol")
	require.Equal(t, &Refusal{Text: DeniedText}, shown(result.Refusal))
	require.Nil(t, hash)
	require.Contains(t, f.log.String(), "profile office: Login-Time")
	f.now = f.now.Add(2 * time.Hour)
	result, hash = f.expose("carol")
	require.Nil(t, result.Refusal)
	require.NotNil(t, hash)
}

func TestFaultsWhileAHashIsLookedForExposeNothing(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{source.KeyPrefix, users.KeyPrefix + "carol", catalog.DictionaryKeyPrefix} {
		f := newFixture(t, nil)
		f.saveExposed("carol", nil)
		f.service.Sources.Drop()
		f.service.Dictionaries.Drop()
		f.storage.breakKeys(prefix)
		_, hash, err := f.service.Expose(t.Context(), f.storage, f.settings, Attempt{Username: "carol"})
		require.ErrorIs(t, err, ErrReadFault, prefix)
		require.Nil(t, hash, prefix)
	}
}

// It is like a source that is away.
func TestHashIsHiddenWhileItIsNotKnownWhichUsersThereAre(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.saveExposed("carol", nil)
	f.storage.breakKeys(users.KeyPrefix)
	result, hash := f.expose("carol")
	require.Equal(t, &Refusal{Text: NoAnswerText, Unanswered: true}, shown(result.Refusal))
	require.Nil(t, hash)
}

func TestNameThatIsNotValidExposesNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	_, hash, err := f.service.Expose(t.Context(), f.storage, f.settings, Attempt{})
	require.True(t, IsInputError(err))
	require.Nil(t, hash)
}
