package soak

import (
	"fmt"
	"net/http"
)

// http200 is the status of a read.
const http200 = http.StatusOK

// rewritten are the sources that are written while their users log in.
var rewritten = []string{
	papGroup, chapGroup, mschapGroup, radsecGroup, challengeGroup, restartedGroup, forgedGroup, directoryGroup,
}

// write is a write, or a deletion, that has to succeed.
func (l *load) write(name, method, path string, body any) {
	l.measure(kind{name: name}, func() error {
		_, err := l.vault.must(l.ctx, method, mount+path, body)
		return err
	})
}

// writeConfig writes the config: the clients of its servers are made anew.
func (l *load) writeConfig(n int) {
	l.write("config write", http.MethodPost, "config", map[string]any{"nas_identifier": fmt.Sprintf("gate-%d", n%2)})
}

// writeStore writes where sessions are kept: the connections to PostgreSQL are made anew.
func (l *load) writeStore(n int) {
	l.measure(kind{name: "store write"}, func() error {
		_, err := l.vault.must(l.ctx, http.MethodPost, sqlMount+"freeradius/config", map[string]any{"retention": retention + n%2})
		return err
	})
}

// writeSource writes one source after another: their clients are made anew.
func (l *load) writeSource(n int) {
	name := rewritten[n%len(rewritten)]
	field, value := "nasid", any(fmt.Sprintf("soak-%d", n/len(rewritten)%2))
	if name == directoryGroup {
		field, value = "read_timeout", 5+n/len(rewritten)%2
	}
	body := map[string]any{field: value}
	l.write("source write", http.MethodPost, "extauth/"+name, body)
}

// passSource creates a source, logs a user in there, and deletes it.
func (l *load) passSource(n int) {
	l.write("source create", http.MethodPost, "extauth/"+passingSource, l.servers.passing())
	name := username(papGroup, n)
	var given granted
	if l.measure(kind{name: "login at a new source"}, func() (err error) {
		given, err = l.logIn(name+realmOfIt, map[string]any{"password": password(name)})
		return err
	}) {
		l.useToken(papGroup, given.Auth.Token, unrenewed)
	}
	l.write("source delete", http.MethodDelete, "extauth/"+passingSource, nil)
}

// writeProfile changes a profile that decides meanwhile.
func (l *load) writeProfile(n int) {
	l.write("profile write", http.MethodPost, "profiles/"+writtenProfile, profileBody(writtenProfile, 3600+n%60))
}

// passProfile creates a profile and deletes it.
func (l *load) passProfile(int) {
	l.write("profile create", http.MethodPost, "profiles/"+passingProfile, profileBody(passingProfile, 60))
	l.write("profile delete", http.MethodDelete, "profiles/"+passingProfile, nil)
}

// writeUser changes a user who logs in meanwhile.
func (l *load) writeUser(n int) {
	body := map[string]any{"first_name": fmt.Sprint(n % 100)}
	l.write("user write", http.MethodPatch, "users/"+username(papGroup, n), body)
}

// changePassword registers a user with a new password, logs in with it, and is refused with another.
func (l *load) changePassword(n int) {
	const name = "changing"
	body := map[string]any{
		"extauth": "local", "policies": policy, "profiles": writtenProfile,
		"password_hash": cheapHash(password(fmt.Sprint(n))),
	}
	l.write("user password", http.MethodPost, "users/"+name, body)
	var given granted
	if l.measure(kind{name: "login, new password"}, func() (err error) {
		given, err = l.logIn(name, map[string]any{"password": password(fmt.Sprint(n))})
		return err
	}) {
		l.useToken(localGroup, given.Auth.Token, unrenewed)
	}
	l.refuse("login, old password", name)
	l.write("user delete", http.MethodDelete, "users/"+name, nil)
}

// read returns what reads a path of the mount.
func read(path string, status int) func(l *load, n int) {
	return func(l *load, _ int) {
		l.measure(kind{name: "read " + path}, func() error {
			a, err := l.vault.call(l.ctx, http.MethodGet, mount+path, rootToken, nil)
			if err == nil && a.status != status {
				err = a.unexpected(path)
			}
			return err
		})
	}
}

// listUsers lists a page of users.
func (l *load) listUsers(int) {
	l.measure(kind{name: "list users"}, func() error {
		_, err := l.vault.must(l.ctx, "LIST", mount+"users?limit=50", nil)
		return err
	})
}
