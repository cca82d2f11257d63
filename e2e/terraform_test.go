package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/tlstest"
)

// terraformVariables are the values of the variables of examples/terraform that have no default.
func terraformVariables(t testing.TB) map[string]string {
	t.Helper()
	authority, err := tlstest.NewAuthority("Example CA")
	require.NoError(t, err)
	return map[string]string{
		"radius_secret": radiusSecret, "tokens_secret": "secret-of-the-tokens", "directory_ca": string(authority.PEM()),
	}
}

// examples/terraform is created, planned again without a change, updated, imported and deleted, by
// the requests that Terraform's provider sends; and by Terraform or OpenTofu itself, with the real
// provider, if TERRAFORM_BIN names one of them.
func TestTerraformExample(t *testing.T) {
	t.Parallel()
	v := startVault(t)
	v.register("radius", "") // instead of the built-in: the provider's resources go by the type
	variables := terraformVariables(t)
	t.Run("by the provider's requests", func(t *testing.T) {
		example := &appliedExample{
			t: t, provider: &provider{t, v.Client},
			declarations: readExample(t, variables), states: map[string]map[string]any{},
		}
		example.create()
		example.keepsThePasswordOf(v)
		example.seesAChangeFromElsewhere(v)
		example.importAll()
		example.showsOtherSpellings()
		example.delete()
	})
	binary := os.Getenv("TERRAFORM_BIN")
	if binary == "" {
		t.Log("only by the provider's requests: TERRAFORM_BIN names neither terraform nor tofu")
		return
	}
	t.Run("by "+filepath.Base(binary), func(t *testing.T) { runTerraform(t, v, binary, variables) })
}

// appliedExample is examples/terraform as it has been applied.
type appliedExample struct {
	t            *testing.T
	provider     *provider
	declarations []declaration
	states       map[string]map[string]any
}

// create makes all resources.
func (e *appliedExample) create() {
	e.t.Helper()
	for _, d := range e.declarations {
		e.states[d.address()] = e.provider.apply(d, nil)
	}
	e.planIsEmpty()
}

// planIsEmpty reads everything anew.
func (e *appliedExample) planIsEmpty() {
	e.t.Helper()
	for _, d := range e.declarations {
		e.states[d.address()] = e.provider.read(d, e.states[d.address()])
		require.NotNil(e.t, e.states[d.address()], d.address())
		require.Empty(e.t, e.provider.plan(d, e.states[d.address()]), d.address())
	}
}

// at returns the place of the declaration at the address.
func (e *appliedExample) at(address string) int {
	e.t.Helper()
	at := slices.IndexFunc(e.declarations, func(d declaration) bool { return d.address() == address })
	require.GreaterOrEqual(e.t, at, 0, address)
	return at
}

// change edits the declaration at the address, and applies it.
func (e *appliedExample) change(address string, edit func(declaration) declaration) {
	e.t.Helper()
	at := e.at(address)
	d := edit(e.declarations[at])
	require.NotEmpty(e.t, e.provider.plan(d, e.states[address]), "%s: the change is not seen", address)
	e.declarations[at] = d
	was := e.states[address]
	e.states[address] = e.provider.apply(d, was)
	if d.Type == "vault_generic_endpoint" {
		require.Equal(e.t, d.data(e.t), declaration{Attributes: e.states[address]}.data(e.t), address)
	}
}

// keepsThePasswordOf sets a password beside Terraform, and updates every resource: afterwards the
// password is still good, and each plan is empty.
func (e *appliedExample) keepsThePasswordOf(v *vaultServer) {
	t := e.t
	t.Helper()
	v.write("auth/radius/users/operator", map[string]any{"password": bobsPassword, "policies": "production"})
	e.planIsEmpty()
	const generic = "vault_generic_endpoint."
	edits := map[string]func(declaration) declaration{
		"vault_policy.guest":        func(d declaration) declaration { return d.with("policy", `path "a" {}`) },
		"vault_auth_backend.radius": func(d declaration) declaration { return d.with("description", "changed") },
		"vault_radius_auth_backend.config": func(d declaration) declaration {
			return d.with("token_ttl", 1800.0).with("token_max_ttl", nil).with("token_bound_cidrs", nil).
				with("unregistered_user_policies", nil).with("secret_wo", "another-secret-16").with("secret_wo_version", 2.0)
		},
		`vault_radius_auth_backend_user.user["bob"]`: func(d declaration) declaration { return d.with("policies", nil) },
		`vault_radius_auth_backend_user.user["carol"]`: func(d declaration) declaration {
			return d.with("policies", []any{"staging", "guest"})
		},
		generic + "config": func(d declaration) declaration {
			return d.withData(t, "hosts", []any{}).withData(t, "lockout_threshold", 0).
				withData(t, "send_client_address", false)
		},
		generic + "corp":   func(d declaration) declaration { return d.withData(t, "host", "dc2.corp.example.com") },
		generic + "tokens": func(d declaration) declaration { return d.withData(t, "secret", "another-secret-16") },
		generic + "office": func(d declaration) declaration { return d.withData(t, "check_attribute", []any{}) },
		generic + "admins": func(d declaration) declaration { return d.withData(t, "name", "All administrators") },
		generic + "alice": func(d declaration) declaration {
			return d.withData(t, "profiles", []any{"admins"}).withData(t, "expires_at", "").
				withData(t, "metadata", map[string]any{})
		},
		generic + "operator": func(d declaration) declaration {
			return d.withData(t, "policies", []any{"guest", "production"})
		},
	}
	for address, edit := range edits {
		e.change(address, edit)
		e.planIsEmpty()
	}
	require.Subset(t, v.login("auth/radius", "operator", bobsPassword).Policies, []string{"guest", "production"})
	require.Len(t, edits, len(e.declarations)-2, "all but two of the policies")
}

// seesAChangeFromElsewhere changes each kind of resource beside Terraform.
func (e *appliedExample) seesAChangeFromElsewhere(v *vaultServer) {
	e.t.Helper()
	for address, change := range map[string]struct {
		path string
		data map[string]any
	}{
		"vault_radius_auth_backend.config":             {"config", map[string]any{"token_ttl": 60}},
		"vault_generic_endpoint.config":                {"config", map[string]any{"nas_identifier": "other"}},
		"vault_generic_endpoint.corp":                  {"extauth/corp", map[string]any{"host": "192.0.2.1"}},
		"vault_generic_endpoint.alice":                 {"users/alice@corp.example.com", map[string]any{"email": "b@example.com"}},
		`vault_radius_auth_backend_user.user["carol"]`: {"users/carol", map[string]any{"policies": "guest"}},
	} {
		d := e.declarations[e.at(address)]
		v.write("auth/radius/"+change.path, change.data)
		state := e.provider.read(d, e.states[address])
		require.NotEmpty(e.t, e.provider.plan(d, state), address)
		e.states[address] = e.provider.apply(d, state)
	}
	e.planIsEmpty()
}

// importAll takes every resource into an empty state. Generic endpoints, which have all fields then,
// and the version of the secret, which no read shows, are written once; nothing in Vault changes.
func (e *appliedExample) importAll() {
	t := e.t
	t.Helper()
	for _, d := range e.declarations {
		state := e.provider.imported(d)
		require.NotNil(t, state, d.address())
		switch changed := e.provider.plan(d, state); d.Type {
		case "vault_generic_endpoint":
			require.Len(t, changed, 1, d.address())
			require.Contains(t, changed[0], "data_json: ")
		case "vault_radius_auth_backend":
			require.Equal(t, []string{"secret_wo_version: <nil> -> 2"}, changed)
		default:
			require.Empty(t, changed, d.address())
			continue
		}
		before, err := e.provider.client.Logical().Read(e.provider.path(d))
		require.NoError(t, err)
		e.states[d.address()] = e.provider.apply(d, state)
		after, err := e.provider.client.Logical().Read(e.provider.path(d))
		require.NoError(t, err)
		require.Equal(t, before.Data, after.Data, d.address())
	}
	e.planIsEmpty()
}

// showsOtherSpellings holds the README to what it says of values that are not spelled as a read
// spells them: each plan has them as a change.
func (e *appliedExample) showsOtherSpellings() {
	t := e.t
	t.Helper()
	for _, spelled := range []struct {
		address, field string
		value          any
	}{
		{"config", "lockout_duration", "15m"},
		{"config", "lockout_duration", "900"},
		{"config", "send_client_address", "true"},
		{"config", "failover_on_trial", true},
		{"config", "group_attributes", "Filter-Id,Class"},
		{"config", "nas_identifier", nil},
		{"config", "token_bound_cidrs", []any{"192.0.2.7/32"}},
		{"config", "hosts", []any{map[string]any{"host": "radius2.example.com", "secret": "hidden-secret-16"}}},
		{"alice", "expires_at", "2034-12-31"},
		{"alice", "policies", []any{"staging", "guest"}},
		{"corp", "host", []any{"dc1.corp.example.com", "dc2.corp.example.com"}},
		{"admins", "reply_attribute", []any{map[string]any{"attribute": "Session-Timeout", "op": ":=", "value": 60}}},
	} {
		address := "vault_generic_endpoint." + spelled.address
		d := e.declarations[e.at(address)]
		other := d.withData(t, spelled.field, spelled.value)
		state := e.provider.apply(other, e.states[address])
		require.NotEmpty(t, e.provider.plan(other, state), "%s: %s", address, spelled.field)
		e.states[address] = e.provider.apply(d, state)
		require.Empty(t, e.provider.plan(d, e.states[address]), "%s: %s", address, spelled.field)
	}
}

// delete removes everything, the last first.
func (e *appliedExample) delete() {
	e.t.Helper()
	for _, d := range slices.Backward(e.declarations) {
		e.provider.delete(d)
		if d.Name == "config" {
			continue // it goes with the mount
		}
		require.Nil(e.t, e.provider.read(d, e.states[d.address()]), d.address())
	}
	require.Nil(e.t, e.provider.readMount("radius"))
}

// runTerraform applies the example with the real program, and destroys it. Its init needs the
// provider: from the registry, or from a mirror that the program's own configuration names.
func runTerraform(t *testing.T, v *vaultServer, binary string, variables map[string]string) {
	t.Helper()
	folder := t.TempDir()
	files, err := filepath.Glob("../examples/terraform/*.tf")
	require.NoError(t, err)
	for _, file := range files {
		copyFile(t, file, filepath.Join(folder, filepath.Base(file)))
	}
	environment := append(os.Environ(), "VAULT_ADDR="+v.Client.Address(), "VAULT_TOKEN="+rootToken)
	for name, value := range variables {
		environment = append(environment, "TF_VAR_"+name+"="+value)
	}
	for _, arguments := range [][]string{
		{"init", "-no-color", "-input=false"},
		{"validate", "-no-color"},
		{"apply", "-no-color", "-input=false", "-auto-approve"},
		{"plan", "-no-color", "-input=false", "-detailed-exitcode"}, // 2 if there is a change
		{"destroy", "-no-color", "-input=false", "-auto-approve"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		command := exec.CommandContext(ctx, binary, arguments...)
		command.Dir, command.Env = folder, environment
		output, err := command.CombinedOutput()
		cancel()
		require.NoError(t, err, "%s %s\n%s", binary, arguments[0], output)
	}
	t.Logf("%s applied the example, planned it again without a change, and destroyed it", binary)
}
