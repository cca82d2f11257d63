// Package e2e drives the built plugin in a real Vault server, over HTTP and
// with the real command line, against a real FreeRADIUS.
package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/daemontest"
)

const (
	rootToken = "root"

	// pluginName is what the plugin is registered as; upgrades register it
	// under the built-in's name instead.
	pluginName = "vault-plugin-auth-radius"

	// readyWithin only ends what hangs.
	readyWithin = 2 * time.Minute
)

// vaultServer is a Vault in dev mode: unsealed, storage in memory.
type vaultServer struct {
	t       testing.TB
	Client  *api.Client // with the root token
	log     *serverLog
	home    string
	process *os.Process
}

// startVault runs a Vault of the test's own, with the plugin in its plugin
// directory and further stanzas in its configuration, and stops it when the test ends.
func startVault(t testing.TB, stanzas ...string) *vaultServer {
	t.Helper()
	home := t.TempDir()
	copyFile(t, pluginBinary(t), filepath.Join(home, "plugins", pluginName))
	config := filepath.Join(home, "vault.hcl")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil,
		"plugin_directory = %q\nraw_storage_endpoint = true\nlog_level = \"trace\"\ndisable_mlock = true\n%s%s",
		filepath.Join(home, "plugins"), kindOfServer(t).stanzas(), strings.Join(stanzas, "\n")), 0o600))

	for range daemontest.PortAttempts {
		v, err := runVault(t, home, config)
		if err == nil {
			return v
		}
		if !strings.Contains(v.log.String(), "address already in use") {
			t.Fatalf("%v\n%s", err, v.log.tail(40))
		}
	}
	t.Fatal("Vault found no port that is free")
	return nil
}

// runVault runs a Vault on ports that are free and waits until it is ready.
func runVault(t testing.TB, home, config string) (*vaultServer, error) {
	t.Helper()
	port, err := daemontest.FreePorts(t.Context(), 2) // the second is the cluster's
	require.NoError(t, err)
	address := fmt.Sprintf("127.0.0.1:%d", port)
	log := newServerLog()
	command := exec.Command(vaultBinary(t), "server", "-dev", "-dev-no-store-token",
		"-dev-root-token-id="+rootToken, "-dev-listen-address="+address, "-config="+config)
	command.Env = clientEnvironment(home, "http://"+address)
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, command.Start())
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(time.Minute):
			_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL)
			<-ended
		}
		if t.Failed() {
			t.Logf("the end of Vault's log:\n%s", log.tail(60))
		}
	})

	client, err := api.NewClient(&api.Config{Address: "http://" + address, Timeout: 60 * time.Second})
	require.NoError(t, err)
	client.SetToken(rootToken)
	v := &vaultServer{t: t, Client: client, log: log, home: home, process: command.Process}
	return v, v.ready(ended)
}

// ready polls until Vault is unsealed and active.
func (v *vaultServer) ready(ended chan error) error {
	deadline := time.After(readyWithin)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			ended <- err
			return fmt.Errorf("Vault ended: %w", err)
		case <-deadline:
			return fmt.Errorf("Vault was not ready within %s", readyWithin)
		case <-tick.C:
		}
		health, err := v.Client.Sys().Health()
		if err == nil && health.Initialized && !health.Sealed && !health.Standby {
			return nil
		}
	}
}

// register puts the plugin into the catalog under a name and version, with more
// environment variables.
func (v *vaultServer) register(name, version string, environment ...string) {
	v.t.Helper()
	v.registerFile(pluginName, name, version, environment...)
}

// registerFile is register for a file of the plugin directory.
func (v *vaultServer) registerFile(file, name, version string, environment ...string) {
	v.t.Helper()
	binary, err := os.ReadFile(filepath.Join(v.home, "plugins", file))
	require.NoError(v.t, err)
	sum := sha256.Sum256(binary)
	require.NoError(v.t, v.Client.Sys().RegisterPlugin(&api.RegisterPluginInput{
		Name:    name,
		Type:    api.PluginTypeCredential,
		Command: file,
		SHA256:  hex.EncodeToString(sum[:]),
		Version: version,
		Env:     environment,
	}))
}

// enable mounts the plugin and returns its path, such as auth/radius.
func (v *vaultServer) enable(mount, plugin string) string {
	v.t.Helper()
	require.NoError(v.t, v.Client.Sys().EnableAuthWithOptions(mount, &api.EnableAuthOptions{Type: plugin}))
	return "auth/" + mount
}

// startPlugin runs a Vault with the plugin mounted at auth/radius.
func startPlugin(t testing.TB) *vaultServer {
	t.Helper()
	v := startVault(t)
	v.register(pluginName, "")
	v.enable("radius", pluginName)
	return v
}

// write sends a PUT that must succeed.
func (v *vaultServer) write(path string, data map[string]any) *api.Secret {
	v.t.Helper()
	secret, err := v.Client.Logical().Write(path, data)
	require.NoError(v.t, err, path)
	return secret
}

func (v *vaultServer) read(path string) map[string]any {
	v.t.Helper()
	secret, err := v.Client.Logical().Read(path)
	require.NoError(v.t, err, path)
	require.NotNil(v.t, secret, "%s was not found", path)
	return secret.Data
}

// refused sends a PUT that must fail, and returns its status and text.
func (v *vaultServer) refused(path string, data map[string]any) (status int, text string) {
	v.t.Helper()
	_, err := v.Client.Logical().Write(path, data)
	return refusal(v.t, err)
}

// refusal gives the status and the text of an error that Vault answered.
func refusal(t testing.TB, err error) (status int, text string) {
	t.Helper()
	var answer *api.ResponseError
	require.ErrorAs(t, err, &answer)
	return answer.StatusCode, strings.Join(answer.Errors, "; ")
}

// login logs in at a mount and returns the token.
func (v *vaultServer) login(mount, username, password string) *api.SecretAuth {
	v.t.Helper()
	secret := v.write(mount+"/login/"+username, map[string]any{"password": password})
	require.NotNil(v.t, secret.Auth)
	return secret.Auth
}

// as is a client with another token.
func (v *vaultServer) as(token string) *api.Client {
	v.t.Helper()
	client, err := v.Client.CloneWithHeaders()
	require.NoError(v.t, err)
	client.SetToken(token)
	return client
}

// request sends a raw HTTP request and returns the status and the body.
func (v *vaultServer) request(method, path, contentType, body string) (status int, answer string) {
	v.t.Helper()
	req, err := http.NewRequestWithContext(v.t.Context(), method, v.Client.Address()+"/v1/"+path, strings.NewReader(body))
	require.NoError(v.t, err)
	req.Header.Set("X-Vault-Token", rootToken)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(v.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(v.t, err)
	return resp.StatusCode, string(text)
}

// cli runs the vault command as a person would who is not logged in.
func (v *vaultServer) cli(arguments ...string) (stdout, stderr string, err error) {
	v.t.Helper()
	return v.cliAs("", arguments...)
}

// cliAs runs the vault command with a token; empty for none.
func (v *vaultServer) cliAs(token string, arguments ...string) (stdout, stderr string, err error) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.t.Context(), 60*time.Second)
	defer cancel()
	command := exec.CommandContext(ctx, vaultBinary(v.t), arguments...)
	command.Env = clientEnvironment(v.home, v.Client.Address())
	if token != "" {
		command.Env = append(command.Env, "VAULT_TOKEN="+token, "BAO_TOKEN="+token)
	}
	var out, errors bytes.Buffer
	command.Stdout, command.Stderr = &out, &errors
	err = command.Run()
	return out.String(), errors.String(), err
}

// clientEnvironment returns the environment of a command line that talks to a server: OpenBao's
// names come before Vault's there.
func clientEnvironment(home, address string) []string {
	environment := slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return strings.HasPrefix(variable, "VAULT_") || strings.HasPrefix(variable, "BAO_")
	})
	return append(environment, "HOME="+home, "VAULT_ADDR="+address, "BAO_ADDR="+address)
}

// serverBinary returns the path of the Vault or OpenBao that the tests run on; empty if none is named.
func serverBinary() string { return os.Getenv("VAULT_BINARY") }

func vaultBinary(t testing.TB) string { return fromEnvironment(t, "VAULT_BINARY") }

func pluginBinary(t testing.TB) string { return fromEnvironment(t, "PLUGIN_BINARY") }

func fromEnvironment(t testing.TB, name string) string {
	t.Helper()
	path := os.Getenv(name)
	require.NotEmpty(t, path, "%s is not set: run these tests with `make e2e`", name)
	return path
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Dir(to), 0o700))
	require.NoError(t, os.WriteFile(to, content, 0o700))
}
