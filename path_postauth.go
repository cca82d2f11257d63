package radiusauth

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/acct"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/rlmrest"
)

func (b *backend) pathPostAuth() *framework.Path {
	return &framework.Path{
		Pattern:      "freeradius/postauth",
		DisplayAttrs: &framework.DisplayAttributes{OperationPrefix: operationPrefix, OperationSuffix: "postauth"},
		Fields: pageFields(map[string]*framework.FieldSchema{
			fieldUsername:         query("Only attempts of this user."),
			fieldReply:            query("Only attempts with this answer, such as Access-Reject."),
			fieldCalledStationID:  query("Only attempts with this Called-Station-Id."),
			fieldCallingStationID: query("Only attempts with this Calling-Station-Id."),
			fieldFrom: query("Only attempts then or later: a time such as 2024-01-02T03:04:05Z; " +
				"without a zone it is in UTC; a day is its beginning."),
			fieldTo: query("Only attempts then or earlier."),
		}),
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.UpdateOperation: &framework.PathOperation{
				Callback:     b.postAuthLog,
				Summary:      "Keep an attempt to log in at FreeRADIUS. A password that is sent is not kept.",
				DisplayAttrs: &framework.DisplayAttributes{OperationVerb: "log"},
				Responses: map[int][]framework.Response{
					http.StatusCreated:    {{Description: "Kept."}},
					http.StatusNoContent:  {{Description: "Not kept, as the store is away, or too many came: the log says why."}},
					http.StatusBadRequest: {{Description: "What is wrong, by field."}},
				},
			},
			logical.ReadOperation: &framework.PathOperation{
				Callback:     b.postAuthRead,
				Summary:      "Read a page of attempts, the newest first, as a JSON array, or in an envelope with their number.",
				DisplayAttrs: &framework.DisplayAttributes{OperationVerb: "read"},
				Responses: map[int][]framework.Response{
					http.StatusOK:                 {{Description: "Attempts, not wrapped in Vault's response envelope."}},
					http.StatusBadRequest:         {{Description: "What is wrong, by field."}},
					http.StatusServiceUnavailable: {{Description: "The store is away."}},
				},
			},
		},
		HelpSynopsis:    "Keep and read attempts to log in.",
		HelpDescription: freeradiusHelpDescription,
	}
}

const (
	// postAuthWait is how long a store may take: FreeRADIUS does not answer a login before
	// the attempt is kept, or given up.
	postAuthWait = time.Second
	// maxPostAuthWrites is how many attempts are written at once: more would not be kept
	// faster, and would delay the other work of Vault's storage.
	maxPostAuthWrites = 64
	// acceptedPostAuthWrites is how many of these are reserved for accepts, which no stranger
	// causes.
	acceptedPostAuthWrites = 16
)

// errPostAuthWrites means that an attempt is not kept, since so many are being written.
var errPostAuthWrites = errors.New("too many attempts to log in come at once")

// postAuthWrites counts the attempts that are being written.
type postAuthWrites struct{ underWay atomic.Int64 }

// begin reports whether an attempt may be written. If so, end has to follow.
func (w *postAuthWrites) begin(attempt acct.PostAuth) bool {
	limit := int64(maxPostAuthWrites)
	if !attempt.Accepted() {
		limit -= acceptedPostAuthWrites
	}
	if w.underWay.Add(1) > limit {
		w.end()
		return false
	}
	return true
}

func (w *postAuthWrites) end() { w.underWay.Add(-1) }

// postAuthLog never makes FreeRADIUS refuse a user that it has accepted: any answer but success
// would.
func (b *backend) postAuthLog(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	request, problems := rlmrest.ReadRequest(req.Data)
	attempt := acct.PostAuth{
		Time:             acct.TimeOf(time.Now()),
		Username:         request.Text(fieldUsername, "User-Name"),
		Reply:            request.Text(fieldReply, "Packet-Type"),
		CalledStationID:  request.Text(fieldCalledStationID, "Called-Station-Id"),
		CallingStationID: request.Text(fieldCallingStationID, "Calling-Station-Id"),
		Class:            request.Text("class", "Class"),
	}
	if attempt.Username == "" {
		problems[fieldUsername] = "is missing"
	}
	if attempt.Reply == "" {
		problems[fieldReply] = "is missing: send %{reply:Packet-Type}"
	}
	if len(problems) > 0 {
		return problemAnswer(problems)
	}
	if err := b.keepPostAuth(ctx, storageOf(req), attempt); err != nil {
		b.logNotKept(attempt, err)
		return noContent(), nil
	}
	b.faults.worked(b.Logger(), usedForPostAuth)
	return freeradiusAnswer(http.StatusCreated, ""), nil
}

func (b *backend) keepPostAuth(ctx context.Context, storage kv.Storage, attempt acct.PostAuth) error {
	if !b.postAuthWrites.begin(attempt) {
		return errPostAuthWrites
	}
	defer b.postAuthWrites.end()
	ctx, cancel := context.WithTimeout(ctx, postAuthWait)
	defer cancel()
	records, err := b.records.get(ctx, storage)
	if err != nil {
		return err
	}
	return records.store.LogPostAuth(ctx, attempt)
}

// logNotKept logs that an attempt was not kept: once a minute, since none is kept in a flood, or
// while the store fails.
func (b *backend) logNotKept(attempt acct.PostAuth, err error) {
	if acct.FaultOf(err) != acct.FaultOther {
		b.faults.failed(b.Logger(), usedForPostAuth, err)
		return
	}
	if count, passes := b.logins.Floods.Pass("postauth"); passes {
		b.Logger().Warn("attempts to log in were not kept",
			"attempts", count, "username", attempt.Username, "reply", attempt.Reply, "error", err)
	}
}

func (b *backend) postAuthRead(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	records, err := b.records.get(ctx, storageOf(req))
	if err != nil {
		return nil, err
	}
	problems := acct.Problems{}
	filter := acct.PostAuthFilter{
		Username:         d.Get(fieldUsername).(string),
		Reply:            d.Get(fieldReply).(string),
		CalledStationID:  d.Get(fieldCalledStationID).(string),
		CallingStationID: d.Get(fieldCallingStationID).(string),
		From:             queryTime(d, fieldFrom, problems),
		To:               queryTime(d, fieldTo, problems),
	}
	list := readList(d, problems)
	if len(problems) > 0 {
		return problemAnswer(problems)
	}
	found, more, err := records.store.PostAuths(ctx, filter, list.Page)
	if err != nil {
		return b.queryFailed(err)
	}
	b.faults.worked(b.Logger(), usedForQueries)
	if !list.Envelope {
		return arrayAnswer(found, list.Links(more, nil))
	}
	total, err := b.total(records.store.CountPostAuths(ctx, filter))
	if err != nil {
		return nil, err
	}
	return envelopeAnswer(found, total, list.Links(more, total))
}
