package radiusauth

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/metrics"
	"vault-plugin-auth-radius/internal/source"
)

func (b *backend) pathMetrics() *framework.Path {
	return &framework.Path{
		Pattern:      "metrics",
		DisplayAttrs: &framework.DisplayAttributes{OperationPrefix: operationPrefix, OperationSuffix: "metrics"},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation: &framework.PathOperation{
				Callback:    b.metricsRead,
				Summary:     "Show the metrics of this Vault server to Prometheus.",
				Description: "In Prometheus's text format, without Vault's envelope.",
				Responses: map[int][]framework.Response{
					http.StatusOK: {{Description: "The metrics, as text.", MediaType: metrics.ContentType}},
				},
			},
		},
		HelpSynopsis:    "Show metrics to Prometheus.",
		HelpDescription: metricsHelpDescription,
	}
}

func (b *backend) metricsRead(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	var exposition strings.Builder
	err := b.metrics.Write(&exposition, func() (metrics.Snapshot, error) { return b.snapshot(ctx, storageOf(req)) })
	if err != nil {
		return nil, err
	}
	return rawAnswer(http.StatusOK, metrics.ContentType, exposition.String()), nil
}

// snapshot returns the state of the mount. It asks nobody.
func (b *backend) snapshot(ctx context.Context, storage kv.Storage) (metrics.Snapshot, error) {
	sources, err := b.allSources(ctx, storage)
	if err != nil {
		return metrics.Snapshot{}, err
	}
	snapshot := metrics.Snapshot{LockedNames: b.logins.Lockouts.LockedCount(), Caches: b.caches()}
	for _, src := range sources {
		snapshot.Sources = append(snapshot.Sources,
			metrics.SourceState{Name: src.Label(), Type: src.TypeLabel(), Faulty: src.Err != nil})
		stats := src.Stats()
		snapshot.Servers = append(snapshot.Servers, stats...)
		snapshot.Certificates = append(snapshot.Certificates, src.Certificates(stats)...)
	}
	return snapshot, nil
}

// caches returns how often the entries that logins and FreeRADIUS need were in memory.
func (b *backend) caches() (all []metrics.Cache) {
	add := func(name string, cache interface{ Lookups() (hits, misses uint64) }) {
		hits, misses := cache.Lookups()
		all = append(all, metrics.Cache{Name: name, Hits: hits, Misses: misses})
	}
	add("config", b.settings)
	add("users", b.users)
	add("passwords", b.logins.Known)
	add("profiles", b.profiles)
	add("dictionaries", b.dictionaries)
	add("sources", b.sources)
	add("freeradius_config", b.records)
	return all
}

// allSources returns the config's own servers, if it has any, and the sources.
func (b *backend) allSources(ctx context.Context, storage kv.Storage) (all []*source.Source, err error) {
	settings, err := b.settings.get(ctx, storage)
	if err != nil {
		return nil, err
	}
	if settings != nil && settings.config.Host != "" {
		all = append(all, settings.login.Source)
	}
	set, err := b.sources.Get(ctx, storage)
	if err != nil {
		return nil, err
	}
	return append(all, set.Ordered...), nil
}

// freeradiusRequests are the requests of FreeRADIUS, by their paths.
var freeradiusRequests = map[string]metrics.Request{
	"freeradius/authorize":  metrics.Authorize,
	"freeradius/postauth":   metrics.PostAuth,
	"freeradius/accounting": metrics.Accounting,
}

// countAnswer counts the answer to a request of FreeRADIUS when the returned function is called
// with it.
func (b *backend) countAnswer(req *logical.Request, begun time.Time) func(**logical.Response, *error) {
	return func(resp **logical.Response, err *error) {
		request, found := freeradiusRequests[req.Path]
		if found && req.Operation == logical.UpdateOperation {
			b.metrics.FreeRADIUSAnswered(request, answerStatus(req, *resp, *err), time.Since(begun))
		}
	}
}

// answerStatus returns the HTTP status with which Vault answers.
func answerStatus(req *logical.Request, resp *logical.Response, err error) int {
	if resp != nil && err == nil {
		if status, isRaw := resp.Data[logical.HTTPStatusCode].(int); isRaw {
			return status
		}
	}
	status, err := logical.RespondErrorCommon(req, resp, err)
	logical.AdjustErrorStatusCode(&status, err)
	switch {
	case status != 0:
		return status
	case resp == nil:
		return http.StatusNoContent
	}
	return http.StatusOK
}

// countOpenSessions counts the open sessions for the metrics. While the store is away, there is
// no number; its errors are counted already.
func (b *backend) countOpenSessions(ctx context.Context, storage kv.Storage) error {
	records, err := b.records.get(ctx, storage)
	if err != nil {
		return err
	}
	count, _, err := records.store.OpenSessions(ctx)
	switch {
	case isUnavailable(err):
		b.metrics.OpenSessionsUnknown()
		return nil
	case err != nil:
		return fmt.Errorf("counting open sessions: %w", err)
	}
	b.metrics.OpenSessions(string(records.config.Store), count)
	return nil
}

const metricsHelpDescription = `
What this Vault server has counted since the plugin started, and the state of its
RADIUS servers, directories, caches and lockouts, for Prometheus:

    $ curl -H "Authorization: Bearer $VAULT_TOKEN" "$VAULT_ADDR/v1/auth/radius/metrics"

The token's policy has "read" on the path. Every server of a cluster has its own
numbers. No label has the name of a user or of a station.
`
