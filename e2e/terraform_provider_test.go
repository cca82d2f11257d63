package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"
)

// provider sends what Terraform's provider for Vault, 5.10, sends for the resources of
// examples/terraform, with the same client library, and keeps what that would keep in its state.
// A state is nil when the resource is gone.
type provider struct {
	t      testing.TB
	client *api.Client
}

// The optional numbers of vault_radius_auth_backend: one that is not set is not sent, and what a
// read shows is taken over.
var computedNumbers = []string{"port", "dial_timeout", "read_timeout", "nas_port"}

// The token fields, all of which are sent always: what is not set as nothing.
var (
	tokenNumbers = []string{
		"token_ttl", "token_max_ttl", "token_explicit_max_ttl", "token_num_uses", "token_period",
	}
	tokenSets = []string{"token_policies", "token_bound_cidrs"}
)

// apply creates or updates the resource; was is its state, nil for a new one.
func (p *provider) apply(d declaration, was map[string]any) map[string]any {
	p.t.Helper()
	switch d.Type {
	case "vault_policy":
		require.NoError(p.t, p.client.Sys().PutPolicy(d.Attributes["name"].(string), d.Attributes["policy"].(string)))
	case "vault_auth_backend":
		p.applyMount(d, was)
	case "vault_radius_auth_backend":
		p.put(p.path(d), p.configRequest(d))
	case "vault_radius_auth_backend_user":
		request := map[string]any{}
		if policies := texts(d.Attributes["policies"]); len(policies) > 0 {
			request["policies"] = strings.Join(policies, ",")
		}
		p.put(p.path(d), request)
	default:
		p.put(p.path(d), d.data(p.t))
	}
	return p.read(d, d.Attributes)
}

func (p *provider) put(path string, request map[string]any) {
	p.t.Helper()
	_, err := p.client.Logical().Write(path, request)
	require.NoError(p.t, err, path)
}

func (p *provider) applyMount(d declaration, was map[string]any) {
	p.t.Helper()
	path, description := d.Attributes["path"].(string), d.Attributes["description"].(string)
	tune := api.MountConfigInput{ListingVisibility: d.Tune["listing_visibility"].(string)}
	if was == nil {
		require.NoError(p.t, p.client.Sys().EnableAuthWithOptions(path, &api.EnableAuthOptions{
			Type: d.Attributes["type"].(string), Description: description,
		}))
	} else {
		tune.Description = &description
	}
	//lint:ignore SA1019 this is what the provider calls
	require.NoError(p.t, p.client.Sys().TuneMount("auth/"+path, tune))
}

// configRequest is the body of a write of vault_radius_auth_backend.
func (p *provider) configRequest(d declaration) map[string]any {
	request := map[string]any{
		"host": d.Attributes["host"], "secret": d.Attributes["secret_wo"],
		"token_type": "default", "token_no_default_policy": false,
		"unregistered_user_policies": strings.Join(texts(d.Attributes["unregistered_user_policies"]), ","),
	}
	for _, field := range computedNumbers {
		if number, given := d.Attributes[field]; given && number != 0.0 {
			request[field] = number
		}
	}
	for _, field := range tokenNumbers {
		request[field] = 0
		if number, given := d.Attributes[field]; given {
			request[field] = number
		}
	}
	for _, field := range tokenSets {
		request[field] = nil
		if set := texts(d.Attributes[field]); len(set) > 0 {
			request[field] = set
		}
	}
	return request
}

// read returns the state after a read; was is the one before.
func (p *provider) read(d declaration, was map[string]any) map[string]any {
	p.t.Helper()
	switch d.Type {
	case "vault_policy":
		policy, err := p.client.Sys().GetPolicy(was["name"].(string))
		require.NoError(p.t, err)
		if policy == "" {
			return nil
		}
		return map[string]any{"name": was["name"], "policy": policy}
	case "vault_auth_backend":
		return p.readMount(was["path"].(string))
	}
	secret, err := p.client.Logical().Read(p.path(d))
	require.NoError(p.t, err, p.path(d))
	if secret == nil {
		return nil
	}
	switch d.Type {
	case "vault_radius_auth_backend":
		return p.configState(secret.Data, was)
	case "vault_radius_auth_backend_user":
		state := map[string]any{"mount": d.Attributes["mount"], "username": d.Attributes["username"]}
		if policies := texts(secret.Data["policies"]); len(policies) > 0 {
			state["policies"] = policies
		}
		return state
	}
	return p.genericState(secret.Data, was)
}

func (p *provider) readMount(path string) map[string]any {
	p.t.Helper()
	mounts, err := p.client.Sys().ListAuth()
	require.NoError(p.t, err)
	mount := mounts[path+"/"]
	if mount == nil {
		return nil
	}
	tune, err := p.client.Sys().MountConfig("auth/" + path)
	require.NoError(p.t, err)
	return map[string]any{
		"type": mount.Type, "path": path, "description": mount.Description,
		"tune.listing_visibility": tune.ListingVisibility,
	}
}

// configState decodes a read strictly: a number in quotes, or a text instead of a list, would be an
// error of the provider.
func (p *provider) configState(data, was map[string]any) map[string]any {
	p.t.Helper()
	text, err := json.Marshal(data)
	require.NoError(p.t, err)
	var read struct {
		Host                     string
		Port                     int64
		UnregisteredUserPolicies []string `json:"unregistered_user_policies"`
		DialTimeout              int64    `json:"dial_timeout"`
		ReadTimeout              int64    `json:"read_timeout"`
		NASPort                  int64    `json:"nas_port"`
		NASIdentifier            string   `json:"nas_identifier"`
		TokenTTL                 int64    `json:"token_ttl"`
		TokenMaxTTL              int64    `json:"token_max_ttl"`
		TokenExplicitMaxTTL      int64    `json:"token_explicit_max_ttl"`
		TokenNumUses             int64    `json:"token_num_uses"`
		TokenPeriod              int64    `json:"token_period"`
		TokenNoDefaultPolicy     bool     `json:"token_no_default_policy"`
		TokenPolicies            []string `json:"token_policies"`
		TokenBoundCIDRs          []string `json:"token_bound_cidrs"`
		TokenType                string   `json:"token_type"`
	}
	require.NoError(p.t, json.Unmarshal(text, &read))
	require.Equal(p.t, "default", read.TokenType, "the provider plans this where it is not set")
	state := map[string]any{
		"mount": "radius", "host": read.Host, "port": read.Port, "dial_timeout": read.DialTimeout,
		"read_timeout": read.ReadTimeout, "nas_port": read.NASPort, "nas_identifier": read.NASIdentifier,
	}
	if version, known := was["secret_wo_version"]; known {
		state["secret_wo_version"] = version
	}
	for field, set := range map[string][]string{
		"unregistered_user_policies": read.UnregisteredUserPolicies,
		"token_policies":             read.TokenPolicies, "token_bound_cidrs": read.TokenBoundCIDRs,
	} {
		if len(set) > 0 {
			state[field] = set
		}
	}
	for field, number := range map[string]int64{
		"token_ttl": read.TokenTTL, "token_max_ttl": read.TokenMaxTTL, "token_explicit_max_ttl": read.TokenExplicitMaxTTL,
		"token_num_uses": read.TokenNumUses, "token_period": read.TokenPeriod,
	} {
		if number != 0 {
			state[field] = number
		}
	}
	return state
}

// genericState keeps, of what is written, what a read does not show.
func (p *provider) genericState(data, was map[string]any) map[string]any {
	p.t.Helper()
	relevant := data
	if was["ignore_absent_fields"] == true {
		relevant = map[string]any{}
		require.NoError(p.t, json.Unmarshal([]byte(was["data_json"].(string)), &relevant))
		for field := range relevant {
			if value, shown := data[field]; shown {
				relevant[field] = value
			}
		}
	}
	text, err := json.Marshal(relevant)
	require.NoError(p.t, err)
	return map[string]any{
		"path": was["path"], "data_json": string(text), "ignore_absent_fields": was["ignore_absent_fields"] == true,
	}
}

// plan returns the attributes that would be changed.
func (p *provider) plan(d declaration, state map[string]any) []string {
	p.t.Helper()
	changed := []string{}
	for attribute, value := range d.Attributes {
		switch attribute {
		case "secret_wo", "write_fields", "disable_delete", "ignore_absent_fields":
			continue // never kept, or of the state alone
		case "data_json":
			text, err := json.Marshal(d.data(p.t)) // as the provider spells it
			require.NoError(p.t, err)
			value = string(text)
		}
		if !sameValue(value, state[attribute]) {
			changed = append(changed, fmt.Sprintf("%s: %v -> %v", attribute, state[attribute], value))
		}
	}
	for attribute, value := range d.Tune {
		if !sameValue(value, state["tune."+attribute]) {
			changed = append(changed, "tune."+attribute)
		}
	}
	for _, attribute := range slices.Concat(tokenNumbers, tokenSets, []string{"unregistered_user_policies", "policies"}) {
		if _, given := d.Attributes[attribute]; !given && state[attribute] != nil {
			changed = append(changed, fmt.Sprintf("%s: %v -> null", attribute, state[attribute]))
		}
	}
	return changed
}

// sameValue compares as the provider's types do: numbers as numbers, lists as sets.
func sameValue(planned, read any) bool {
	if set, isSet := planned.([]any); isSet {
		left, right := texts(set), texts(read)
		slices.Sort(left)
		slices.Sort(right)
		return slices.Equal(left, right)
	}
	return fmt.Sprint(planned) == fmt.Sprint(read)
}

// delete removes the resource, as far as the provider does.
func (p *provider) delete(d declaration) {
	p.t.Helper()
	switch d.Type {
	case "vault_policy":
		require.NoError(p.t, p.client.Sys().DeletePolicy(d.Attributes["name"].(string)))
	case "vault_auth_backend":
		require.NoError(p.t, p.client.Sys().DisableAuth(d.Attributes["path"].(string)))
	case "vault_radius_auth_backend": // the provider sends nothing, and warns
	default:
		if d.Attributes["disable_delete"] == true {
			return
		}
		_, err := p.client.Logical().Delete(p.path(d))
		require.NoError(p.t, err, p.path(d))
	}
}

// imported returns the state of an import and the read that follows.
func (p *provider) imported(d declaration) map[string]any {
	p.t.Helper()
	switch d.Type {
	case "vault_generic_endpoint": // by its path alone: all that a read shows
		return p.read(d, map[string]any{"path": p.path(d)})
	case "vault_radius_auth_backend":
		return p.read(d, map[string]any{})
	}
	return p.read(d, d.Attributes)
}

// path returns where the resource is in Vault.
func (p *provider) path(d declaration) string {
	switch d.Type {
	case "vault_radius_auth_backend":
		return fmt.Sprintf("auth/%s/config", d.Attributes["mount"])
	case "vault_radius_auth_backend_user":
		return fmt.Sprintf("auth/%s/users/%s", d.Attributes["mount"], d.Attributes["username"])
	}
	return d.Attributes["path"].(string)
}

// texts returns the texts of a list; none of nil.
func texts(list any) []string {
	found := []string{}
	switch list := list.(type) {
	case []string:
		found = append(found, list...)
	case []any:
		for _, entry := range list {
			found = append(found, fmt.Sprint(entry))
		}
	}
	return found
}
