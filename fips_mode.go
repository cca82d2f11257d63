package radiusauth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"vault-plugin-auth-radius/internal/acct"
	"vault-plugin-auth-radius/internal/fips"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/passwd"
	"vault-plugin-auth-radius/internal/users"
)

// fipsWarnings returns what is stored that FIPS 140 mode has no place for, if it is on: a mount may
// be older than the mode. Logins through it are refused until it is changed.
func (b *backend) fipsWarnings(ctx context.Context, storage kv.Storage) ([]string, error) {
	if !fips.Enabled() {
		return nil, nil
	}
	settings, err := b.settings.get(ctx, storage)
	if err != nil {
		return nil, err
	}
	var warnings []string
	if settings != nil {
		if fault := settings.login.Source.Err; fault != nil && settings.config.Host != "" {
			warnings = append(warnings, "config: "+fault.Error())
		}
		if err := passwd.CheckAlgorithm(settings.config.PasswordAlgorithm); err != nil {
			warnings = append(warnings, "config: `password_hash_algorithm` "+err.Error()+
				"; until then new passwords are hashed with "+string(passwd.DefaultAlgorithm()))
		}
	}
	sources, err := b.sources.Get(ctx, storage)
	if err != nil {
		return nil, err
	}
	for _, src := range sources.Ordered {
		if src.Err != nil {
			warnings = append(warnings, "source "+src.Name+": "+src.Err.Error())
		}
	}
	return warnings, nil
}

// fipsWarningsOfStore returns what FIPS 140 mode has against the stored connection to PostgreSQL,
// which status has among the warnings about that config.
func fipsWarningsOfStore(ctx context.Context, storage kv.Storage) ([]string, error) {
	entry, err := loadFreeRADIUS(ctx, storage)
	if err != nil || entry.Store != storePostgres {
		return nil, err
	}
	if err := acct.CheckPostgres(entry.ConnectionURL, entry.postgresOptions()...); fips.AsRefused(err) != nil {
		return []string{"freeradius/config: " + postgresProblem(err)}, nil
	}
	return nil, nil
}

// warnInFIPSMode logs, when a mount starts in FIPS 140 mode, what is stored that the mode has no
// place for; and begins to look through the users.
func (b *backend) warnInFIPSMode(ctx context.Context, storage kv.Storage) {
	if !fips.Enabled() {
		return
	}
	warnings, err := b.fipsWarnings(ctx, storage)
	ofStore, errOfStore := fipsWarningsOfStore(ctx, storage)
	if err = errors.Join(err, errOfStore); err != nil {
		b.Logger().Debug("what FIPS 140 mode refuses is not known now", "error", err)
	}
	warnings = append(warnings, ofStore...)
	for _, warning := range warnings {
		b.Logger().Error("stored before FIPS 140 mode was on, and refused in it", "reason", warning)
	}
	b.lookAtHashes(storage)
}

// lookAtHashes begins to look through the users, unless that was done.
func (b *backend) lookAtHashes(storage kv.Storage) {
	b.hashes.start(storage, b.readingPanicked, func(count int, names []string) {
		b.Logger().Error("users have passwords that cannot be checked in FIPS 140 mode: set new ones",
			"count", count, "usernames", strings.Join(names[:min(len(names), users.MaxShown)], ", "))
	})
}

// maxHashesShown is how many users with a refused hash are remembered by name.
const maxHashesShown = 100

// hashScan looks through the stored users once, for password hashes that FIPS 140 mode has no place
// for. It is safe for concurrent use.
type hashScan struct {
	lifetime context.Context
	end      context.CancelFunc
	running  sync.WaitGroup

	mu     sync.Mutex
	names  []string // guarded by mu; at most maxHashesShown
	count  int      // guarded by mu
	goesOn bool     // guarded by mu
	done   bool     // guarded by mu; all users were looked at
	looked int      // guarded by mu; how many users were looked at so far
}

func newHashScan() *hashScan {
	s := &hashScan{}
	s.lifetime, s.end = context.WithCancel(context.Background())
	return s
}

// start begins to look through the users, unless that goes on or was done, and returns without waiting. found is called
// if there is such a user, and panicked if reading them panics, from where the stack is that of the panic.
func (s *hashScan) start(storage kv.Storage, panicked func(cause any), found func(count int, names []string)) {
	if !s.begin() {
		return
	}
	s.running.Go(func() {
		done := false
		defer func() { s.ended(done) }()
		defer func() {
			if cause := recover(); cause != nil {
				panicked(cause)
			}
		}()
		if done = s.read(storage); !done {
			return
		}
		if count, names := s.found(); count > 0 {
			found(count, names)
		}
	})
}

// begin reports whether the users are to be looked through.
func (s *hashScan) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.goesOn || s.done {
		return false
	}
	s.goesOn, s.looked, s.count, s.names = true, 0, 0, nil
	return true
}

func (s *hashScan) ended(done bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.goesOn, s.done = false, done
}

// close ends it.
func (s *hashScan) close() {
	s.end()
	s.running.Wait()
}

// read looks at each user, and reports whether it came to the end. A user that cannot be read is left out: its login
// says why.
func (s *hashScan) read(storage kv.Storage) (done bool) {
	names, err := users.Names(s.lifetime, storage)
	if err != nil {
		return false
	}
	for i, name := range names {
		if s.lifetime.Err() != nil {
			return false
		}
		if user, err := users.LoadListed(s.lifetime, storage, name); err == nil && hasRefusedHash(user) {
			s.add(name)
		}
		s.progressed(i + 1)
	}
	return true
}

func (s *hashScan) progressed(looked int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looked = looked
}

// progress returns how far a look through the users that is under way is; "" if none is.
func (s *hashScan) progress() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.goesOn {
		return ""
	}
	return fmt.Sprintf("users: the password hashes of %d were looked at", s.looked)
}

func (s *hashScan) add(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count++; len(s.names) < maxHashesShown {
		s.names = append(s.names, name)
	}
}

// found returns how many users were found, and the first of them.
func (s *hashScan) found() (count int, names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count, s.names[:len(s.names):len(s.names)]
}

// hasRefusedHash reports whether the user has a hash that FIPS 140 mode has no place for.
func hasRefusedHash(user *users.User) bool {
	if user == nil {
		return false
	}
	hash, _ := passwd.Parse(user.PasswordHash) // empty: none
	return hash.CheckFIPS() != nil
}

// hashWarnings returns the warning about users whose passwords cannot be checked in FIPS 140 mode,
// but for those that were given new ones since the start. progress is how far the look through them is; "" after its end.
func (b *backend) hashWarnings(ctx context.Context, storage kv.Storage) (warnings []string, progress string, err error) {
	if fips.Enabled() {
		b.lookAtHashes(storage) // again, if storage had a fault
	}
	progress = b.hashes.progress() // first: what is found by its end is among the warnings
	count, names := b.hashes.found()
	var left []string
	for _, name := range names {
		user, err := b.users.Get(ctx, storage, name)
		if err != nil {
			return nil, "", err
		}
		if hasRefusedHash(user) {
			left = append(left, name)
		}
	}
	count -= len(names) - len(left)
	if count == 0 {
		return nil, progress, nil
	}
	more := ""
	if count > len(left) {
		more = ", …"
	}
	return []string{fmt.Sprintf("users: the password hashes of %d are refused in FIPS 140 mode, which has a place for PBKDF2 "+
		"with SHA-2 alone: set new passwords: %s%s", count, strings.Join(left, ", "), more)}, progress, nil
}
