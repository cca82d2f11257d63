package radiusauth

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/netip"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/acct"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/rlmrest"
)

func (b *backend) pathAccounting() *framework.Path {
	return &framework.Path{
		Pattern:      "freeradius/accounting",
		DisplayAttrs: &framework.DisplayAttributes{OperationPrefix: operationPrefix, OperationSuffix: "accounting"},
		Fields: pageFields(map[string]*framework.FieldSchema{
			fieldUsername:         query("Only sessions of this user."),
			fieldCalledStationID:  query("Only sessions with this Called-Station-Id."),
			fieldCallingStationID: query("Only sessions with this Calling-Station-Id."),
			fieldStartTime: query("Only sessions that began then or later: a time such as 2024-01-02T03:04:05Z; " +
				"without a zone it is in UTC; a day is its beginning."),
			fieldStopTime:     query("Only sessions that ended then or earlier."),
			fieldIsOpen:       query("true: only open sessions; false: only closed ones."),
			fieldNASIPAddress: query("Only sessions of this NAS."),
			fieldUniqueID:     query("Only the session with this Acct-Unique-Session-Id."),
		}),
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.UpdateOperation: &framework.PathOperation{
				Callback: b.accountingRecord,
				Summary: "Record an accounting packet: Start, Interim-Update, Stop, Accounting-On or -Off. " +
					"The body is as FreeRADIUS's rlm_rest sends it.",
				DisplayAttrs: &framework.DisplayAttributes{OperationVerb: "record"},
				Responses: map[int][]framework.Response{
					http.StatusOK:                 {{Description: "Recorded; the session was known."}},
					http.StatusCreated:            {{Description: "Recorded; the session is new."}},
					http.StatusNoContent:          {{Description: "Not kept: another Acct-Status-Type, which is about no session."}},
					http.StatusBadRequest:         {{Description: "What is wrong, by field."}},
					http.StatusServiceUnavailable: {{Description: "The store is away: send the packet again."}},
				},
			},
			logical.ReadOperation: &framework.PathOperation{
				Callback:     b.accountingRead,
				Summary:      "Read a page of sessions, the newest start first, as a JSON array, or in an envelope with their number.",
				DisplayAttrs: &framework.DisplayAttributes{OperationVerb: "read"},
				Responses: map[int][]framework.Response{
					http.StatusOK:                 {{Description: "Sessions, not wrapped in Vault's response envelope."}},
					http.StatusBadRequest:         {{Description: "What is wrong, by field."}},
					http.StatusServiceUnavailable: {{Description: "The store is away."}},
				},
			},
		},
		HelpSynopsis:    "Record and read sessions.",
		HelpDescription: freeradiusHelpDescription,
	}
}

// accountingRecord answers only when the packet is stored: the NAS sends a packet again that is
// not acknowledged.
func (b *backend) accountingRecord(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	records, err := b.records.get(ctx, storageOf(req))
	if err != nil {
		return nil, err
	}
	request, unread := rlmrest.ReadRequest(req.Data)
	values := request.AccountingTexts()
	if status, known := acct.StatusOf(values); !known {
		b.logOtherStatus(status, values)
		return noContent(), nil
	}
	packet, problems := acct.ParsePacket(values, time.Now())
	maps.Copy(problems, unread)
	if len(problems) > 0 {
		return problemAnswer(problems)
	}
	if packet.StatusType.AboutNAS() {
		restart := packet.Restart()
		if err := records.store.CloseNAS(ctx, restart); err != nil {
			return b.storeFailed(usedForAccounting, err)
		}
		b.faults.worked(b.Logger(), usedForAccounting)
		b.Logger().Info("a NAS has begun anew, or ends: its sessions are closed",
			"nas", restart.NASAddress, "nas_identifier", restart.NASIdentifier,
			"called_station_id", restart.CalledStationID, "status", packet.StatusType)
		return freeradiusAnswer(http.StatusOK, ""), nil
	}
	if records.config.AutoGroup && packet.GroupName == "" {
		if packet.GroupName, err = b.firstProfile(ctx, storageOf(req), packet.Username); err != nil {
			return nil, err
		}
	}
	created, err := records.store.Record(ctx, packet)
	if err != nil {
		return b.storeFailed(usedForAccounting, err)
	}
	b.faults.worked(b.Logger(), usedForAccounting)
	if created {
		return freeradiusAnswer(http.StatusCreated, ""), nil
	}
	return freeradiusAnswer(http.StatusOK, ""), nil
}

// logOtherStatus logs that a packet is not about a session: once a minute for each kind, since
// a NAS may send such a packet for each tunnel.
func (b *backend) logOtherStatus(status string, values map[string]string) {
	if count, passes := b.logins.Floods.Pass("status_type " + status); passes {
		b.Logger().Warn("accounting packets were acknowledged and not kept: they are about no session",
			"packets", count, "status_type", status, "nas", values[fieldNASIPAddress])
	}
}

// firstProfile returns the short name of the user's first profile; empty if there is none.
func (b *backend) firstProfile(ctx context.Context, storage kv.Storage, username string) (string, error) {
	name, err := b.canonicalName(ctx, storage, username)
	if err != nil {
		return "", err
	}
	user, err := b.users.Get(ctx, storage, name)
	if user == nil || err != nil {
		return "", err
	}
	names, err := b.profiles.ShortNames(ctx, storage, user.Profiles)
	if len(names) == 0 || err != nil {
		return "", err
	}
	return names[0], nil
}

// storeFailed returns the answer after a failure of the store: 503 if trying again may help, so
// that FreeRADIUS stays silent and the NAS sends again, else 500.
func (b *backend) storeFailed(use string, err error) (*logical.Response, error) {
	b.faults.failed(b.Logger(), use, err)
	if !isUnavailable(err) {
		return nil, err
	}
	return freeradiusAnswer(http.StatusServiceUnavailable, ""), nil
}

func (b *backend) accountingRead(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	records, err := b.records.get(ctx, storageOf(req))
	if err != nil {
		return nil, err
	}
	filter := acct.Filter{
		UniqueID:         d.Get(fieldUniqueID).(string),
		Username:         d.Get(fieldUsername).(string),
		CalledStationID:  d.Get(fieldCalledStationID).(string),
		CallingStationID: d.Get(fieldCallingStationID).(string),
	}
	problems := acct.Problems{}
	filter.StartTime = queryTime(d, fieldStartTime, problems)
	filter.StopTime = queryTime(d, fieldStopTime, problems)
	if text := d.Get(fieldNASIPAddress).(string); text != "" {
		if filter.NASAddress, err = netip.ParseAddr(text); err != nil {
			problems[fieldNASIPAddress] = "is not an IP address"
		}
	}
	filter.IsOpen = queryBool(d, fieldIsOpen, problems)
	list := readList(d, problems)
	if len(problems) > 0 {
		return problemAnswer(problems)
	}
	found, more, err := records.store.Sessions(ctx, filter, list.Page)
	if err != nil {
		return b.queryFailed(err)
	}
	b.faults.worked(b.Logger(), usedForQueries)
	if !list.Envelope {
		return arrayAnswer(found, list.Links(more, nil))
	}
	total, err := b.total(records.store.CountSessions(ctx, filter))
	if err != nil {
		return nil, err
	}
	return envelopeAnswer(found, total, list.Links(more, total))
}

// total returns the number of all records; nil if it is not known exactly.
func (b *backend) total(count int, exact bool, err error) (*int, error) {
	switch {
	case isUnavailable(err): // the page is there: it is worth more than its number
		b.Logger().Warn("records were not counted", "error", err)
		return nil, nil
	case err != nil:
		return nil, err
	case !exact:
		return nil, nil
	}
	return &count, nil
}

// queryFailed returns the answer to a query that the store did not answer.
func (b *backend) queryFailed(err error) (*logical.Response, error) {
	if errors.Is(err, acct.ErrTooBroad) {
		return logical.ErrorResponse(err.Error()), nil
	}
	return b.storeFailed(usedForQueries, err)
}
