package e2e

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/radiustest"
)

// startPrompting runs a Vault whose RADIUS server takes bob's password, and asks carol thrice.
func startPrompting(t *testing.T) *vaultServer {
	t.Helper()
	questions := []string{"Enter your one-time code", "Your colour", "Confirm on your phone"}
	expected := []string{"carol-password", "123456", "turquoise", ""}
	radius := startRADIUS(t, radiustest.Options{Handler: func(r *radiustest.Request) []radiustest.Answer {
		step := len(r.State()) // as many octets as answers before
		switch {
		case r.Username() == "bob" && r.Password() == "bob-password":
			return []radiustest.Answer{r.Accept()}
		case r.Username() != "carol" || r.Password() != expected[step]:
			return []radiustest.Answer{r.Reject("")}
		case step == len(questions):
			return []radiustest.Answer{r.Accept()}
		}
		return []radiustest.Answer{r.Challenge(bytes.Repeat([]byte{'s'}, step+1), questions[step])}
	}})
	v := startPlugin(t)
	address := radius.Addr()
	v.write("auth/radius/config", configFor(address.Addr().String(), int(address.Port()), map[string]any{"token_ttl": "1h"}))
	v.write("auth/radius/users/bob", map[string]any{"policies": "dev,ops"})
	return v
}

// radiusLogin runs radius-login, which make build puts beside the plugin, in a home of its own.
func (v *vaultServer) radiusLogin(home, lines string, arguments ...string) (code int, stdout, stderr string) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.t.Context(), readyWithin)
	defer cancel()
	command := exec.CommandContext(ctx, filepath.Join(filepath.Dir(pluginBinary(v.t)), "radius-login"), arguments...)
	command.Env = []string{"HOME=" + home, "BAO_ADDR=" + v.Client.Address(), "VAULT_ADDR=http://127.0.0.1:1"}
	var out, problems bytes.Buffer
	command.Stdin, command.Stdout, command.Stderr = strings.NewReader(lines), &out, &problems
	_ = command.Run()
	return command.ProcessState.ExitCode(), out.String(), problems.String()
}

// vaultLogin runs vault login with bob's password in a home of its own.
func (v *vaultServer) vaultLogin(home string, flags ...string) (code int, stdout string) {
	v.t.Helper()
	command := exec.CommandContext(v.t.Context(), vaultBinary(v.t), append(append([]string{"login"}, flags...),
		"-method=radius", "username=bob", "password=bob-password")...)
	command.Env = []string{"HOME=" + home, "VAULT_ADDR=" + v.Client.Address()}
	out, _ := command.Output()
	return command.ProcessState.ExitCode(), string(out)
}

// differsEachTime is what two logins do not share: tokens, and what is random or the time.
var differsEachTime = regexp.MustCompile(`hvs\.[\w-]+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b\w{24}\b|\d{4}-\d\d-\d\d[T ]\S+( \S+ UTC)?`)

func TestRadiusLoginPrintsAndStoresWhatVaultLoginDoes(t *testing.T) {
	t.Parallel()
	v := startPrompting(t)
	for _, flags := range []string{
		"", "-format=json", "-format=yaml", "-token-only", "-field=token_policies", "-field=token_duration -format=json", "-field=none",
		"-wrap-ttl=90", "-wrap-ttl=5m -no-store", "-wrap-ttl=5m -no-store -format=yaml", "-wrap-ttl=5m -token-only",
	} {
		home, vaultHome := t.TempDir(), t.TempDir()
		code, out, problems := v.radiusLogin(home, "bob-password\n", append(strings.Fields(flags), "username=bob")...)
		vaultCode, vaultOut := v.vaultLogin(vaultHome, strings.Fields(flags)...)
		require.Equal(t, vaultCode, code, "%s: %s", flags, problems)
		require.Equal(t, withoutNew(vaultOut), withoutNew(out), flags)
		require.NotContains(t, problems, "bob-password")

		file, err := os.Stat(filepath.Join(home, ".vault-token"))
		vaultFile, vaultErr := os.Stat(filepath.Join(vaultHome, ".vault-token"))
		require.Equal(t, os.IsNotExist(vaultErr), os.IsNotExist(err), flags)
		if err == nil {
			require.Equal(t, vaultFile.Mode(), file.Mode())
			require.Equal(t, vaultFile.Size(), file.Size())
			token, err := os.ReadFile(filepath.Join(home, ".vault-token"))
			require.NoError(t, err)
			_, err = v.as(string(token)).Auth().Token().LookupSelf()
			require.NoError(t, err)
		}
	}
}

// withoutNew returns what is printed without what differs each time, the order of metadata, and the
// words before a table.
func withoutNew(printed string) []string {
	var lines []string
	if before, table, found := strings.Cut(printed, "Key "); found && !strings.Contains(before, "{") {
		printed = "Key " + table
	}
	for line := range strings.Lines(differsEachTime.ReplaceAllString(printed, "…")) {
		if !strings.HasPrefix(line, "token_meta_") {
			lines = append(lines, line)
		}
	}
	return lines
}

// One Vault does for these, of which the last changes the mount.
func TestRadiusLogin(t *testing.T) {
	t.Parallel()
	v := startPrompting(t)
	testSeveralRounds(t, v)
	testClientAttributes(t, v)
	testLoginMFA(t, v)
}

func testSeveralRounds(t *testing.T, v *vaultServer) {
	t.Helper()
	const answers = "carol\ncarol-password\n123456\nturquoise\n\n"
	for name, flags := range map[string][]string{"plain": nil, "wrapped": {"-wrap-ttl=90s"}} {
		home := t.TempDir()
		code, out, problems := v.radiusLogin(home, answers, flags...)
		require.Equal(t, 0, code, "%s: %s", name, problems)
		require.Equal(t, "Enter your one-time code\nYour colour\nConfirm on your phone\n", problems)
		token, err := os.ReadFile(filepath.Join(home, ".vault-token"))
		require.NoError(t, err)
		require.Contains(t, out, string(token))
		self, err := v.as(string(token)).Auth().Token().LookupSelf()
		require.NoError(t, err)
		require.Equal(t, "carol", self.Data["meta"].(map[string]any)["username"])
		require.Equal(t, "auth/radius/login/carol", self.Data["path"])
	}
	for name, c := range map[string]struct {
		code  int
		text  string
		lines string
		flags []string
	}{
		"wrong password": {2, "access denied by the authentication server", "carol\nwrong\n", nil},
		"wrong code":     {2, "access denied by the authentication server", "carol\ncarol-password\n654321\n", nil},
		"wrong path":     {2, "is it enabled at auth/radios?", "carol\ncarol-password\n", []string{"-path=radios"}},
		"other method":   {2, "auth/token", "carol\ncarol-password\n", []string{"-path=token"}},
		"no code":        {1, "the answer to the server's challenge is missing", "carol\ncarol-password\n", nil},
	} {
		home := t.TempDir()
		code, out, problems := v.radiusLogin(home, c.lines, c.flags...)
		require.Equal(t, c.code, code, "%s: %s", name, problems)
		require.Contains(t, problems, c.text, name)
		require.Empty(t, out)
		require.NoFileExists(t, filepath.Join(home, ".vault-token"))
	}
	require.NotContains(t, v.log.String(), "turquoise")
}

// testClientAttributes logs in where a profile checks what the client says of itself.
func testClientAttributes(t *testing.T, v *vaultServer) {
	t.Helper()
	v.write("auth/radius/profiles", map[string]any{
		"name": "Managed devices", "short_name": "managed", "policies": []string{"managed"},
		"check_attribute": []map[string]any{{"attribute": "client:device", "op": "==", "value": "managed"}},
	})
	v.write("auth/radius/users/bob", map[string]any{"profiles": "managed"})
	code, out, problems := v.radiusLogin(t.TempDir(), "bob-password\n", "-attribute=device=managed", "-field=policies", "username=bob")
	require.Equal(t, 0, code, problems)
	require.Contains(t, out, "managed")
	code, _, problems = v.radiusLogin(t.TempDir(), "bob-password\n", "-attribute=device=own", "username=bob")
	require.Equal(t, 2, code, problems)
	v.log.await(t, "none of the profiles matches")
}

// testLoginMFA enforces Vault's own TOTP on the mount, which comes after the RADIUS server's challenges.
func testLoginMFA(t *testing.T, v *vaultServer) {
	t.Helper()
	const answers = "carol\ncarol-password\n123456\nturquoise\n\n"
	_, first, _ := v.radiusLogin(t.TempDir(), answers, "-token-only") // makes the entity
	self, err := v.as(first).Auth().Token().LookupSelf()
	require.NoError(t, err)
	entity := self.Data["entity_id"]
	method := v.write("identity/mfa/method/totp", map[string]any{"issuer": "Vault", "period": 300, "skew": 1}).Data["method_id"].(string)
	generated := v.write("identity/mfa/method/totp/admin-generate", map[string]any{"method_id": method, "entity_id": entity})
	mounts, err := v.Client.Sys().ListAuth()
	require.NoError(t, err)
	v.write("identity/mfa/login-enforcement/radius", map[string]any{
		"mfa_method_ids": []string{method}, "auth_method_accessors": []string{mounts["radius/"].Accessor},
	})

	home := t.TempDir()
	code, _, problems := v.radiusLogin(home, answers+"wrong\n")
	require.Equal(t, 2, code, problems)
	require.NoFileExists(t, filepath.Join(home, ".vault-token"))
	code, out, problems := v.radiusLogin(home, answers+totp(t, generated)+"\n", "-field=token", "-wrap-ttl=90s")
	require.Equal(t, 0, code, problems)
	require.Contains(t, problems, "Vault asks for a code (totp")
	self, err = v.as(out).Auth().Token().LookupSelf()
	require.NoError(t, err)
	require.Equal(t, entity, self.Data["entity_id"])
	require.FileExists(t, filepath.Join(home, ".vault-token"))
}

// totp returns the code of now (RFC 6238), of a secret as Vault generates it.
func totp(t *testing.T, generated *api.Secret) string {
	t.Helper()
	address, err := url.Parse(generated.Data["url"].(string))
	require.NoError(t, err)
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.TrimRight(address.Query().Get("secret"), "="))
	require.NoError(t, err)
	mac := hmac.New(sha1.New, key)
	require.NoError(t, binary.Write(mac, binary.BigEndian, uint64(time.Now().Unix()/300)))
	sum := mac.Sum(nil)
	offset := sum[len(sum)-1] & 0xf
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[offset:])&0x7fffffff)%1000000)
}
