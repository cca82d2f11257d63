package login

import (
	"time"

	"github.com/hashicorp/go-hclog"

	"vault-plugin-auth-radius/internal/catalog"
	"vault-plugin-auth-radius/internal/challenge"
	"vault-plugin-auth-radius/internal/decision"
	"vault-plugin-auth-radius/internal/lockout"
	"vault-plugin-auth-radius/internal/passwd"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/throttle"
	"vault-plugin-auth-radius/internal/username"
	"vault-plugin-auth-radius/internal/users"
)

// Service decides who logs in, by all the rules: for Vault, for renewals and for
// FreeRADIUS. It never writes storage.
type Service struct {
	Users        *users.Cache
	Names        *username.Registry
	Sources      *source.Store
	Dictionaries *catalog.Dictionaries
	Profiles     *catalog.Profiles
	Lockouts     *lockout.Lockouts
	Challenges   *challenge.Sealer
	Hasher       *passwd.Hasher
	Known        *passwd.Known
	Floods       *throttle.Throttle  // of log lines
	Log          func() hclog.Logger // of the mount
	Clock        func() time.Time    // that profiles go by
	// Decided, if set, is called with each decision. It must not block.
	Decided func(decision.Decision)
}
