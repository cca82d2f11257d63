package radiusauth

import (
	"context"
	"time"

	"layeh.com/radius"

	"vault-plugin-auth-radius/internal/passwd"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/users"
)

// maxLocalWait is how long a login waits for others before its password is checked here.
const maxLocalWait = 1500 * time.Millisecond

// localChecker compares with the hash that is stored with the user. A wrong password
// takes no less time than a hash at the config's cost, also if there is no hash to
// compare with, or a cheaper one, so that the time does not tell who exists, or which
// users are a batch's.
type localChecker struct {
	hasher   *passwd.Hasher
	settings passwd.Settings // what a hash that is made now costs
	stored   string          // the user's hash; empty: there is none
}

// localSource is what checks the password that is stored with the user, who may
// be nil.
func (b *backend) localSource(settings *settings, user *users.User) *source {
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
		return refused, c.hasher.VerifyDummy(ctx, asked.caller, c.settings, asked.Password)
	}
	same, err := c.hasher.VerifyAtLeast(ctx, asked.caller, c.settings, hash, asked.Password)
	if !same || err != nil {
		refused.Reason = "the password is wrong"
		return refused, err
	}
	return answer{Verdict: radclient.Verdict{Outcome: radclient.Accept, Server: localSource}}, nil
}

// checkInVain takes the time that check takes for a wrong password, for a login that is
// refused anyway: else the right password would show by its time.
func (c *localChecker) checkInVain(ctx context.Context, caller passwd.Caller, password string) error {
	hash, err := passwd.Parse(c.stored)
	if err != nil { // there is none
		return c.hasher.VerifyDummy(ctx, caller, c.settings, password)
	}
	return c.hasher.VerifyInVain(ctx, caller, c.settings, hash, password)
}

func (c *localChecker) asks(string) bool { return false }

func (c *localChecker) status() []any { return nil }

func (c *localChecker) close() {}
