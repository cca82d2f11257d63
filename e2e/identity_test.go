package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOneAccountIsOneUserHoweverItIsTyped(t *testing.T) {
	t.Parallel()
	s := startIdentityServers(t)
	for _, kind := range []string{"OpenLDAP", "MariaDB"} {
		t.Run(kind, func(t *testing.T) { s.testSpellings(t, kind) })
	}
	t.Run("letters without a decomposition", s.testLetters)
	t.Run("lockout", s.testLockout)
	t.Run("names in any case", s.testCaseInsensitive)
}

func (s *identityServers) testSpellings(t *testing.T, kind string) {
	t.Run("a user who may not log in", func(t *testing.T) {
		m := s.mount(t, kind, nil)
		m.profile()
		for account, fields := range map[string]map[string]any{
			"alice":  {"enabled": false},
			"alicia": {"expires_at": "2020-01-01"},
			"boris":  {"profiles": "nowhere"},
		} {
			m.user(account, fields)
			t.Run(account, func(t *testing.T) {
				m := m.in(t)
				m.refuse(accountPassword, denied(account)...)
				m.refuse(accountPassword, spellings(account)...)
			})
		}
	})
	t.Run("a user with a source of its own", func(t *testing.T) {
		m := s.mount(t, kind, map[string]any{"password_hash_cost": 1, "password_hash_algorithm": "argon2id"})
		m.user("carol", map[string]any{"extauth": "local", "password": "carols-own-password", "policies": "boss"})
		require.Contains(t, m.accept("carol", "carols-own-password").TokenPolicies, "boss")
		m.refuse(accountPassword, denied("carol")...)
		m.refuse(accountPassword, spellings("carol")...)
		m.refuse("carols-own-password", spellings("carol")...)
	})
	t.Run("a user with policies", func(t *testing.T) {
		m := s.mount(t, kind, nil)
		m.user("dora", map[string]any{"policies": "x"})
		require.Contains(t, m.accept("dora", accountPassword).TokenPolicies, "x")
		m.refuse(accountPassword, spellings("dora")...)
		require.Contains(t, m.accept("emil", accountPassword).TokenPolicies, "stranger", "another account")
		m.log.await(t, "registered as dora")
	})
	t.Run("registered twice", func(t *testing.T) {
		m := s.mount(t, kind, nil)
		m.user("frida", map[string]any{"policies": "x"})
		for _, name := range []string{"FRIDA", "Frida", "fRIDA"} {
			status, text := m.refused(m.path+"/users/"+name, map[string]any{"policies": "y"})
			require.Equal(t, http.StatusConflict, status, text)
			require.Contains(t, text, name)
			require.Contains(t, text, "frida")
		}
		listed, err := m.Client.Logical().List(m.path + "/users")
		require.NoError(t, err)
		require.Equal(t, []any{"frida"}, listed.Data["keys"], "nothing is stored")
		m.user("frida", map[string]any{"policies": "z"})
		require.Contains(t, m.accept("frida", accountPassword).TokenPolicies, "z")
		_, err = m.Client.Logical().Delete(m.path + "/users/frida")
		require.NoError(t, err)
		m.user("FRIDA", map[string]any{"policies": "y"})
		require.Contains(t, m.accept("FRIDA", accountPassword).TokenPolicies, "y")
		m.refuse(accountPassword, denied("frida", "Frida")...)
	})
	t.Run("realms are stripped", func(t *testing.T) { s.testStrippedRealms(t, kind) })
	t.Run("realms of a source", func(t *testing.T) {
		m := s.mount(t, kind, nil)
		m.write(m.path+"/extauth", map[string]any{
			"type": "radius", "name": "g", "host": s.radius[kind].Host(), "port": s.radius[kind].Port(), "nasid": "vault", "secret": radiusSecret,
			"realms": "g", "strip_realm": true,
		})
		m.user("hanna@g", map[string]any{"enabled": false})
		m.refuse(accountPassword, denied("hanna@g", "hanna@g@g", `G\hanna`, "hanna@G", `g\hanna`, `g\hanna@g`, `G\hanna@G`, "hanna@g@G@g")...)
		m.refuse(accountPassword, denied("HANNA@g", `G\HANNA`)...)
		m.user("hanna@g", map[string]any{"policies": "x", "enabled": true})
		entity := m.accept("hanna@g", accountPassword).EntityID
		for _, name := range []string{"hanna@G", `G\hanna`, "hanna@g@g"} {
			auth := m.accept(name, accountPassword)
			require.Equal(t, "hanna@g", auth.Metadata["username"], name)
			require.Equal(t, entity, auth.EntityID, name)
			require.Contains(t, auth.TokenPolicies, "x", name)
		}
	})
	t.Run("realm of the config", func(t *testing.T) {
		m := s.mount(t, kind, map[string]any{"realm": "g"})
		m.user("hanna", map[string]any{"enabled": false})
		m.refuse(accountPassword, denied("hanna", "hanna@g", `G\hanna`, "HANNA@g", "HANNA")...)
		m.user("hanna", map[string]any{"policies": "x", "enabled": true})
		entity := m.accept("hanna", accountPassword).EntityID
		auth := m.accept("hanna@g", accountPassword)
		require.Equal(t, "hanna", auth.Metadata["username"])
		require.Equal(t, entity, auth.EntityID)
		require.Contains(t, auth.TokenPolicies, "x")
	})
	t.Run("renewal", func(t *testing.T) {
		for _, renewal := range []string{"reauthenticate", "recheck"} {
			t.Run(renewal, func(t *testing.T) {
				m := s.mount(t, kind, map[string]any{"renewal": renewal})
				upper, stranger := m.accept("INES", accountPassword), m.accept("josef", accountPassword)
				require.Empty(t, m.renew(upper))
				m.user("ines", map[string]any{"enabled": false})
				require.NotEmpty(t, m.renew(upper), "ines may not log in any more")
				require.Empty(t, m.renew(stranger))
			})
		}
	})
	t.Run("freeradius", func(t *testing.T) {
		m := s.mount(t, kind, nil)
		m.write(m.path+"/freeradius/config", map[string]any{"use_radius_sources": true})
		m.user("karin", map[string]any{"policies": "x"})
		require.Equal(t, http.StatusOK, m.authorize("karin"))
		var accepted []string
		for _, each := range spellings("karin") {
			if m.authorize(each.typed) == http.StatusOK {
				accepted = append(accepted, fmt.Sprintf("%+q", each.typed))
			}
		}
		require.Empty(t, accepted)
		m.user("karin", map[string]any{"enabled": false})
		require.NotEqual(t, http.StatusOK, m.authorize("karin"))
	})
}

// testStrippedRealms checks that what the server is asked about is who it is.
func (s *identityServers) testStrippedRealms(t *testing.T, kind string) {
	forms := func(name string) []string {
		return []string{name + "@x", `X\` + name, name + "@r0", name + "@r1.example.org"}
	}
	t.Run("a user with policies", func(t *testing.T) {
		m := s.mount(t, kind, map[string]any{"strip_realm": true})
		m.user("dora", map[string]any{"policies": "x"})
		entity := m.accept("dora", accountPassword).EntityID
		for _, name := range forms("dora") {
			auth := m.accept(name, accountPassword)
			require.Equal(t, "dora", auth.Metadata["username"], name)
			require.Equal(t, entity, auth.EntityID, name)
			require.Contains(t, auth.TokenPolicies, "x", name)
			require.NotContains(t, auth.TokenPolicies, "stranger", name)
		}
		aliases := m.read("identity/entity/id/" + entity)["aliases"].([]any)
		require.Len(t, aliases, 1)
		require.Equal(t, "dora", aliases[0].(map[string]any)["name"])
		m.refuse(accountPassword, denied("DORA@x", `X\DORA`)...)
	})
	t.Run("one who is not registered", func(t *testing.T) {
		m := s.mount(t, kind, map[string]any{"strip_realm": true})
		entity := m.accept("emil", accountPassword).EntityID
		for _, name := range forms("emil") {
			require.Equal(t, entity, m.accept(name, accountPassword).EntityID, name)
		}
	})
	t.Run("users who may not log in", func(t *testing.T) {
		m := s.mount(t, kind, map[string]any{"strip_realm": true, "password_hash_cost": 1, "password_hash_algorithm": "argon2id"})
		m.profile()
		for account, fields := range map[string]map[string]any{
			"alice":  {"enabled": false},
			"alicia": {"expires_at": "2020-01-01"},
			"boris":  {"profiles": "nowhere"},
			"carol":  {"extauth": "local", "password": "carols-own-password"},
		} {
			m.user(account, fields)
			t.Run(account, func(t *testing.T) {
				m := m.in(t)
				m.refuse(accountPassword, denied(account)...)
				m.refuse(accountPassword, denied(forms(account)...)...)
			})
		}
	})
	t.Run("what is no realm", func(t *testing.T) {
		m := s.mount(t, kind, map[string]any{"strip_realm": true})
		m.refuse(accountPassword, denied(`greta/app\maria`, "maria@greta/app", `greta app\maria`, "maria@greta app")...)
	})
	t.Run("renewal", func(t *testing.T) {
		for _, renewal := range []string{"reauthenticate", "recheck"} {
			t.Run(renewal, func(t *testing.T) {
				m := s.mount(t, kind, map[string]any{"strip_realm": true, "renewal": renewal})
				m.user("ines", map[string]any{"policies": "x"})
				auth, unregistered := m.accept("ines@x", accountPassword), m.accept(`X\josef`, accountPassword)
				require.Empty(t, m.renew(auth))
				m.user("ines", map[string]any{"policies": "x", "enabled": false})
				m.user("josef", map[string]any{"enabled": false, "policies": "stranger"})
				require.NotEmpty(t, m.renew(auth), "ines may not log in any more")
				require.NotEmpty(t, m.renew(unregistered), "nor josef")
			})
		}
	})
	t.Run("freeradius", func(t *testing.T) {
		m := s.mount(t, kind, map[string]any{"strip_realm": true})
		m.write(m.path+"/freeradius/config", map[string]any{"use_radius_sources": true})
		m.user("karin", map[string]any{"extauth": "local"})
		for _, name := range append(forms("karin"), "karin") {
			require.Equal(t, http.StatusNoContent, m.authorize(name), name)
		}
	})
}

// testLetters has letters, digits and marks that MariaDB takes for others, or for
// nothing, by the Unicode Collation Algorithm, and that no decomposition parts.
func (s *identityServers) testLetters(t *testing.T) {
	typed := map[string][]string{
		"dora":   {"đora", "døra", "ꝺora", "do\u0640ra", "do\u0903ra"},
		"maria7": {"maria\u0667", "maria\u096d"},
	}
	for account, names := range typed {
		t.Run(account, func(t *testing.T) {
			m := s.mount(t, "MariaDB", nil)
			for _, name := range names {
				m.accept(name, accountPassword) // or the rest would show nothing
			}
			m.user(account, map[string]any{"enabled": false})
			var all []spelling
			for _, name := range names {
				all = append(all, spelling{typed: name})
			}
			m.refuse(accountPassword, all...)
		})
	}
}

// testLockout counts what reaches the server, which takes all spellings for one.
func (s *identityServers) testLockout(t *testing.T) {
	const threshold = 5
	for account, registered := range map[string]bool{"louise": true, "lucie": false} {
		name := "not registered"
		if registered {
			name = "registered"
		}
		t.Run(name, func(t *testing.T) {
			m := s.mount(t, "MariaDB", map[string]any{"lockout_threshold": threshold})
			if registered {
				m.user(account, map[string]any{"policies": "x"})
			}
			auth := m.accept(account, accountPassword)
			before := s.answers(t, account)
			require.Equal(t, "1", before)
			typed := append([]string{account}, accentedSpellings(account)...)
			typed = append(typed, strings.ToUpper(account), strings.ToUpper(account[:1])+account[1:])
			require.Greater(t, len(typed), 20)
			for _, name := range typed {
				for range threshold - 1 {
					_, status, _ := m.try(name, "wrong")
					require.Equal(t, http.StatusBadRequest, status, name)
				}
			}
			if registered {
				// What is refused without asking is not counted: it takes one more.
				_, status, _ := m.try(account, "wrong")
				require.Equal(t, http.StatusBadRequest, status)
			}
			guesses := s.answers(t, account)
			require.Equal(t, fmt.Sprint(threshold+1), guesses, "the first, and the guesses that reached the server")
			m.refuse(accountPassword, denied(account)...)
			require.Equal(t, guesses, s.answers(t, account), "the account is locked")
			require.Empty(t, m.renew(auth), "guesses of others end no access")
		})
	}
}

// accentedSpellings are 20 of a name with an accent or two.
func accentedSpellings(name string) []string {
	accents := map[byte][]string{
		'o': {"ò", "ó", "ô", "õ", "ö"}, 'u': {"ù", "ú", "û", "ü", "ũ"},
		'i': {"ì", "í", "î", "ï", "ĩ"}, 'e': {"è", "é", "ê", "ë", "ẽ"},
	}
	var all []string
	add := func(text string) {
		for at := range len(text) {
			for _, accented := range accents[text[at]] {
				all = append(all, text[:at]+accented+text[at+1:])
			}
		}
	}
	add(name)
	for _, once := range all[:5] {
		add(once)
	}
	return all[:20]
}

// testCaseInsensitive checks that both names of the field do the same.
func (s *identityServers) testCaseInsensitive(t *testing.T) {
	const own, builtIn = "case_insensitive_usernames", "case_insensitive_names"
	for _, field := range []string{own, builtIn} {
		t.Run(field, func(t *testing.T) {
			m := s.mount(t, "MariaDB", map[string]any{field: true})
			config := m.read(m.path + "/config")
			require.Equal(t, true, config[own])
			require.Equal(t, true, config[builtIn])
			m.user("NADIA", map[string]any{"policies": "x"})
			entity := m.accept("nadia", accountPassword).EntityID
			for _, name := range []string{"NADIA", "Nadia"} {
				auth := m.accept(name, accountPassword)
				require.Equal(t, "nadia", auth.Metadata["username"])
				require.Equal(t, entity, auth.EntityID)
				require.Contains(t, auth.TokenPolicies, "x")
			}
			m.refuse(accountPassword, denied("nádia", "NÁDIA")...)
			m.user("nadia", map[string]any{"enabled": false})
			m.refuse(accountPassword, denied("nadia", "NADIA")...)

			status, text := m.refused(m.path+"/config", map[string]any{own: true, builtIn: false})
			require.Equal(t, http.StatusBadRequest, status, text)
			require.Contains(t, text, own)
			require.Contains(t, text, builtIn)
			require.Equal(t, true, m.read(m.path + "/config")[builtIn], "nothing has changed")
			m.write(m.path+"/config", map[string]any{own: true, builtIn: true})
			m.write(m.path+"/config", map[string]any{field: false})
			config = m.read(m.path + "/config")
			require.Equal(t, false, config[own])
			require.Equal(t, false, config[builtIn])
			require.Equal(t, "OLGA", m.accept("OLGA", accountPassword).Metadata["username"])
		})
	}
}
