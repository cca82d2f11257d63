package soak

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// renewEvery is which part of the tokens is renewed before it is revoked.
const renewEvery = 3

// unrenewed is a number of a token that is not renewed.
const unrenewed = 1

// refusal is the text of every login that is refused.
const refusal = "access denied by the authentication server"

// kindOf returns a kind of request that needs a group's servers.
func kindOf(name, group string) kind {
	switch group {
	case restartedGroup:
		return kind{name: name, server: restartedServer, dependsOn: true}
	case failoverGroup: // goes on at the other server, and has no excuse
		return kind{name: name, server: restartedServer}
	}
	return kind{name: name}
}

// granted is the part of a login's answer that is used.
type granted struct {
	Auth struct {
		Token string `json:"client_token"`
	} `json:"auth"`
	Data struct {
		ChallengeID string `json:"challenge_id"`
	} `json:"data"`
}

// late is the text of a login that took too long.
const late = "the authentication server did not answer in time"

// loginError returns the error of a login, or a renewal, that is not answered as it had to be.
func (a answer) loginError(request string) error {
	err := a.unexpected(request)
	if strings.Contains(string(a.body), late) {
		return fmt.Errorf("%w: %w", errNotInTime, err)
	}
	return err
}

// login returns what logs the users of a group in.
func login(group string) func(l *load, n int) {
	return func(l *load, n int) {
		name := username(group, n)
		var given granted
		if l.measure(kindOf("login "+group, group), func() (err error) {
			given, err = l.logIn(name, map[string]any{"password": password(name)})
			return err
		}) {
			l.useToken(group, given.Auth.Token, n)
		}
	}
}

// logIn sends a step of a login, which has to succeed.
func (l *load) logIn(name string, body map[string]any) (granted, error) {
	a, err := l.vault.call(l.ctx, http.MethodPost, mount+"login/"+name, "", body)
	if err != nil {
		return granted{}, err
	}
	var given granted
	if a.status != http.StatusOK {
		return granted{}, a.loginError("login of " + name)
	}
	if err := a.decode(&given); err != nil {
		return granted{}, err
	}
	if given.Auth.Token == "" && given.Data.ChallengeID == "" {
		return granted{}, a.unexpected("login of " + name + ", without a token")
	}
	return given, nil
}

// useToken renews some tokens and revokes them all, so that their leases do not become more.
func (l *load) useToken(group, token string, n int) {
	if n%renewEvery == 0 {
		l.measure(kindOf(renewal(group), group), func() error {
			a, err := l.vault.call(l.ctx, http.MethodPost, "auth/token/renew-self", token, map[string]any{})
			if err == nil && a.status != http.StatusOK {
				err = a.loginError("renewal at " + group)
			}
			return err
		})
	}
	l.measure(kind{name: "revoke"}, func() error {
		a, err := l.vault.call(l.ctx, http.MethodPost, "auth/token/revoke-self", token, nil)
		if err == nil && a.status != http.StatusNoContent {
			err = a.unexpected("revocation at " + group)
		}
		return err
	})
}

// renewal returns the name of a group's renewals. Those that need the same are of one kind.
func renewal(group string) string {
	switch group {
	case papGroup, chapGroup, mschapGroup, radsecGroup, forgedGroup:
		return "renew, RADIUS"
	case challengeGroup:
		return "renew, without a password"
	}
	return "renew " + group
}

// loginWithCode logs a user in who is asked for a code.
func (l *load) loginWithCode(n int) {
	name := username(challengeGroup, n)
	var given granted
	if !l.measure(kind{name: "login challenge, password"}, func() (err error) {
		given, err = l.logIn(name, map[string]any{"password": password(name)})
		if err == nil && given.Data.ChallengeID == "" {
			err = errors.New("no code was asked for")
		}
		return err
	}) {
		return
	}
	if l.measure(kind{name: "login challenge, code"}, func() (err error) {
		given, err = l.logIn(name, map[string]any{"challenge_id": given.Data.ChallengeID, "password": code})
		if err == nil && given.Auth.Token == "" {
			err = errors.New("another code was asked for")
		}
		return err
	}) {
		l.useToken(challengeGroup, given.Auth.Token, n)
	}
}

// wrongPassword logs in with a wrong password, by turns at FreeRADIUS and of local users and strangers.
func (l *load) wrongPassword(n int) {
	names := []string{"stranger", "mallory-" + localGroup, "mallory"}
	l.refuse("login, wrong password", username(names[n%len(names)], n/len(names)))
}

// strangerAtForging logs in where forged answers accept.
func (l *load) strangerAtForging(n int) {
	l.refuse("login forged, wrong password", username(forgedGroup, n))
}

// refuse logs in with a wrong password, which has to be refused.
func (l *load) refuse(kindName, name string) {
	l.measure(kindOf(kindName, failoverGroup), func() error {
		a, err := l.vault.call(l.ctx, http.MethodPost, mount+"login/"+name, "", map[string]any{"password": "wrong"})
		switch {
		case err != nil:
			return err
		case a.status == http.StatusBadRequest && strings.Contains(string(a.body), refusal):
			return errRefused
		}
		return a.loginError("wrong password of " + name)
	})
}

// lookUpToken asks Vault for its own token: the plugin has no part in it.
func (l *load) lookUpToken(int) {
	l.measure(kind{name: "(Vault alone: lookup-self)", control: true}, func() error {
		_, err := l.vault.must(l.ctx, http.MethodGet, "auth/token/lookup-self", nil)
		return err
	})
}
