//go:build !windows

package main

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// withLines runs the command with lines as its standard input, and returns what it prints.
func (p *process) withLines(input string) (code int, out, problems string) {
	p.t.Helper()
	var stdout, stderr bytes.Buffer
	p.command.Stdin, p.command.Stdout, p.command.Stderr = strings.NewReader(input), &stdout, &stderr
	_ = p.command.Run()
	return p.command.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

func TestLinesOfStandardInputAnswer(t *testing.T) {
	t.Parallel()
	for name, input := range map[string]string{
		"lines":         "carol\nhush-password\n987654\n\n",
		"no end":        "carol\nhush-password\n987654\n\r\n",
		"from Windows":  "carol\r\nhush-password\r\n987654\r\n\r\n",
		"more than all": "carol\nhush-password\n987654\n\nnot read\n",
	} {
		vault := startFakeVault(t, challenges("1", "Enter your one-time code", false), challenges("2", "Press Enter", true), accepts())
		p := commandIn(t, t.TempDir(), vault.address)
		code, out, problems := p.withLines(input)
		require.Equal(t, exitOK, code, "%s: %s", name, problems)
		require.Equal(t, "hvs.fake", p.tokenFile())
		require.Equal(t, "Enter your one-time code\nPress Enter\n", problems)
		require.Equal(t, "hush-password", vault.seen()[0].body["password"])
		require.Equal(t, "987654", vault.seen()[1].body["password"])
		require.Empty(t, vault.seen()[2].body["password"])
		require.NotContains(t, out+problems, "hush-password")
		require.NotContains(t, out+problems, "987654")
	}
}

func TestMissingLineIsNamed(t *testing.T) {
	t.Parallel()
	for input, missing := range map[string]string{
		"":                       "the username is missing",
		"carol\n":                "the password is missing",
		"carol\nhush-password":   "the answer to the server's challenge is missing",
		"carol\nhush-password\n": "the answer to the server's challenge is missing",
	} {
		vault := startFakeVault(t, challenges("1", "Enter your one-time code", false))
		p := commandIn(t, t.TempDir(), vault.address)
		code, out, problems := p.withLines(input)
		require.Equal(t, exitUsage, code, problems)
		require.Contains(t, problems, missing)
		require.Empty(t, out)
		require.Empty(t, p.tokenFile())
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	code, out, problems := commandIn(t, t.TempDir(), startFakeVault(t, accepts()).address, "-no-store", "username=carol").withLines("p\n")
	require.Equal(t, exitOK, code)
	require.Equal(t, `Key                    Value
---                    -----
token                  hvs.fake
token_accessor         fake-accessor
token_duration         768h
token_renewable        true
token_policies         ["default" "dev"]
identity_policies      []
policies               ["default" "dev"]
token_meta_policies    n/a
token_meta_username    carol
`, out)
	require.Contains(t, problems, "The token is not stored")
}

func TestWhatIsPrinted(t *testing.T) {
	t.Parallel()
	for flags, want := range map[string]string{
		"-token-only":                           "hvs.fake",
		"-field=token_accessor":                 "fake-accessor",
		"-field=token_duration":                 "2764800",
		"-field=policies":                       "[default dev]",
		"-field=policies -format=json":          "[\n  \"default\",\n  \"dev\"\n]",
		"-field=policies -format=yaml":          "- default\n- dev\n",
		"-no-print":                             "",
		"-token-only -field=policies -no-print": "hvs.fake",
	} {
		p := commandIn(t, t.TempDir(), startFakeVault(t, accepts()).address, append(strings.Fields(flags), "username=carol")...)
		code, out, problems := p.withLines("p\n")
		require.Equal(t, exitOK, code, "%s: %s", flags, problems)
		require.Equal(t, want, out, flags)
		require.Empty(t, problems)
		require.Equal(t, strings.Contains(flags, "-token-only"), p.tokenFile() == "", flags)
	}
	code, out, problems := commandIn(t, t.TempDir(), startFakeVault(t, accepts()).address, "-field=nope", "username=carol").withLines("p\n")
	require.Equal(t, exitUsage, code)
	require.Empty(t, out)
	require.Contains(t, problems, "nope")
}

func TestFlagsReachVault(t *testing.T) {
	t.Parallel()
	vault := startFakeVault(t, answers(http.StatusOK, `{"wrap_info":{"token":"hvs.wrapping","ttl":300,"wrapped_accessor":"a"}}`), accepts())
	p := commandIn(t, t.TempDir(), "http://127.0.0.1:1", "-address="+vault.address, "-path=auth/corp/radius/", "-namespace=/team",
		"username=carol", "-wrap-ttl=300", "-attribute", "device=laptop", "-attribute=site=a=b")
	code, _, problems := p.withLines("hush-password\n")
	require.Equal(t, exitOK, code, problems)
	request := vault.seen()[0]
	require.Equal(t, "/v1/auth/corp/radius/login/carol", request.path)
	require.Equal(t, "team/", request.header.Get("X-Vault-Namespace"))
	require.Equal(t, "5m0s", request.header.Get("X-Vault-Wrap-TTL"))
	require.Equal(t, map[string]any{"device": "laptop", "site": "a=b"}, request.body["attributes"])
	require.Equal(t, "hvs.wrapping", vault.seen()[1].header.Get("X-Vault-Token"), "it is unwrapped to be stored")
	require.Equal(t, "hvs.fake", p.tokenFile())
}

func TestWrappingTokenIsPrintedWhereNothingIsStored(t *testing.T) {
	t.Parallel()
	const wrapped = `{"wrap_info":{"token":"hvs.wrapping","ttl":300,"wrapped_accessor":"a"}}`
	vault := startFakeVault(t, answers(http.StatusOK, wrapped), answers(http.StatusOK, wrapped))
	code, out, _ := commandIn(t, t.TempDir(), vault.address, "-wrap-ttl=5m", "-token-only", "username=carol").withLines("p\n")
	require.Equal(t, exitOK, code)
	require.Equal(t, "hvs.wrapping", out)
	code, out, _ = commandIn(t, t.TempDir(), vault.address, "-wrap-ttl=5m", "-no-store", "username=carol").withLines("p\n")
	require.Equal(t, exitOK, code)
	require.Contains(t, out, "wrapping_token:                  hvs.wrapping\n")
	require.Contains(t, out, "wrapping_token_ttl:              5m\n")
}

func TestOpenBaosVariablesGoFirst(t *testing.T) {
	t.Parallel()
	vault := startFakeVault(t, accepts())
	p := commandIn(t, t.TempDir(), "http://127.0.0.1:1", "username=carol")
	p.command.Env = append(p.command.Env, "BAO_ADDR="+vault.address, "BAO_NAMESPACE=team/", "VAULT_NAMESPACE=other", "BAO_FORMAT=json", "BAO_TOKEN=hvs.old")
	code, out, problems := p.withLines("p\n")
	require.Equal(t, exitOK, code, problems)
	require.Equal(t, "team/", vault.seen()[0].header.Get("X-Vault-Namespace"))
	require.Empty(t, vault.seen()[0].header.Get("X-Vault-Token"))
	require.Contains(t, out, `"client_token": "hvs.fake"`)
	require.Contains(t, problems, "WARNING! BAO_TOKEN is set")
}

// A variable that is set and empty goes first, too.
func TestTakeBaoVariables(t *testing.T) {
	t.Parallel()
	set := map[string]string{}
	takeBaoVariables([]string{"BAO_ADDR=http://a=b", "BAO_NAMESPACE=", "VAULT_ADDR=x", "BAO_=y", "OTHER=z"}, func(name, value string) error {
		set[name] = value
		return nil
	})
	require.Equal(t, map[string]string{"VAULT_ADDR": "http://a=b", "VAULT_NAMESPACE": ""}, set)
}

func TestTokenHelperOfVaultsConfigIsUsed(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	helper := filepath.Join(home, "helper")
	require.NoError(t, os.WriteFile(helper, []byte("#!/bin/sh\n[ \"$1\" = store ] && cat >"+home+"/stored\n"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(home, ".vault"), []byte(`token_helper = "`+helper+`"`), 0o600))
	p := commandIn(t, home, startFakeVault(t, accepts()).address, "username=carol")
	code, _, problems := p.withLines("p\n")
	require.Equal(t, exitOK, code, problems)
	stored, err := os.ReadFile(filepath.Join(home, "stored"))
	require.NoError(t, err)
	require.Equal(t, "hvs.fake", string(stored))
	require.Empty(t, p.tokenFile())
}

// A code is typed once: a helper that is not there is found before.
func TestTokenHelperThatIsNotThereIsFoundFirst(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(home, ".vault"), []byte(`token_helper = "/nonexistent/helper"`), 0o600))
	vault := startFakeVault(t, accepts())
	code, _, problems := commandIn(t, home, vault.address, "username=carol").withLines("p\n")
	require.Equal(t, exitUsage, code)
	require.Contains(t, problems, "token helper")
	require.Empty(t, vault.seen())
}

func TestTokenThatCannotBeStoredIsShown(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(home, ".vault-token.tmp", "in the way"), 0o700))
	code, out, problems := commandIn(t, home, startFakeVault(t, accepts()).address, "-no-print", "username=carol").withLines("p\n")
	require.Equal(t, exitFailed, code)
	require.Contains(t, problems, "the token cannot be stored")
	require.Contains(t, out, "hvs.fake")
	require.NotContains(t, out, "Success")
}

func TestNothingIsSentTwice(t *testing.T) {
	t.Parallel()
	vault := startFakeVault(t, answers(http.StatusServiceUnavailable, `{"errors":["Vault is sealed"]}`), accepts())
	p := commandIn(t, t.TempDir(), vault.address, "username=carol")
	p.command.Env = append(p.command.Env, "VAULT_MAX_RETRIES=5")
	code, _, problems := p.withLines("p\n")
	require.Equal(t, exitFailed, code)
	require.Contains(t, problems, "Vault is sealed")
	require.Len(t, vault.seen(), 1)
}

func TestVaultThatIsNotReachedIsExitCode2(t *testing.T) {
	t.Parallel()
	code, _, problems := commandIn(t, t.TempDir(), "http://127.0.0.1:1", "username=carol").withLines("hush-password\n")
	require.Equal(t, exitFailed, code)
	require.Contains(t, problems, "not reached")
	require.NotContains(t, problems, "hush-password")
}

func TestStoredTokenIsNotSent(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(home, ".vault-token"), []byte("hvs.old"), 0o600))
	vault := startFakeVault(t, accepts())
	p := commandIn(t, home, vault.address, "username=carol")
	code, _, _ := p.withLines("p\n")
	require.Equal(t, exitOK, code)
	require.Empty(t, vault.seen()[0].header.Get("X-Vault-Token"))
	require.Equal(t, "hvs.fake", p.tokenFile())
}

func TestVaultsLoginMFAIsAskedFor(t *testing.T) {
	t.Parallel()
	const requirement = `{"auth":{"mfa_requirement":{"mfa_request_id":"r","mfa_constraints":{
		"b":{"any":[{"type":"duo","id":"duo-id"},{"type":"totp","id":"totp-id","uses_passcode":true,"name":"ours"}]},
		"a":{"any":[{"type":"okta","id":"okta-id"}]}}}}}`
	vault := startFakeVault(t, challenges("1", "Enter your one-time code", false), answers(http.StatusOK, requirement), accepts())
	p := commandIn(t, t.TempDir(), vault.address, "username=carol")
	p.command.Env = append(p.command.Env, "VAULT_TOKEN=hvs.old")
	code, _, problems := p.withLines("p\n987654\n2\n112233\n")
	require.Equal(t, exitOK, code, problems)
	require.Contains(t, problems, "Vault takes any of these for b:\n  1  duo duo-id\n  2  totp ours\nVault asks for a code (totp ours)\n")
	validation := vault.seen()[2]
	require.Equal(t, "/v1/sys/mfa/validate", validation.path)
	require.Empty(t, validation.header.Get("X-Vault-Token"))
	require.Equal(t, map[string]any{"mfa_request_id": "r", "mfa_payload": map[string]any{
		"okta-id": []any{""}, "totp-id": []any{"112233"},
	}}, validation.body)
	require.Equal(t, "hvs.fake", p.tokenFile())
}

func TestNothingOfAServerControlsTheTerminal(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"errors":["no\u001b]0;title\u0007 \u202ereally"]}`,
		`{"auth":{"client_token":"hvs.fake","metadata":{"class":"a\u001b[2Jb","\u001b[2Jname":"c\u202ed"}}}`,
	} {
		status := http.StatusOK
		if strings.Contains(body, "errors") {
			status = http.StatusBadRequest
		}
		vault := startFakeVault(t, answers(status, body))
		_, out, problems := commandIn(t, t.TempDir(), vault.address, "username=carol").withLines("p\n")
		require.NotContains(t, out+problems, "\x1b")
		require.NotContains(t, out+problems, "\x07")
		require.NotContains(t, out+problems, "\u202e")
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	code, out, problems := commandIn(t, t.TempDir(), "", "-h").withLines("")
	require.Equal(t, exitOK, code)
	require.Equal(t, usage, out)
	require.Empty(t, problems)
	code, out, _ = commandIn(t, t.TempDir(), "", "-version").withLines("")
	require.Equal(t, exitOK, code)
	require.Equal(t, version+"\n", out)
}

func TestWrongCodeOfVaultsLoginMFAIsNoWrongPath(t *testing.T) {
	t.Parallel()
	vault := startFakeVault(t,
		answers(http.StatusOK, `{"auth":{"mfa_requirement":{"mfa_request_id":"r","mfa_constraints":{
			"a":{"any":[{"type":"totp","id":"totp-id","uses_passcode":true}]}}}}}`),
		answers(http.StatusForbidden, `{"errors":["failed to satisfy enforcement a"]}`))
	p := commandIn(t, t.TempDir(), vault.address, "username=carol")
	code, _, problems := p.withLines("p\n112233\n")
	require.Equal(t, exitFailed, code)
	require.Contains(t, problems, "login MFA")
	require.Contains(t, problems, "failed to satisfy enforcement a")
	require.NotContains(t, problems, "-path")
	require.NotContains(t, problems, "112233")
	require.Empty(t, p.tokenFile())
}
