// Package radiusauth is a Vault auth method that logs users in with RADIUS.
//
// It takes the place of Vault's built-in radius method: the same paths, fields
// and stored bytes, so that a mount can be upgraded in place and rolled back.
package radiusauth

import (
	"context"
	"errors"
	"fmt"
	"net/rpc"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/helper/errutil"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/acct"
	"vault-plugin-auth-radius/internal/attempts"
	"vault-plugin-auth-radius/internal/batch"
	"vault-plugin-auth-radius/internal/catalog"
	"vault-plugin-auth-radius/internal/challenge"
	"vault-plugin-auth-radius/internal/decision"
	"vault-plugin-auth-radius/internal/directory"
	"vault-plugin-auth-radius/internal/gate"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/lockout"
	"vault-plugin-auth-radius/internal/login"
	"vault-plugin-auth-radius/internal/metrics"
	"vault-plugin-auth-radius/internal/passwd"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/throttle"
	"vault-plugin-auth-radius/internal/username"
	"vault-plugin-auth-radius/internal/users"
)

// operationPrefix starts the names of this method's operations in OpenAPI
// documents, as it does for the built-in method.
const operationPrefix = "radius"

// Factory returns a mount of the method; it is a [logical.Factory].
func Factory(ctx context.Context, conf *logical.BackendConfig) (logical.Backend, error) {
	return NewMounts().Factory(ctx, conf)
}

// backend is a mount of the method.
//
// Its locks are taken in this order, and released by defer:
//
//  1. that of batches, by what creates and deletes batches;
//  2. references, shared by writes that assign a name, a profile or a source to a
//     user, and alone by writes of the config, profiles, sources and dictionaries:
//     these change what users refer to, and what their names mean;
//  3. the lock of a name in users, by what changes the user;
//  4. a cache's own, which guards its memory only and is not held while storage or
//     another room is called.
//
// A login takes the last kind only: it waits for no write.
type backend struct {
	*framework.Backend

	references sync.RWMutex

	requests *gate.Gate // of all mounts of the process

	settings     *settingsCache
	names        *username.Registry
	users        *users.Cache
	dictionaries *catalog.Dictionaries
	profiles     *catalog.Profiles
	sources      *source.Store
	logins       *login.Service
	batches      *batch.Store
	records      *recordsCache
	attempts     *attempts.Log
	faults       storeFaults
	hashes       *hashScan
	metrics      *metrics.Metrics

	postAuthWrites postAuthWrites
}

func newBackend() *backend {
	b := &backend{
		requests:     gate.New(),
		users:        users.NewCache(),
		dictionaries: &catalog.Dictionaries{},
		hashes:       newHashScan(),
		attempts:     attempts.New(defaultConfig().AttemptsKept),
		metrics:      metrics.New(Version()),
	}
	b.records = newRecordsCache(b.metrics)
	b.names = username.NewRegistry(b.namesRead, b.readingPanicked)
	b.sources = source.NewStore(b.openSource)
	b.profiles = catalog.NewProfiles(b.dictionaries, b.profileWarning, b.readingPanicked)
	b.dictionaries.OnInvalid = b.dictionaryMisfit
	b.logins = &login.Service{
		Users:        b.users,
		Names:        b.names,
		Sources:      b.sources,
		Dictionaries: b.dictionaries,
		Profiles:     b.profiles,
		Lockouts:     lockout.New(lockout.Names),
		Challenges:   challenge.NewSealer(),
		Hasher:       passwd.NewHasher(0, source.MaxLocalWait),
		Known:        passwd.NewKnown(time.Now),
		Floods:       throttle.New(time.Minute, time.Now),
		Log:          func() hclog.Logger { return b.Logger() },
		Clock:        time.Now,
		Decided:      b.decided,
	}
	b.users.OnDrop = b.logins.Known.Forget
	b.settings = newSettingsCache(b.dictionaries, b.serverChanged, b.boundMemory)
	b.records.warn = b.recordsWarning
	b.batches = b.newBatchStore()
	b.Backend = &framework.Backend{
		Help:           backendHelp,
		BackendType:    logical.TypeCredential,
		RunningVersion: Version(),
		PathsSpecial: &logical.Paths{
			Unauthenticated: []string{"login", "login/*"},
			Root:            []string{"explain"},
			SealWrapStorage: sealWrapped,
			LocalStorage:    []string{"acct/", "postauth/"},
		},
		Paths: slices.Concat(
			forwarded(
				b.pathConfig(),
				b.pathUser(),
				b.pathUsersList(),
				b.pathProfiles(),
				b.pathProfile(),
				b.pathCustomDictionaries(),
				b.pathCustomDictionary(),
				b.pathSources(),
				b.pathSource(),
				b.pathFreeRADIUSConfig(),
				b.pathBatches(),
				b.pathBatch(),
			),
			forwardedByStandbys(
				b.pathPostAuth(),
				b.pathAccounting(),
			),
			[]*framework.Path{
				b.pathLogin(),
				b.pathProfileTry(),
				b.pathAttributes(),
				b.pathAttribute(),
				b.pathSourceVerify(),
				b.pathAuthorize(),
				b.pathUnlockList(),
				b.pathUnlock(),
				b.pathStatus(),
				b.pathExplain(),
				b.pathAttempts(),
				b.pathMetrics(),
			},
		),
		AuthRenew:      b.loginRenew,
		InitializeFunc: b.initialize,
		Invalidate:     b.invalidate,
		PeriodicFunc:   b.periodic,
		Clean: func(context.Context) {
			b.names.Close()
			b.hashes.close()
			b.profiles.Close()
			b.settings.drop()
			b.sources.Close()
			b.records.drop()
			b.logins.Known.Clear()
		},
	}
	return b
}

// initialize makes what logins need and may not write. This server may not be able to write
// either: then the active server does, or the next write of the config.
func (b *backend) initialize(ctx context.Context, req *logical.InitializationRequest) error {
	if err := b.logins.Challenges.EnsureKey(ctx, vaultStorage{req.Storage}); err != nil {
		b.Logger().Debug("the challenge key was not made now", "error", err)
	}
	if rules, err := b.rules(ctx, vaultStorage{req.Storage}); err == nil { // else the first login tries again
		b.names.Start(users.Stored{Storage: vaultStorage{req.Storage}}, rules)
	}
	b.warnInFIPSMode(ctx, vaultStorage{req.Storage})
	return nil
}

// maxMaintained is how many batches of records are closed or deleted in a minute:
// more would delay requests.
const maxMaintained = 20

// periodic is called every minute on the active server.
func (b *backend) periodic(ctx context.Context, req *logical.Request) error {
	return errors.Join(b.batches.Clean(ctx, storageOf(req)), b.keepRecords(ctx, storageOf(req)))
}

// keepRecords maintains the records, and counts the sessions that are open then.
func (b *backend) keepRecords(ctx context.Context, storage kv.Storage) error {
	err := b.maintainRecords(ctx, storage)
	if err == nil {
		err = b.countOpenSessions(ctx, storage)
	}
	if err != nil {
		b.metrics.OpenSessionsUnknown()
	}
	return err
}

// maintainRecords closes stale sessions, and deletes records that have reached their
// retention.
func (b *backend) maintainRecords(ctx context.Context, storage kv.Storage) error {
	records, err := b.records.get(ctx, storage)
	if err != nil {
		return err
	}
	for range maxMaintained {
		report, err := records.store.Maintain(ctx, time.Now(), records.config.retentionPolicy())
		if err != nil {
			return fmt.Errorf("closing and deleting records: %w", err)
		}
		if report.Closed+report.DeletedSessions+report.DeletedPostAuths > 0 {
			b.Logger().Info("records were maintained", "closed", report.Closed,
				"deleted_sessions", report.DeletedSessions, "deleted_attempts", report.DeletedPostAuths)
		}
		if !report.More {
			break
		}
	}
	return nil
}

// decided takes note of a decision about a login.
func (b *backend) decided(d decision.Decision) {
	b.metrics.Decided(d)
	b.attempts.Add(d)
}

// invalidate drops cached copies of a storage entry that another node wrote.
func (b *backend) invalidate(_ context.Context, key string) {
	name, isUser := strings.CutPrefix(key, users.KeyPrefix)
	switch {
	case isUser:
		b.users.Drop(name)
		b.names.Doubt(name)
	case key == configKey:
		b.settings.drop()
	case key == challenge.StorageKey:
		b.logins.Challenges.Drop()
	case strings.HasPrefix(key, catalog.KeyPrefix):
		b.profiles.DropKey(key)
	case strings.HasPrefix(key, source.KeyPrefix):
		b.sources.Drop()
	case key == freeradiusConfigKey:
		b.records.drop()
	case strings.HasPrefix(key, acct.RestartPrefix):
		b.records.forgetRestarts()
	case strings.HasPrefix(key, catalog.DictionaryKeyPrefix):
		b.dictionaryChanged()
	}
}

// serverChanged logs a change of the state of a RADIUS server.
func (b *backend) serverChanged(change radclient.Change) {
	details := []any{"server", change.Address, "host", change.Server.Host, "was", change.From}
	switch change.To {
	case radclient.Alive:
		b.Logger().Info("RADIUS server answers", details...)
	case radclient.Zombie:
		b.Logger().Warn("RADIUS server is silent: new logins prefer others, if there are any", details...)
	case radclient.Dead:
		b.Logger().Error("RADIUS server is dead: check that it runs, and that no firewall is between", details...)
	default:
		b.Logger().Info("RADIUS server is being tried again", details...)
	}
}

// dictionaryMisfit logs that a custom dictionary is left out.
func (b *backend) dictionaryMisfit(err error) {
	b.Logger().Error("custom dictionary is left out: profiles that need it match no user: write it again", "error", err)
}

// profileWarning logs the changes that a stored profile needs.
func (b *backend) profileWarning(profile *catalog.Compiled) {
	if profile.Err != nil {
		b.Logger().Error("profile matches no user: write it again", "profile", profile.Entry.ShortName, "error", profile.Err)
		return
	}
	b.Logger().Warn("profile has items without an effect: write it again", "profile", profile.Entry.ShortName, "items", profile.Ineffective)
}

// recordsWarning logs a change that the FreeRADIUS backend's config needs.
func (b *backend) recordsWarning(text string) {
	b.Logger().Warn("config of the FreeRADIUS backend: " + text)
}

// openSource returns the checker of a source.
func (b *backend) openSource(entry *source.Entry) (source.Checker, error) {
	if entry.RADIUS != nil {
		return source.OpenRADIUS(entry, b.serverChanged, b.settings.dial)
	}
	return source.OpenDirectory(entry, b.Logger(), b.directoryChanged)
}

// directoryChanged logs a change of the state of a directory server.
func (b *backend) directoryChanged(change directory.Change) {
	if change.To == directory.Alive {
		b.Logger().Info("directory answers", "server", change.Server)
		return
	}
	b.Logger().Error("directory is dead: new logins go to others, if there are any", "server", change.Server, "error", change.Err)
}

// errEnding sends a request back, of which nothing has been done, as the process ends.
// Vault knows a plugin that has ended by this text, starts it anew, and repeats the request.
var errEnding = rpc.ErrShutdown

// HandleRequest implements [logical.Backend].
func (b *backend) HandleRequest(ctx context.Context, req *logical.Request) (resp *logical.Response, err error) {
	if !b.requests.Enter() {
		return nil, errEnding
	}
	defer b.requests.Leave()
	defer b.countAnswer(req, time.Now())(&resp, &err)
	defer b.recovered(req, func(cause error) { resp, err = logical.ErrorResponse(cause.Error()), nil })
	if path := b.Route(req.Path); path != nil {
		readJSONTexts(path, req)
		invalid := validateFields(path, req)
		switch {
		case invalid != nil && req.Operation == logical.AliasLookaheadOperation:
			return nil, invalid.Error() // Vault looks into the response's Auth without checking
		case invalid != nil:
			return invalid, nil
		}
	}
	return b.Backend.HandleRequest(ctx, req)
}

// HandleExistenceCheck implements [logical.Backend]. A field that cannot be read
// is left to HandleRequest: an error from here reaches the client as a 500,
// because its type is lost on the way from a plugin to Vault.
func (b *backend) HandleExistenceCheck(ctx context.Context, req *logical.Request) (checkFound, exists bool, err error) {
	if !b.requests.Enter() {
		return false, false, errEnding
	}
	defer b.requests.Leave()
	defer b.recovered(req, func(cause error) { err = cause })
	if path := b.Route(req.Path); path != nil {
		readJSONTexts(path, req)
	}
	checkFound, exists, err = b.Backend.HandleExistenceCheck(ctx, req)
	if userError := (errutil.UserError{}); errors.As(err, &userError) {
		return false, false, nil
	}
	return checkFound, exists, err
}

// recovered makes a panic end the request, not the process, which may serve
// other mounts. The request then answers 400: Vault's clients repeat a request that
// ended in 5xx, and a repeated login is a second push.
func (b *backend) recovered(req *logical.Request, answer func(error)) {
	if cause := recover(); cause != nil {
		b.Logger().Error("request panicked: please report this", "operation", req.Operation,
			"panic", fmt.Sprintf("%T", cause), "stack", string(debug.Stack()))
		answer(errors.New("internal error: the log of the radius auth method says more"))
	}
}

const backendHelp = `
The radius auth method logs users in with the password that a RADIUS server
checks, and gives them the policies of their user entry here.

Start with "config" (which server, which secret), then map names to policies
under "users/". Users log in at "login/<username>" with a password.

A user who is not under "users/" can log in too, if the RADIUS server accepts the
password, and gets the policies in "unregistered_user_policies"; not with
"registered_only".
`
