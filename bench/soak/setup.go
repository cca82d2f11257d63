package soak

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net/http"

	"vault-plugin-auth-radius/internal/directorytest"
)

const (
	policy         = "soak"
	profile        = "office"  // of those who log in: a write of it would end the renewals of their tokens
	writtenProfile = "written" // of those who do not renew
	passingProfile = "passing" // created and deleted all the time
	retention      = 60        // seconds: what accounting stores is deleted within two minutes
)

// Names of sources that are named for no group.
const (
	passingSource = "passing" // created and deleted all the time; its realm has the same name
	realmOfIt     = "@passing"
)

// write is one write of the set-up.
type write struct {
	path string
	body map[string]any
}

// setUp configures the mount.
func setUp(ctx context.Context, v *vault, s *servers) error {
	writes := []write{
		{mount + "profiles/" + profile, profileBody(profile, 3600)},
		{mount + "profiles/" + writtenProfile, profileBody(writtenProfile, 3600)},
		{mount + "config", s.config()},
		{mount + "freeradius/config", map[string]any{"retention": retention}},
		{sqlMount + "config", map[string]any{"extauth": "local"}},
		{sqlMount + "freeradius/config", map[string]any{
			"store": "postgres", "connection_url": s.database.URL("postgres"), "retention": retention,
		}},
	}
	for name, body := range s.sources() {
		writes = append(writes, write{mount + "extauth/" + name, body})
	}
	writes = append(writes, users()...)
	for _, w := range writes {
		if _, err := v.must(ctx, http.MethodPost, w.path, w.body); err != nil {
			return err
		}
	}
	return nil
}

// config is that of the mount: its servers are the restarted one, and another one for when that is away.
func (s *servers) config() map[string]any {
	return map[string]any{
		"host": s.restarted.Host(), "port": s.restarted.Port(), "secret": radiusSecret,
		"hosts":                      []any{map[string]any{"host": s.steady.Host(), "port": s.steady.Port()}},
		"read_timeout":               5,
		"password_hash_cost":         1,
		"lockout_threshold":          20,
		"lockout_duration":           10,
		"unregistered_user_policies": policy,
	}
}

// sources are the sources by name. Each group of users has the one of its name.
func (s *servers) sources() map[string]map[string]any {
	at := func(server interface {
		Host() string
		Port() int
	}, more map[string]any,
	) map[string]any {
		body := map[string]any{
			"type": "radius", "host": server.Host(), "port": server.Port(), "secret": radiusSecret,
			"nasid": "soak", "read_timeout": 5,
		}
		maps.Copy(body, more)
		return body
	}
	return map[string]map[string]any{
		papGroup:       at(s.steady, nil),
		chapGroup:      at(s.steady, map[string]any{"auth_protocol": "chap"}),
		mschapGroup:    at(s.steady, map[string]any{"auth_protocol": "mschapv2"}),
		challengeGroup: at(s.steady, map[string]any{"message_authenticator": "required"}),
		restartedGroup: at(s.restarted, map[string]any{"read_timeout": 2}), // less than an outage
		forgedGroup:    at(s.forging, map[string]any{"message_authenticator": "required"}),
		directoryGroup: {
			"type": "ldap", "host": s.directory.Host(), "port": s.directory.TLSPort(), "ssl": true,
			"ssl_cert": string(s.vault.Trusts.PEM()), "ldap_binddn": directorytest.People, "read_timeout": 5,
		},
		radsecGroup: {
			"type": "radius", "transport": "tls", "host": s.steady.Host(), "port": s.steady.TLSPort(), "nasid": "soak",
			"tls_ca_cert": string(s.vault.Trusts.PEM()), "read_timeout": 5,
			"tls_client_cert": string(s.vault.Certificate.PEM), "tls_client_key": string(s.vault.Certificate.KeyPEM),
		},
	}
}

// passing is the source that is created and deleted all the time.
func (s *servers) passing() map[string]any {
	body := s.sources()[papGroup]
	body["realms"], body["strip_realm"] = []string{passingSource}, true
	return body
}

// users are the writes of all users.
func users() (writes []write) {
	add := func(name string, body map[string]any) {
		body["policies"], body["profiles"] = policy, profile
		writes = append(writes, write{mount + "users/" + name, body})
	}
	for _, group := range radiusGroups {
		for n := range usersOfGroup {
			body := map[string]any{}
			if group != failoverGroup { // the config's own servers check these
				body["extauth"] = group
			}
			add(username(group, n), body)
		}
	}
	for n := range usersOfGroup {
		add(username(directoryGroup, n), map[string]any{"extauth": directoryGroup})
		name := username(localGroup, n)
		add(name, map[string]any{"extauth": "local", "password_hash": cheapHash(password(name))})
		name = username(argon2Group, n)
		add(name, map[string]any{"extauth": "local", "password": password(name)})
	}
	return writes
}

// cheapHash is a hash of a password that takes no time.
func cheapHash(password string) string {
	const salt = "soaksalt"
	sum := sha256.Sum256([]byte(password + salt))
	return "{SSHA256}" + base64.StdEncoding.EncodeToString(append(sum[:], salt...))
}

// profileBody is a profile that matches every user.
func profileBody(name string, sessionTimeout int) map[string]any {
	return map[string]any{
		"name": name, "short_name": name,
		"reply_attribute": []any{map[string]any{"attribute": "Session-Timeout", "op": ":=", "value": sessionTimeout}},
	}
}
