package radiusauth

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/batch"
	"vault-plugin-auth-radius/internal/catalog"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/metrics"
	"vault-plugin-auth-radius/internal/username"
	"vault-plugin-auth-radius/internal/users"
)

// newBatchStore returns the store of batches, which writes users through the backend.
func (b *backend) newBatchStore() *batch.Store {
	return &batch.Store{
		RemoveUser: b.removeBatchUser,
		OnProgress: func(name, done string, users, of int) {
			b.Logger().Info("batch: users "+done, "batch", name, "users", users, "of", of)
		},
		OnLeftover: func(name string, err error) {
			b.Logger().Error("a batch that failed could not be removed now: that is tried again every minute",
				"batch", name, "error", err)
		},
	}
}

// createBatch writes a batch and its users: all of them, or none. The users have what the
// template has, beside what is in their rows.
func (b *backend) createBatch(
	ctx context.Context, storage kv.Storage, entry *batch.Entry, rows []batch.Row, template *users.User,
) error {
	names := make([]string, 0, len(rows))
	for _, row := range rows {
		names = append(names, row.Username)
	}
	err := b.batches.Create(ctx, storage, entry, names, func(ctx context.Context, i int) error {
		row, user := rows[i], template.Clone()
		user.PasswordHash, user.Email, user.FirstName, user.LastName = row.Hash.Text(), row.Email, row.FirstName, row.LastName
		return b.createBatchUser(ctx, storage, row.Username, user, i == 0)
	})
	if err != nil {
		b.metrics.Batch(metrics.BatchFailed, 0)
		return err
	}
	b.metrics.Batch(metrics.BatchCreated, len(names))
	return nil
}

func (b *backend) createBatchUser(ctx context.Context, storage kv.Storage, name string, user *users.User, first bool) error {
	b.references.RLock()
	defer b.references.RUnlock()
	rules, err := b.rules(ctx, storage)
	if err != nil {
		return err
	}
	if rules.Canonical(name) != name {
		return &userTakenError{name} // by a write of the config
	}
	if first {
		if err := profilesExist(ctx, storage, user.Profiles); err != nil {
			return err
		}
	}
	_, err = b.changeUser(name, func() (*logical.Response, error) {
		before, err := users.Load(ctx, storage, name)
		if err != nil {
			return nil, err
		}
		if before != nil {
			return nil, &userTakenError{name}
		}
		return nil, b.register(ctx, storage, rules, name, func() error {
			return users.SaveReferenced(ctx, storage, name, nil, user)
		})
	})
	if taken := (*username.TakenError)(nil); errors.As(err, &taken) {
		return &userTakenError{name}
	}
	return err
}

// profilesExist returns an error if a profile was deleted since it was looked up.
func profilesExist(ctx context.Context, storage kv.Storage, ids []int64) error {
	for _, id := range ids {
		entry, err := catalog.Load(ctx, storage, id)
		if err != nil {
			return err
		}
		if entry == nil {
			return &catalog.UnknownError{ShortName: catalog.Label(id)}
		}
	}
	return nil
}

// userTakenError means that a name of the batch was registered meanwhile, or that the config
// has another canonical form of it now.
type userTakenError struct{ name string }

func (e *userTakenError) Error() string {
	return fmt.Sprintf("user %q was registered meanwhile, or the config has changed: try again", e.name)
}

// removeBatchUser deletes a user that is still the batch's.
func (b *backend) removeBatchUser(ctx context.Context, storage kv.Storage, entry *batch.Entry, name string) error {
	b.references.RLock()
	defer b.references.RUnlock()
	_, err := b.changeUser(name, func() (*logical.Response, error) {
		user, err := users.Load(ctx, storage, name)
		switch {
		case err != nil:
			return nil, err
		case user == nil: // the crash may have come between the index and the user
			return nil, users.ClearReferences(ctx, storage, name, &users.User{Profiles: entry.Profiles}, nil)
		case user.Batch != entry.Name:
			return nil, nil // of the same name, and registered since
		}
		return nil, b.deleteUser(ctx, storage, name, user)
	})
	return err
}

// batchFields returns the schema of a new batch: the only description of its fields.
func batchFields() map[string]*framework.FieldSchema {
	return map[string]*framework.FieldSchema{
		fieldName: {
			Type: framework.TypeString,
			Description: "Name of the batch: 1 to 128 letters, digits, spaces and _ @ + : -. " +
				"A name makes one batch: the same request again is refused. Required.",
		},
		fieldStrategy: {
			Type:        framework.TypeString,
			Description: "\"prefix\": names are the prefix and a number. \"csv\": they are in csvfile. Required.",
		},
		fieldCSVFile: {
			Type: framework.TypeString,
			Description: "Text with a line for each user: username, password, email, firstname, lastname, " +
				"separated by commas, semicolons or tabs. A first line with these names is left out, as are empty lines. " +
				"A password is empty (one is generated), cleartext$ and the password, or a hash. " +
				"Without a username it is the email's part before the @. " +
				"A name that is taken gets a number; another spelling of one is refused.",
			DisplayAttrs: &framework.DisplayAttributes{Sensitive: true},
		},
		fieldPrefix: {
			Type:        framework.TypeString,
			Description: "What generated names begin with: 1 to 20 letters, digits and @ . + _ -.",
		},
		fieldNumberOfUsers: {
			Type:        framework.TypeInt,
			Description: "How many users to generate, 1 to 20,000.",
		},
		fieldExpirationDate: {
			Type:        framework.TypeString,
			Description: "When the users' access ends: as expires_at of users, such as YYYY-MM-DD. Empty: never.",
		},
		fieldPasswordLength: {
			Type:        framework.TypeInt,
			Default:     batch.MinPasswordLength,
			Description: "Letters of generated passwords, 12 to 64. 12 are 69 bits.",
		},
		fieldProfiles: {
			Type:        framework.TypeCommaStringSlice,
			Description: "Short names of the users' profiles.",
		},
		fieldPolicies: {
			Type:        framework.TypeCommaStringSlice,
			Description: "Policies of the users' tokens.",
		},
		fieldFormat: {
			Type:    framework.TypeString,
			Default: batch.FormatJSON,
			Description: "What the answer is: \"json\", \"csv\", or \"html\", a page of vouchers to print. " +
				"Generated passwords are in it, and not shown again. \"vault write\" shows JSON only: with csv or html " +
				"it fails after the users were created, and their passwords are lost. Use it with envelope=true, or curl.",
		},
		fieldEnvelope: {
			Type: framework.TypeBool,
			Description: "Whether csv or html is text in JSON, as the field of that name: " +
				"vault write -field=html format=html envelope=true.",
		},
	}
}

// batchResponseFields returns the schema of a read.
func batchResponseFields() map[string]*framework.FieldSchema {
	return map[string]*framework.FieldSchema{
		fieldName: {
			Type:        framework.TypeString,
			Description: "Name of the batch.",
			Required:    true,
		},
		fieldStrategy: {
			Type:        framework.TypeString,
			Description: "csv or prefix.",
			Required:    true,
		},
		fieldPrefix: {
			Type:        framework.TypeString,
			Description: "What generated names begin with.",
			Required:    true,
		},
		fieldNumberOfUsers: {
			Type:        framework.TypeInt,
			Description: "How many users were created.",
			Required:    true,
		},
		fieldExpiresAt: {
			Type:        framework.TypeString,
			Description: "When the users' access ends; empty: never.",
			Required:    true,
		},
		"created_at": {
			Type:        framework.TypeString,
			Description: "When the batch was created.",
			Required:    true,
		},
		"usernames": {
			Type:        framework.TypeStringSlice,
			Description: "The users' names.",
			Required:    true,
		},
	}
}
