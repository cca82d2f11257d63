package source

import (
	"context"
	"errors"
	"time"

	"layeh.com/radius"

	"vault-plugin-auth-radius/internal/passwd"
	"vault-plugin-auth-radius/internal/radclient"
)

// MaxLocalWait is how long a login waits for others before its password is checked here.
const MaxLocalWait = 1500 * time.Millisecond

// localChecker compares with the hash that is stored with the user. A wrong password
// takes no less time than a hash at the config's cost, also if there is no hash to
// compare with, or a cheaper hash, so that the time does not reveal which users exist, or
// belong to a batch.
type localChecker struct {
	local  Passwords
	name   string // of the user
	stored string // the user's hash; empty: there is none
}

// Passwords are what checks the passwords of a mount.
type Passwords struct {
	Hasher   *passwd.Hasher
	Known    *passwd.Known
	Settings passwd.Settings // of a hash that is made now
}

// NewLocal returns the source that compares with the hash that is stored for a name; "" is none.
func NewLocal(local Passwords, name, hash string) *Source {
	return &Source{Name: Local, Checker: &localChecker{local: local, name: name, stored: hash}}
}

func (c *localChecker) WireName(name string) string { return name }

func (c *localChecker) Describe(nas radius.Attributes, credentials radclient.Credentials) radius.Attributes {
	return radclient.RequestAttributes(nas, credentials)
}

func (c *localChecker) Check(ctx context.Context, query Query) (Answer, error) {
	accepted := Answer{Verdict: radclient.Verdict{Outcome: radclient.Accept, Server: Local}}
	refused := Answer{Verdict: radclient.Verdict{Outcome: radclient.Reject, Server: Local}}
	hash, err := c.hash()
	if err != nil {
		refused.Reason = err.Error()
		return refused, c.local.Hasher.VerifyDummy(ctx, query.Caller, c.local.Settings, query.Password)
	}
	if c.local.Known.Has(c.name, hash, query.Password, query.Caller.KnownFor) {
		accepted.Remembered = true
		return accepted, nil
	}
	same, err := c.local.Hasher.VerifyAtLeast(ctx, query.Caller, c.local.Settings, hash, query.Password)
	if !same || err != nil {
		refused.Reason = "the password is wrong"
		return refused, err
	}
	if query.Caller.KnownFor > 0 {
		c.local.Known.Add(c.name, hash, query.Password)
	}
	return accepted, nil
}

// makeUp takes what an accept lacks of the time of a wrong password, for a login that is refused all
// the same: all of it if the password was remembered, and what comes on top of a cheap hash.
func (c *localChecker) makeUp(ctx context.Context, caller passwd.Caller, password string, remembered bool) error {
	hash, err := c.hash()
	switch {
	case err != nil:
		return nil // such a user is not accepted
	case remembered:
		return c.local.Hasher.VerifyInVain(ctx, caller, c.local.Settings, hash, password)
	case c.local.Settings.MakesDearer(hash):
		return c.local.Hasher.VerifyDummy(ctx, caller, c.local.Settings, password)
	}
	return nil
}

// errNoPassword is why a user without a hash is refused.
var errNoPassword = errors.New("there is no password for this name here")

// hash returns the hash to compare with, or why there is none.
func (c *localChecker) hash() (passwd.Hash, error) {
	hash, err := passwd.Parse(c.stored)
	if err != nil {
		return passwd.Hash{}, errNoPassword
	}
	return hash, hash.CheckFIPS()
}

// checkInVain takes the time that check takes for a wrong password, for a login that is
// refused anyway: else the right password would show by its time.
func (c *localChecker) checkInVain(ctx context.Context, caller passwd.Caller, password string) error {
	hash, err := c.hash()
	if err != nil {
		return c.local.Hasher.VerifyDummy(ctx, caller, c.local.Settings, password)
	}
	return c.local.Hasher.VerifyInVain(ctx, caller, c.local.Settings, hash, password)
}

func (c *localChecker) Serves(string) bool { return false }

func (c *localChecker) Close() {}
