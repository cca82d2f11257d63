package radiusauth

import (
	"context"

	"layeh.com/radius"

	"vault-plugin-auth-radius/internal/passwd"
	"vault-plugin-auth-radius/internal/radclient"
)

// localChecker compares with the hash that is stored with the user. It computes
// one hash for every password, also if there is none to compare with, so that the
// time does not tell who exists.
type localChecker struct {
	hasher   *passwd.Hasher
	settings passwd.Settings // what a hash that is made now costs
	stored   string          // the user's hash; empty: there is none
}

// localSource is what checks the password that is stored with the user, who may
// be nil.
func (b *backend) localSource(settings *settings, user *userEntry) *source {
	c := &localChecker{hasher: b.hasher, settings: settings.config.hashSettings()}
	if user != nil {
		c.stored = user.PasswordHash
	}
	return &source{name: localSource, checker: c}
}

func (c *localChecker) wireName(name string) string { return name }

func (c *localChecker) describe(nas radius.Attributes, credentials radclient.Credentials) radius.Attributes {
	return radclient.RequestAttributes(nas, credentials)
}

func (c *localChecker) check(ctx context.Context, asked question) (answer, error) {
	refused := answer{Verdict: radclient.Verdict{Outcome: radclient.Reject, Server: localSource}}
	hash, err := passwd.Parse(c.stored)
	if err != nil { // there is none
		refused.Reason = "there is no password for this name here"
		return refused, c.hasher.VerifyNothing(ctx, c.settings, asked.Password)
	}
	same, err := c.hasher.Verify(ctx, hash, asked.Password)
	if !same || err != nil {
		refused.Reason = "the password is wrong"
		return refused, err
	}
	return answer{Verdict: radclient.Verdict{Outcome: radclient.Accept, Server: localSource}}, nil
}

func (c *localChecker) asks(string) bool { return false }

func (c *localChecker) status() []any { return nil }

func (c *localChecker) close() {}
