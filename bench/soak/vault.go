package soak

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"vault-plugin-auth-radius/internal/daemontest"
)

const (
	pluginName = "vault-plugin-auth-radius"
	mount      = "auth/radius/"
	sqlMount   = "auth/sql/" // keeps its sessions in PostgreSQL

	// logKept is how many octets of Vault's log are kept in memory, for a failure: it grows all the time.
	logKept = 256 << 10
)

// vault is a running Vault, with the plugin mounted.
type vault struct {
	*client
	server daemontest.Daemon
	plugin string // the file of its program
	pid    int    // of the plugin's process
}

// startVault runs a Vault in dev mode, its storage in memory, with the plugin at two mounts. All that it
// writes is in the folder.
func startVault(ctx context.Context, folder, program, pluginFile string) (*vault, error) {
	v := &vault{plugin: filepath.Join(folder, "plugins", pluginName)}
	sum, err := copyProgram(pluginFile, v.plugin)
	if err != nil {
		return nil, err
	}
	config := filepath.Join(folder, "vault.hcl")
	text := fmt.Sprintf("plugin_directory = %q\nlog_level = \"info\"\ndisable_mlock = true\n", filepath.Dir(v.plugin))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	for range daemontest.PortAttempts {
		port, err := daemontest.FreePorts(ctx, 2) // the second is the cluster's
		if err != nil {
			return nil, err
		}
		address := "127.0.0.1:" + strconv.Itoa(port)
		v.server = daemontest.Daemon{
			Name:    "Vault",
			Program: program,
			Arguments: []string{
				"server", "-dev", "-dev-no-store-token", "-dev-root-token-id=" + rootToken,
				"-dev-listen-address=" + address, "-config=" + config,
			},
			Ready:       []string{"Root Token: "},
			Accepts:     address,
			Environment: []string{"HOME=" + folder, "VAULT_ADDR=http://" + address, "BAO_ADDR=http://" + address},
			Keep:        logKept,
		}
		v.client = newClient("http://" + address)
		err = v.server.Start(ctx)
		if errors.Is(err, daemontest.ErrPortTaken) {
			continue
		}
		if err == nil {
			err = v.mountPlugin(ctx, sum)
		}
		if err != nil {
			return nil, errors.Join(err, v.stop())
		}
		return v, nil
	}
	return nil, errors.New("no port is free for Vault")
}

// stop ends Vault, and its plugin with it.
func (v *vault) stop() error {
	v.close()
	return v.server.Stop()
}

// mountPlugin registers the plugin and mounts it. Its process is the one that is left when that is done.
func (v *vault) mountPlugin(ctx context.Context, sum string) error {
	_, err := v.must(ctx, http.MethodPut, "sys/plugins/catalog/auth/"+pluginName,
		map[string]any{"sha256": sum, "command": pluginName})
	if err != nil {
		return err
	}
	for _, path := range []string{mount, sqlMount} {
		_, err := v.must(ctx, http.MethodPost, "sys/"+strings.TrimSuffix(path, "/"), map[string]any{"type": pluginName})
		if err != nil {
			return err
		}
		if _, err := v.must(ctx, http.MethodGet, path+"status", nil); err != nil {
			return err
		}
	}
	v.pid, err = v.awaitPlugin(ctx)
	return err
}

// awaitPlugin returns the process id of the plugin. For a moment there may be others, which Vault has asked
// for the version.
func (v *vault) awaitPlugin(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		found, err := daemontest.ProcessesOf(v.plugin)
		if err != nil {
			return 0, err
		}
		if len(found) == 1 {
			return found[0], nil
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("%d processes run the plugin, instead of one", len(found))
		case <-ticker.C:
		}
	}
}

// copyProgram copies a program and returns its SHA-256 sum.
func copyProgram(from, to string) (sum string, err error) {
	content, err := os.ReadFile(from) // #nosec G304 -- the caller's own plugin
	if err != nil {
		return "", fmt.Errorf("the plugin: %w: run make build", err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return "", err
	}
	if err := os.WriteFile(to, content, 0o700); err != nil { // #nosec G306 G703 -- a program, in a folder of ours
		return "", err
	}
	digest := sha256.Sum256(content)
	return hex.EncodeToString(digest[:]), nil
}
