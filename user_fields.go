package radiusauth

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/helper/policyutil"

	"vault-plugin-auth-radius/internal/login"
	"vault-plugin-auth-radius/internal/passwd"
	"vault-plugin-auth-radius/internal/users"
	"vault-plugin-auth-radius/internal/validate"
)

// userFields returns the schema of a user: the only description of its fields.
func userFields() map[string]*framework.FieldSchema {
	return map[string]*framework.FieldSchema{
		fieldName: {
			Type: framework.TypeString,
			Description: "Name of the user, as it is typed at login, in the form that the config and the realms of sources make of it. " +
				"Another spelling of a registered name is refused.",
		},
		fieldPolicies: {
			Type: framework.TypeCommaStringSlice,
			Description: "Policies of the user's tokens, as a list or separated by commas. " +
				"Empty: only the config's token_policies and \"default\".",
			DisplayAttrs: &framework.DisplayAttributes{Description: "A list of policies of the user's tokens."},
		},
		fieldProfiles: {
			Type: framework.TypeCommaStringSlice,
			Description: "Short names of the AAA profiles that decide about the user's logins, in order; at least one must match. " +
				"Empty: the config's default_profiles.",
		},
		fieldExtauth: {
			Type: framework.TypeString,
			Description: "Name of the source under extauth/ that checks the user, or \"local\" for the password here. " +
				"Empty: the source of the name's realm, or what the config says.",
		},
		fieldPassword: {
			Type: framework.TypeString,
			Description: "Password for extauth=local, 1 to 256 octets, with bcrypt to 72. " +
				"Only its hash is stored, and never returned. Empty: none.",
			DisplayAttrs: &framework.DisplayAttributes{Sensitive: true},
		},
		fieldPasswordHash: {
			Type: framework.TypeString,
			Description: "Hash of the password, made elsewhere: bcrypt, argon2, PBKDF2 as Django writes it, {SSHA} and its kin, $5$, $6$, " +
				"or nt: and 32 hexadecimal digits. Instead of password.",
			DisplayAttrs: &framework.DisplayAttributes{Sensitive: true},
		},
		fieldEnabled: {
			Type:        framework.TypeBool,
			Default:     true,
			Description: "If false, the user cannot log in, nor renew a token.",
		},
		fieldExpiresAt: {
			Type: framework.TypeString,
			Description: "When the user's access ends, tokens included: RFC 3339, seconds since 1970, " +
				"or YYYY-MM-DD, the end of that day in UTC. Empty: never.",
		},
		fieldExpose: {
			Type: framework.TypeBool,
			Description: "Whether freeradius/authorize may hand the hash of a password to FreeRADIUS, for MS-CHAPv2 and PEAP: " +
				"an nt: hash only, which is as good as the password there.",
		},
		fieldEmail: {
			Type:        framework.TypeString,
			Description: "The user's e-mail address.",
		},
		fieldFirstName: {
			Type:        framework.TypeString,
			Description: "The user's first name.",
		},
		fieldLastName: {
			Type:        framework.TypeString,
			Description: "The user's last name.",
		},
		fieldMetadata: {
			Type:        framework.TypeKVPairs,
			Description: "Further texts about the user, by key. They have no effect.",
		},
	}
}

// userResponseFields returns the schema of a read.
func userResponseFields() map[string]*framework.FieldSchema {
	fields := userFields()
	for _, field := range []string{fieldName, fieldPassword, fieldPasswordHash} {
		delete(fields, field)
	}
	fields[fieldPasswordScheme] = &framework.FieldSchema{
		Type:        framework.TypeString,
		Description: "How the password is hashed; empty if there is none.",
	}
	fields[fieldBatch] = &framework.FieldSchema{
		Type:        framework.TypeString,
		Description: "Batch that the user was created in; empty: none.",
	}
	for _, schema := range fields {
		schema.Required = true
	}
	return fields
}

// fieldError is the problem with a field of a request; it shows no secret.
type fieldError struct {
	field string // empty: the error names it
	err   error
}

func (e *fieldError) Error() string {
	if e.field == "" {
		return e.err.Error()
	}
	return fmt.Sprintf("%s: %s", e.field, e.err)
}

func (e *fieldError) Unwrap() error { return e.err }

// maxMetadataKeys is the largest number of keys of a user's metadata.
const maxMetadataKeys = 64

// applyUser takes over the given fields, except those that need storage or a hash. The error is
// a fieldError.
func applyUser(u *users.User, d *framework.FieldData) error {
	if policies, given := d.GetOk(fieldPolicies); given {
		u.Policies = policyutil.ParsePolicies(policies)
	}
	if enabled, given := d.GetOk(fieldEnabled); given {
		u.Disabled = !enabled.(bool)
	}
	if text, given := d.GetOk(fieldExpiresAt); given {
		expires, err := validate.ParseExpiry(text.(string))
		if err != nil {
			return &fieldError{fieldExpiresAt, err}
		}
		u.ExpiresAt = expires
	}
	set(d, fieldExpose, &u.Expose)
	set(d, fieldEmail, &u.Email)
	set(d, fieldFirstName, &u.FirstName)
	set(d, fieldLastName, &u.LastName)
	set(d, fieldMetadata, &u.Metadata)
	if u.Email != "" {
		if address, err := mail.ParseAddress(u.Email); err != nil || address.Address != u.Email {
			return &fieldError{fieldEmail, errors.New("is not an e-mail address such as alice@example.com")}
		}
	}
	for _, given := range []struct{ field, text string }{
		{fieldEmail, u.Email}, {fieldFirstName, u.FirstName}, {fieldLastName, u.LastName},
	} {
		if err := validate.CheckText(given.text); err != nil {
			return &fieldError{given.field, err}
		}
	}
	if len(u.Metadata) > maxMetadataKeys {
		return &fieldError{fieldMetadata, fmt.Errorf("has %d keys, and %d are the most", len(u.Metadata), maxMetadataKeys)}
	}
	for key, text := range u.Metadata {
		if err := errors.Join(validate.CheckText(key), validate.CheckText(text)); err != nil {
			return &fieldError{fieldMetadata, err}
		}
	}
	return nil
}

// checkNewPassword returns why a password cannot be set; nil means that it can. In JSON,
// octets that are not UTF-8 have become U+FFFD on the way here: then many passwords would be
// taken for this one.
func checkNewPassword(password string) error {
	if err := login.CheckPasswordText(password, passwd.MaxPassword); err != nil {
		return err
	}
	if strings.ContainsRune(password, utf8.RuneError) {
		return errors.New("is not UTF-8, or has the character U+FFFD in its place: set another one")
	}
	return validate.CheckLineEnd(password)
}

// givenPassword returns the hash for the fields password and password_hash; given reports
// whether there is one of them. The hash is made here, before any lock is held. The error
// is a fieldError, or the context's.
func (b *backend) givenPassword(
	ctx context.Context, settings passwd.Settings, d *framework.FieldData,
) (hash string, given bool, err error) {
	password, isPassword := d.GetOk(fieldPassword)
	imported, isHash := d.GetOk(fieldPasswordHash)
	switch {
	case isPassword && isHash:
		return "", false, &fieldError{fieldPasswordHash, errors.New("give it or password, not both")}
	case isHash && imported == "", isPassword && password == "":
		return "", true, nil
	case isHash:
		parsed, err := passwd.Parse(imported.(string))
		if err != nil {
			return "", false, &fieldError{fieldPasswordHash, err}
		}
		if err := parsed.CheckFIPS(); err != nil {
			return "", false, &fieldError{fieldPasswordHash, err}
		}
		return parsed.Text(), true, nil
	case !isPassword:
		return "", false, nil
	}
	if err := checkNewPassword(password.(string)); err != nil {
		return "", false, &fieldError{fieldPassword, err}
	}
	hashed, err := b.logins.Hasher.Make(ctx, settings, password.(string))
	if invalid := passwd.InputError(""); errors.As(err, &invalid) {
		return "", false, &fieldError{fieldPassword, err}
	}
	return hashed.Text(), true, err
}
