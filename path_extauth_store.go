package radiusauth

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/username"
	"vault-plugin-auth-radius/internal/users"
)

// sourceStore stores a source that is new or changed; with problems it answers with them and
// stores nothing. It runs alone.
func (b *backend) sourceStore(
	ctx context.Context, req *logical.Request, d *framework.FieldData, before, entry *source.Entry,
) (*logical.Response, error) {
	known, err := b.dictionaries.Get(ctx, storageOf(req))
	if err != nil {
		return nil, err
	}
	others, err := source.LoadAll(ctx, storageOf(req))
	if err != nil {
		return nil, err
	}
	problems := append(entry.Validate(known), entry.RealmsTaken(others)...)
	if len(problems) > 0 {
		return logical.ErrorResponse(strings.Join(problems, "; ")), nil
	}
	if before == nil {
		if err := entry.NameFree(others); err != nil { // before an id is taken, which is never used again
			return nil, conflict(err)
		}
		if err := b.usersKeepTheirNames(ctx, storageOf(req), nil, entry, others); err != nil {
			return nil, err
		}
		if entry.ID, err = kv.NextID(ctx, storageOf(req), source.SequenceKey, "sources"); err != nil {
			return nil, err
		}
	}
	if entry.Name == "" {
		entry.Name = fmt.Sprintf("%s-%d", entry.Type, entry.ID)
	}
	if err := entry.NameFree(others); err != nil {
		return nil, conflict(err)
	}
	if before != nil {
		if err := b.sourceMayChange(ctx, storageOf(req), before, entry, others); err != nil {
			return nil, err
		}
	}
	entry.Revision++
	if err := source.Save(ctx, storageOf(req), before, entry); err != nil {
		return nil, err
	}
	response := &logical.Response{Data: sourceData(entry)}
	if entry.Directory != nil && !entry.Directory.SSL && !entry.Directory.StartTLS && !entry.Directory.AllowCleartext {
		response.AddWarning("nobody can log in through this source yet: passwords would go to the directory in clear text; " +
			"set ssl or starttls, and ssl_cert, or allow_cleartext")
	}
	response = b.warnOfTestUser(ctx, storageOf(req), d, entry.RADIUS, response)
	return withWarnings(response, secretWarnings(d, sourceSecrets...)), nil
}

// sourceMayChange refuses with 409 a change of a source that something depends on.
func (b *backend) sourceMayChange(
	ctx context.Context, storage kv.Storage, before, entry *source.Entry, others []*source.Entry,
) error {
	if before.Name != entry.Name || len(entry.Realms) > 0 {
		if err := b.defaultSource(ctx, storage, before); err != nil {
			return err
		}
	}
	return b.usersKeepTheirNames(ctx, storage, before, entry, others)
}

// defaultSource refuses with 409 what must not happen to the source that the
// config names.
func (b *backend) defaultSource(ctx context.Context, storage kv.Storage, entry *source.Entry) error {
	config, err := loadConfig(ctx, storage)
	if err != nil {
		return err
	}
	if config != nil && config.Extauth == entry.Name {
		return conflict(fmt.Errorf("source %q is in use by the config's %s: it keeps its name, and has no realms",
			entry.Name, fieldExtauth))
	}
	return nil
}

// usersKeepTheirNames refuses with 409 a change of realms after which a stored user
// would be looked for under another name, or be checked by a source that is not the
// realm's: a disabled user would not be disabled any more.
func (b *backend) usersKeepTheirNames(
	ctx context.Context, storage kv.Storage, before, entry *source.Entry, others []*source.Entry,
) error {
	if before != nil && slices.Equal(before.Realms, entry.Realms) || before == nil && len(entry.Realms) == 0 {
		return nil
	}
	config, err := loadConfig(ctx, storage)
	if err != nil {
		return err
	}
	if config == nil {
		config = defaultConfig()
	}
	now, then := []*source.Source{}, []*source.Source{{Name: entry.Name, Entry: entry}}
	for _, other := range others {
		now = append(now, &source.Source{Name: other.Name, Entry: other})
		if other.ID != entry.ID {
			then = append(then, &source.Source{Name: other.Name, Entry: other})
		}
	}
	nowSet, thenSet := source.NewSet(now), source.NewSet(then)
	switch changed, err := username.Renamed(ctx, users.Stored{Storage: storage}, config.Rules(nowSet), config.Rules(thenSet)); {
	case err != nil:
		return err
	case changed != "":
		return conflict(errors.New("`realms`: " + changed))
	}
	if before == nil || len(entry.Realms) == 0 {
		return nil
	}
	holders, err := storage.List(ctx, users.SourceUsersKey(entry.ID))
	if err != nil {
		return fmt.Errorf("listing an index of users: %w", err)
	}
	for _, key := range holders {
		name, err := url.PathUnescape(key)
		if err != nil {
			continue
		}
		user, err := users.Load(ctx, storage, name)
		if err != nil {
			return err
		}
		if _, realm := username.Split(name); user != nil && user.Source == entry.ID && !entry.HasRealm(realm) {
			return conflict(fmt.Errorf("`realms`: user %q has this source and none of the realms: "+
				"a source with realms checks their users only", name))
		}
	}
	return nil
}
