package radiusauth

import (
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/fips"
)

func (b *backend) pathStatus() *framework.Path {
	return &framework.Path{
		Pattern:      "status",
		DisplayAttrs: &framework.DisplayAttributes{OperationPrefix: operationPrefix, OperationSuffix: "status"},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation: &framework.PathOperation{
				Callback:  b.statusRead,
				Summary:   "Show what this Vault server has seen of the servers that check passwords.",
				Responses: dataResponses(statusResponseFields()),
			},
		},
		HelpSynopsis:    "Show what this Vault server has seen of the RADIUS servers.",
		HelpDescription: statusHelpDescription,
	}
}

// statusResponseFields returns the schema of a read.
func statusResponseFields() map[string]*framework.FieldSchema {
	return map[string]*framework.FieldSchema{
		"version": {
			Type:        framework.TypeString,
			Description: "Version of the plugin.",
			Required:    true,
		},
		"fips140": {
			Type:        framework.TypeString,
			Description: "FIPS 140 mode of the plugin, as GODEBUG=fips140 has it: \"on\" or \"only\". Left out if it is off.",
		},
		"servers": {
			Type:        framework.TypeSlice,
			Description: "Each RADIUS server of the config, with its counters since the plugin started.",
			Required:    true,
		},
		"sources": {
			Type:        framework.TypeMap,
			Description: "The same for each source under extauth/, by name.",
			Required:    true,
		},
		"hidden_users": {
			Type: framework.TypeStringSlice,
			Description: "Stored users that are not found under their names, as the config has it; at most 100. " +
				"Left out if there are none.",
		},
		"twin_users": {
			Type:        framework.TypeSlice,
			Description: "Groups of registered users that are one user to Vault; at most 100. Left out if there are none.",
		},
		"incomplete": {
			Type: framework.TypeStringSlice,
			Description: "What is being read in the background, and how far that is: so long `warnings` may lack some. " +
				"Left out when all was read.",
		},
		"warnings": {
			Type: framework.TypeStringSlice,
			Description: "Changes that the configs and profiles stored by earlier versions need, and what is stored " +
				"that FIPS 140 mode refuses; left out if there are none.",
		},
	}
}

func (b *backend) statusRead(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	settings, err := b.settings.get(ctx, storageOf(req))
	if err != nil {
		return nil, err
	}
	servers := []any{}
	if settings != nil {
		servers = settings.login.Source.Status()
	}
	all, err := b.sources.Get(ctx, storageOf(req))
	if err != nil {
		return nil, err
	}
	sources := map[string]any{}
	for _, src := range all.Ordered {
		shown := map[string]any{"type": string(src.Entry.Type), "servers": src.Status()}
		if src.Err != nil {
			shown["fault"] = src.Err.Error()
		}
		sources[src.Name] = shown
	}
	rules, err := b.rules(ctx, storageOf(req))
	if err != nil {
		return nil, err
	}
	names, err := b.logins.RegisteredNames(ctx, storageOf(req), rules)
	if err != nil {
		return nil, err
	}
	data := map[string]any{"version": b.RunningVersion, "servers": servers, "sources": sources}
	if mode := fips.Mode(); mode != "off" {
		data["fips140"] = mode
	}
	if hidden := names.Hidden(); len(hidden) > 0 {
		data["hidden_users"] = hidden
	}
	if twins := names.Twins(); len(twins) > 0 {
		data["twin_users"] = twins
	}
	warnings, err := b.records.warnings(ctx, storageOf(req))
	if err != nil {
		return nil, err
	}
	ofProfiles, err := b.profiles.Warnings(ctx, storageOf(req))
	if err != nil {
		return nil, err
	}
	ofMode, err := b.fipsWarnings(ctx, storageOf(req))
	if err != nil {
		return nil, err
	}
	ofHashes, progress, err := b.hashWarnings(ctx, storageOf(req))
	if err != nil {
		return nil, err
	}
	warnings = slices.Concat(warnings, ofProfiles.Texts, ofMode, ofHashes)
	if len(warnings) > 0 {
		data["warnings"] = warnings
	}
	var incomplete []string
	if !ofProfiles.Complete {
		incomplete = append(incomplete, fmt.Sprintf("profiles: %d of %d were read", ofProfiles.Read, ofProfiles.Of))
	}
	if progress != "" {
		incomplete = append(incomplete, progress)
	}
	if len(incomplete) > 0 {
		data["incomplete"] = incomplete
	}
	return &logical.Response{Data: data}, nil
}

const statusHelpDescription = `
Counters of this Vault server, since the plugin started: every server of a
cluster has its own. They survive writes of the config and of sources; those of a
server that is taken out end, and begin at 0 if it comes back.

    $ vault read -format=json auth/radius/status

"retransmitted" beside "sent" shows how lossy the network is; "timed_out" how
often no answer came at all; "dropped" which datagrams were not trusted.

"hidden_users" are stored under names that no login leads to: write each under
the name that it has now, and delete users/<old name>. "twin_users" are one user
to Vault, such as alice and ALICE: delete all but one.
`
