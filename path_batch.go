package radiusauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/helper/policyutil"
	"github.com/hashicorp/vault/sdk/logical"
	"golang.org/x/sync/errgroup"

	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/passwd"
	"vault-plugin-auth-radius/internal/username"
	"vault-plugin-auth-radius/internal/validate"
)

const (
	fieldCSVFile        = "csvfile"
	fieldPrefix         = "prefix"
	fieldNumberOfUsers  = "number_of_users"
	fieldExpirationDate = "expiration_date"
	fieldPasswordLength = "password_length"
	fieldFormat         = "format"
)

// maxBatch is how many users a batch may have: those that fit into Vault's time
// for a request.
const maxBatch = 20000

var (
	batchName   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 _@+:-]{0,127}$`)
	batchPrefix = regexp.MustCompile(`^[A-Za-z0-9@.+_-]{1,20}$`)
)

// batchFormats are what a batch's creation can be answered with.
var batchFormats = []string{"json", "csv", "html"}

func batchFields() map[string]*framework.FieldSchema {
	return map[string]*framework.FieldSchema{
		fieldName:     {Type: framework.TypeString, Description: "Name of the batch: 1 to 128 letters, digits, spaces and _ @ + : -. A name makes one batch: the same request again is refused. Required."},
		fieldStrategy: {Type: framework.TypeString, Description: "\"prefix\": names are the prefix and a number. \"csv\": they are in csvfile. Required."},
		fieldCSVFile: {
			Type: framework.TypeString,
			Description: "Text with a line for each user: username, password, email, firstname, lastname, " +
				"separated by commas, semicolons or tabs. A first line with these names is left out, as are empty lines. " +
				"A password is empty (one is generated), cleartext$ and the password, or a hash. " +
				"Without a username it is the email's part before the @. " +
				"A name that is taken gets a number; another spelling of one is refused.",
			DisplayAttrs: &framework.DisplayAttributes{Sensitive: true},
		},
		fieldPrefix:         {Type: framework.TypeString, Description: "What generated names begin with: 1 to 20 letters, digits and @ . + _ -."},
		fieldNumberOfUsers:  {Type: framework.TypeInt, Description: "How many users to generate."},
		fieldExpirationDate: {Type: framework.TypeString, Description: "When the users' access ends: as expires_at of users, such as YYYY-MM-DD. Empty: never."},
		fieldPasswordLength: {Type: framework.TypeInt, Default: minGenerated, Description: "Letters of generated passwords, 12 to 64. 12 are 69 bits."},
		fieldProfiles:       {Type: framework.TypeCommaStringSlice, Description: "Short names of the users' profiles."},
		fieldPolicies:       {Type: framework.TypeCommaStringSlice, Description: "Policies of the users' tokens."},
		fieldFormat: {
			Type:    framework.TypeString,
			Default: "json",
			Description: "What the answer is: \"json\", \"csv\", or \"html\", a page of vouchers to print. " +
				"Generated passwords are in it, and nowhere else. \"vault write\" shows JSON only: with csv or html " +
				"it fails after the users were created, and their passwords are lost. Use it with envelope=true, or curl.",
		},
		fieldEnvelope: {
			Type:        framework.TypeBool,
			Description: "Whether csv or html is text in JSON, as the field of that name: vault write -field=html format=html envelope=true.",
		},
	}
}

func (b *backend) pathBatches() *framework.Path {
	return &framework.Path{
		Pattern: "freeradius/batch/?$",
		DisplayAttrs: &framework.DisplayAttributes{
			OperationPrefix: operationPrefix,
			OperationSuffix: "batches",
			Navigation:      true,
			ItemType:        "Batch",
		},
		Fields: batchFields(),
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.UpdateOperation: &framework.PathOperation{
				Callback:     b.batchCreate,
				Summary:      "Create a batch of local users: all of them, or none.",
				DisplayAttrs: &framework.DisplayAttributes{OperationVerb: "create", OperationSuffix: "batch"},
				Responses:    map[int][]framework.Response{http.StatusCreated: {{Description: "Created: the batch with its users, without Vault's envelope."}}},
			},
			logical.ListOperation: &framework.PathOperation{
				Callback:     b.batchList,
				Summary:      "List the names of the batches.",
				DisplayAttrs: &framework.DisplayAttributes{OperationVerb: "list", OperationSuffix: "batches"},
				Responses: dataResponses(map[string]*framework.FieldSchema{
					"keys": {Type: framework.TypeStringSlice, Description: "Names, sorted."},
				}),
			},
		},
		HelpSynopsis:    "Create many users at once.",
		HelpDescription: batchHelpDescription,
	}
}

func (b *backend) pathBatch() *framework.Path {
	return &framework.Path{
		Pattern:      `freeradius/batch/(?P<name>.+)`,
		DisplayAttrs: &framework.DisplayAttributes{OperationPrefix: operationPrefix, OperationSuffix: "batch", ItemType: "Batch"},
		Fields: map[string]*framework.FieldSchema{
			fieldName: {Type: framework.TypeString, Description: "Name of the batch."},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation: &framework.PathOperation{
				Callback: b.batchRead,
				Summary:  "Read a batch. Passwords are never returned again.",
				Responses: dataResponses(map[string]*framework.FieldSchema{
					fieldName:          {Type: framework.TypeString, Description: "Name of the batch.", Required: true},
					fieldStrategy:      {Type: framework.TypeString, Description: "csv or prefix.", Required: true},
					fieldPrefix:        {Type: framework.TypeString, Description: "What generated names begin with.", Required: true},
					fieldNumberOfUsers: {Type: framework.TypeInt, Description: "How many users were created.", Required: true},
					fieldExpiresAt:     {Type: framework.TypeString, Description: "When their access ends; empty: never.", Required: true},
					"created_at":       {Type: framework.TypeString, Description: "When the batch was created.", Required: true},
					"usernames":        {Type: framework.TypeStringSlice, Description: "The users' names.", Required: true},
				}),
			},
			logical.DeleteOperation: &framework.PathOperation{
				Callback:  b.batchDelete,
				Summary:   "Delete a batch and its users.",
				Responses: writtenResponses(),
			},
		},
		HelpSynopsis:    "Read and delete a batch of users.",
		HelpDescription: batchHelpDescription,
	}
}

func (b *backend) batchCreate(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	resetNulls(d)
	settings, err := b.settings.get(ctx, storageOf(req))
	if err != nil {
		return nil, err
	}
	config := defaultConfig()
	if settings != nil {
		config = settings.config
	}
	b.batches.mu.Lock() // names are not given twice
	defer b.batches.mu.Unlock()
	entry, rows, template, err := b.readBatch(ctx, storageOf(req), config, d)
	if invalid := (*fieldError)(nil); errors.As(err, &invalid) {
		return logical.ErrorResponse(invalid.Error()), nil
	}
	if err != nil {
		return nil, err
	}
	if err := b.hashRows(ctx, config.hashSettings(), rows); err != nil {
		return nil, err
	}
	names, users := make([]string, 0, len(rows)), make([]*userEntry, 0, len(rows))
	for _, row := range rows {
		user := template.clone()
		user.PasswordHash, user.Email, user.FirstName, user.LastName = row.hash.Text(), row.email, row.firstName, row.lastName
		names, users = append(names, row.username), append(users, user)
	}
	err = b.createBatch(ctx, storageOf(req), entry, names, users)
	if taken := (*userTakenError)(nil); errors.As(err, &taken) {
		return nil, conflict(taken)
	}
	if unknown := (*unknownProfileError)(nil); errors.As(err, &unknown) {
		return logical.ErrorResponse("%s", &fieldError{fieldProfiles, unknown}), nil
	}
	if err != nil {
		return nil, err
	}
	answer := batchAnswer{
		entry: entry, rows: rows, until: validUntil(d.Get(fieldExpirationDate).(string), entry.ExpiresAt),
		format: d.Get(fieldFormat).(string), envelope: d.Get(fieldEnvelope).(bool),
	}
	return answer.response()
}

// readBatch reads and checks everything, so that nothing is written for a batch
// that cannot be made. The error may be a fieldError, or have a status.
func (b *backend) readBatch(ctx context.Context, storage kv.Storage, config *configEntry, d *framework.FieldData) (*batchEntry, []batchRow, *userEntry, error) {
	entry := &batchEntry{Name: d.Get(fieldName).(string), Strategy: d.Get(fieldStrategy).(string), Prefix: d.Get(fieldPrefix).(string), CreatedAt: time.Now().UTC()}
	length := d.Get(fieldPasswordLength).(int)
	switch {
	case !batchName.MatchString(entry.Name):
		return nil, nil, nil, &fieldError{fieldName, errors.New("give 1 to 128 letters, digits, spaces and _ @ + : -, beginning with a letter or digit")}
	case length < minGenerated || length > maxGenerated:
		return nil, nil, nil, &fieldError{fieldPasswordLength, fmt.Errorf("is %d; use %d to %d", length, minGenerated, maxGenerated)}
	case !slices.Contains(batchFormats, d.Get(fieldFormat).(string)):
		return nil, nil, nil, &fieldError{fieldFormat, fmt.Errorf("is not one of %s", strings.Join(batchFormats, ", "))}
	}
	before, err := loadBatch(ctx, storage, entry.Name)
	switch {
	case err != nil:
		return nil, nil, nil, err
	case before != nil && before.State != batchDone: // no other request has it: the lock is held
		return nil, nil, nil, conflict(fmt.Errorf("%s was not made, or not deleted, to the end, and is being removed: try again in a minute", batchLabel(entry.Name)))
	case before != nil:
		return nil, nil, nil, conflict(fmt.Errorf("%s exists already", batchLabel(entry.Name)))
	}
	expires, err := validate.ParseExpiry(d.Get(fieldExpirationDate).(string))
	if err != nil {
		return nil, nil, nil, &fieldError{fieldExpirationDate, err}
	}
	if expires != nil && !expires.After(entry.CreatedAt) {
		return nil, nil, nil, &fieldError{fieldExpirationDate, errors.New("is over already")}
	}
	entry.ExpiresAt = expires
	template := &userEntry{Local: true, Batch: entry.Name, ExpiresAt: expires, Policies: policyutil.ParsePolicies(d.Get(fieldPolicies))}
	if validate.ContainsRoot(template.Policies) {
		return nil, nil, nil, &fieldError{"", errors.New(validate.RootPolicyText)}
	}
	template.Profiles, err = resolveProfiles(ctx, storage, d.Get(fieldProfiles).([]string))
	if unknown := (*unknownProfileError)(nil); errors.As(err, &unknown) {
		return nil, nil, nil, &fieldError{fieldProfiles, unknown}
	}
	if err != nil {
		return nil, nil, nil, err
	}
	entry.Profiles = template.Profiles
	existing, err := userNames(ctx, storage)
	if err != nil {
		return nil, nil, nil, err
	}
	rules, err := b.rules(ctx, storage)
	if err != nil {
		return nil, nil, nil, err
	}
	testUsers, err := b.testUserNames(ctx, storage)
	if err != nil {
		return nil, nil, nil, err
	}
	rows, err := batchRows(entry, d, newTakenNames(append(existing, testUsers...)), rules, length)
	return entry, rows, template, err
}

// batchRows makes the users that the request wants. The error is a fieldError, or has a
// status.
func batchRows(entry *batchEntry, d *framework.FieldData, taken takenNames, rules username.Rules, length int) ([]batchRow, error) {
	text, count := d.Get(fieldCSVFile).(string), d.Get(fieldNumberOfUsers).(int)
	switch {
	case entry.Strategy == "prefix" && text != "":
		return nil, &fieldError{fieldCSVFile, errors.New("belongs to the strategy csv: leave it out")}
	case entry.Strategy == "prefix" && (!batchPrefix.MatchString(entry.Prefix) || strings.Contains(entry.Prefix, "..")):
		return nil, &fieldError{fieldPrefix, errors.New("give 1 to 20 letters, digits and @ . + _ -")}
	case entry.Strategy == "prefix" && (count < 1 || count > maxBatch):
		return nil, &fieldError{fieldNumberOfUsers, fmt.Errorf("is %d; use 1 to %d", count, maxBatch)}
	case entry.Strategy == "prefix":
		if rules.FoldCase {
			entry.Prefix = strings.ToLower(entry.Prefix)
		}
		rows, err := prefixRows(entry.Prefix, count, taken, rules, length)
		if err != nil {
			return nil, &fieldError{fieldPrefix, err}
		}
		return rows, nil
	case entry.Strategy != "csv":
		return nil, &fieldError{fieldStrategy, errors.New("is not one of csv, prefix")}
	case entry.Prefix != "" || count != 0:
		return nil, &fieldError{fieldPrefix, errors.New("prefix and number_of_users belong to the strategy prefix: leave them out")}
	case text == "":
		return nil, &fieldError{fieldCSVFile, errors.New("is missing: in a line for each user, " + csvAdvice)}
	}
	rows, err := readBatchCSV(text, taken, rules, length)
	if registered := (*spellingTakenError)(nil); errors.As(err, &registered) {
		return nil, conflict(err)
	}
	if err != nil {
		return nil, &fieldError{"", err}
	}
	return rows, nil
}

// hashRows hashes the passwords: generated ones cheaply, since nobody can guess
// them, others as those of any user.
func (b *backend) hashRows(ctx context.Context, settings passwd.Settings, rows []batchRow) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(batchWriters)
	for i := range rows {
		row := &rows[i]
		if row.password == "" {
			continue
		}
		group.Go(func() (err error) {
			if row.generated {
				row.hash, err = b.hasher.MakeGenerated(row.password)
			} else {
				row.hash, err = b.hasher.Make(ctx, settings, row.password)
			}
			return err
		})
	}
	return group.Wait()
}

func (b *backend) batchList(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	keys, err := storageOf(req).List(ctx, batchKeyPrefix)
	if err != nil {
		return nil, fmt.Errorf("listing batches: %w", err)
	}
	names := make([]string, 0, len(keys))
	for _, key := range keys {
		if name, err := url.PathUnescape(key); err == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return logical.ListResponse(names), nil
}

func (b *backend) batchRead(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	entry, err := loadBatch(ctx, storageOf(req), d.Get(fieldName).(string))
	if err != nil || entry == nil || entry.State != batchDone {
		return nil, err
	}
	names, err := entry.names(ctx, storageOf(req))
	if err != nil {
		return nil, err
	}
	data := entry.data()
	data["usernames"] = names
	return &logical.Response{Data: data}, nil
}

// data is the batch as an answer shows it, without its users.
func (e *batchEntry) data() map[string]any {
	expires := ""
	if e.ExpiresAt != nil {
		expires = e.ExpiresAt.Format(time.RFC3339)
	}
	return map[string]any{
		fieldName: e.Name, fieldStrategy: e.Strategy, fieldPrefix: e.Prefix, fieldNumberOfUsers: e.Users,
		fieldExpiresAt: expires, "created_at": e.CreatedAt.Format(time.RFC3339),
	}
}

func (b *backend) batchDelete(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	name := d.Get(fieldName).(string)
	b.batches.mu.Lock()
	defer b.batches.mu.Unlock()
	entry, err := loadBatch(ctx, storageOf(req), name)
	if err != nil {
		return nil, err
	}
	if entry == nil {
		return nil, notFound("batch", name)
	}
	names, err := entry.names(ctx, storageOf(req))
	if err != nil {
		return nil, err
	}
	entry.State = batchDeleting
	if err := saveBatch(ctx, storageOf(req), entry); err != nil {
		return nil, err
	}
	return nil, b.removeBatch(ctx, storageOf(req), entry, names)
}

// batchAnswer is the answer to a new batch, the only one that has the passwords which were
// generated.
type batchAnswer struct {
	entry    *batchEntry
	rows     []batchRow
	until    string // the end of access, to be printed
	format   string
	envelope bool // csv and html are in JSON
}

// response returns the answer in its format.
func (a batchAnswer) response() (*logical.Response, error) {
	text, contentType, err := a.text()
	if err != nil {
		return nil, err
	}
	return rawAnswer(http.StatusCreated, contentType, text), nil
}

// text returns the answer, and its media type.
func (a batchAnswer) text() (text, contentType string, err error) {
	switch a.format {
	case "csv":
		contentType = "text/csv; charset=utf-8"
		text, err = voucherCSV(a.rows)
	case "html":
		contentType = "text/html; charset=utf-8"
		text, err = voucherPage(a.entry.Name, a.until, a.rows)
	default:
		return a.json(map[string]any{"users": a.users()})
	}
	if err != nil || !a.envelope {
		return text, contentType, err
	}
	return a.json(map[string]any{a.format: text})
}

// json returns the batch as JSON, with more about it.
func (a batchAnswer) json(more map[string]any) (text, contentType string, err error) {
	data := a.entry.data()
	maps.Copy(data, more)
	body, err := json.Marshal(data)
	if err != nil {
		return "", "", fmt.Errorf("encoding %s: %w", batchLabel(a.entry.Name), err)
	}
	return string(body), "application/json", nil
}

// users returns the users for JSON.
func (a batchAnswer) users() []map[string]any {
	users := make([]map[string]any, 0, len(a.rows))
	for _, row := range a.rows {
		user := map[string]any{fieldUsername: row.username, fieldEmail: row.email, fieldFirstName: row.firstName, fieldLastName: row.lastName}
		if row.generated {
			user[fieldPassword] = row.password
		}
		users = append(users, user)
	}
	return users
}

const batchHelpDescription = `
Creates many local users at once:

    $ curl -H "X-Vault-Token: $VAULT_TOKEN" -d '{"name": "conference", "strategy": "prefix",
        "prefix": "guest", "number_of_users": 100, "expiration_date": "2030-12-31",
        "format": "html"}' "$VAULT_ADDR/v1/auth/radius/freeradius/batch" >vouchers.html

The answer has the generated passwords, which are told nowhere else: as JSON, or
as a list ("csv") or a page of vouchers ("html"). It is not wrapped in Vault's
envelope: "vault write" shows the JSON, and fails with the others after the users
were created. For these, it takes envelope=true:

    $ vault write -field=html auth/radius/freeradius/batch name=conference \
        strategy=prefix prefix=guest number_of_users=100 format=html \
        envelope=true >vouchers.html

If one user cannot be created, none is. Deleting a batch deletes its users.
`
