package acct

import (
	"context"
	"crypto/rand"
	"strings"
	"time"
)

// LogPostAuth implements Store. It returns ErrTooManyPostAuths if too many came before.
func (s *VaultStore) LogPostAuth(ctx context.Context, attempt PostAuth) error {
	if err := attempt.check(); err != nil {
		return err
	}
	attempt = attempt.normal()
	if !s.postAuths.admit(attempt) {
		return ErrTooManyPostAuths
	}
	if err := s.putPostAuth(ctx, attempt); err != nil {
		s.postAuths.failed()
		return err
	}
	return nil
}

func (s *VaultStore) putPostAuth(ctx context.Context, attempt PostAuth) error {
	id := strings.ToLower(rand.Text()) // two attempts may be of the same microsecond
	if err := s.put(ctx, allPostAuths.key(attempt.Time, id), attempt); err != nil {
		return err
	}
	if attempt.Username == "" {
		return nil
	}
	return s.put(ctx, postAuthsOfUser(attempt.Username).key(attempt.Time, id), struct{}{})
}

// PostAuths implements Store. It returns ErrTooBroad if too much would have to be
// read.
func (s *VaultStore) PostAuths(ctx context.Context, f PostAuthFilter, page Page) (found []PostAuth, more bool, err error) {
	f, page = f.normal(), page.normal()
	attempts := allPostAuths
	if f.Username != "" {
		attempts = postAuthsOfUser(f.Username)
	}
	examined, matched := 0, 0
	for key, err := range s.walk(ctx, attempts, attempts.window(f.From, f.To), true) {
		if err != nil {
			return nil, false, err
		}
		if examined++; examined > s.examined {
			return nil, false, ErrTooBroad
		}
		var attempt PostAuth
		exists, err := s.get(ctx, attempts.postAuthKey(key), &attempt)
		switch {
		case err != nil:
			return nil, false, err
		case !exists || !f.matches(&attempt): // it does not exist while Maintain deletes it
			continue
		case len(found) == page.Size:
			return found, true, nil
		}
		if matched++; matched > page.skipped() {
			found = append(found, attempt)
		}
	}
	return found, false, nil
}

// postAuthKey returns where the attempt is that a key of an index is about.
func (i index) postAuthKey(key string) string {
	if i == allPostAuths {
		return key
	}
	id := idOf(key)
	at, err := time.Parse(i.layout, strings.TrimSuffix(strings.TrimPrefix(key, i.prefix), "-"+id))
	if err != nil {
		return key // not one of ours
	}
	return allPostAuths.key(TimeOf(at), id)
}
