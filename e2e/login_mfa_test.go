package e2e

import (
	"crypto/hmac"
	"crypto/sha1" // of RFC 6238
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"
)

// The second factor is Vault's own here, after whatever the RADIUS server asks for.
func TestLoginMFAOfVaultFollowsTheLogin(t *testing.T) {
	t.Parallel()
	radius := startChallenger(t)
	v := startPlugin(t)
	v.write("auth/radius/config", configFor("127.0.0.1", radius.port, map[string]any{"passcode_separator": ","}))
	method := v.enforceMFA()

	t.Run("a password alone", func(t *testing.T) {
		key := v.enroll(method, "erin")
		auth := v.login("auth/radius", "erin", "a")
		require.Empty(t, auth.ClientToken)
		require.NotNil(t, auth.MFARequirement)
		_, err := v.Client.Sys().MFAValidate(auth.MFARequirement.MFARequestID, map[string]any{method: []string{"000000"}})
		status, _ := refusal(t, err)
		require.Equal(t, http.StatusForbidden, status)
		v.validated(method, key, v.login("auth/radius", "erin", "a"), "radius-erin")
		v.refused("auth/radius/login/erin", map[string]any{"password": "wrong"})
		without := v.login("auth/radius", "frank", "a,b")
		_, err = v.Client.Sys().MFAValidate(without.MFARequirement.MFARequestID, map[string]any{method: []string{"000000"}})
		status, _ = refusal(t, err)
		require.Equal(t, http.StatusForbidden, status, "who has no key")
	})

	t.Run("after a challenge", func(t *testing.T) {
		key := v.enroll(method, "dave")
		step := v.write("auth/radius/login/dave", map[string]any{"password": "a,b"})
		require.Nil(t, step.Auth, "the RADIUS server's question comes first")
		answer := map[string]any{"challenge_id": step.Data["challenge_id"], "password": "654321"}
		v.validated(method, key, v.write("auth/radius/login/dave", answer).Auth, "radius-dave")
	})

	t.Run("at the prompts of vault login, with a code in the same request", func(t *testing.T) {
		key := v.enroll(method, "carol")
		home := t.TempDir()
		screen := v.terminal(t, home, "login", "-method=radius", "username=carol")
		screen.answer("(will be hidden): ", "carol-password,"+carolsCode)
		screen.answer("Enter the passphrase for methodID", timedCode(t, key))
		require.NoError(t, screen.wait())
		token, err := os.ReadFile(filepath.Join(home, ".vault-token"))
		require.NoError(t, err)
		self, err := v.as(string(token)).Auth().Token().LookupSelf()
		require.NoError(t, err)
		require.Equal(t, "radius-carol", self.Data["display_name"])
	})
}

// enforceMFA makes every login of the mount need a TOTP, and returns the id of the method.
func (v *vaultServer) enforceMFA() (method string) {
	v.t.Helper()
	created := v.write("identity/mfa/method/totp", map[string]any{"issuer": "Vault", "period": 30})
	method = created.Data["method_id"].(string)
	v.write("identity/mfa/login-enforcement/radius", map[string]any{
		"mfa_method_ids": method, "auth_method_accessors": v.read("sys/auth/radius")["accessor"],
	})
	return method
}

// enroll makes the entity of a name, and returns the key of its TOTP.
func (v *vaultServer) enroll(method, name string) (key []byte) {
	v.t.Helper()
	entity := v.write("identity/entity", map[string]any{"name": name}).Data["id"]
	v.write("identity/entity-alias", map[string]any{
		"name": name, "canonical_id": entity, "mount_accessor": v.read("sys/auth/radius")["accessor"],
	})
	whose := map[string]any{"method_id": method, "entity_id": entity}
	generated := v.write("identity/mfa/method/totp/admin-generate", whose)
	address, err := url.Parse(generated.Data["url"].(string))
	require.NoError(v.t, err)
	key, err = base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(address.Query().Get("secret"))
	require.NoError(v.t, err)
	return key
}

// validated gives Vault the TOTP that a login still needs, and checks whose token it is.
func (v *vaultServer) validated(method string, key []byte, auth *api.SecretAuth, displayName string) {
	v.t.Helper()
	require.NotNil(v.t, auth)
	require.Empty(v.t, auth.ClientToken)
	require.NotNil(v.t, auth.MFARequirement)
	answer := map[string]any{method: []string{timedCode(v.t, key)}}
	secret, err := v.Client.Sys().MFAValidate(auth.MFARequirement.MFARequestID, answer)
	require.NoError(v.t, err)
	self, err := v.as(secret.Auth.ClientToken).Auth().Token().LookupSelf()
	require.NoError(v.t, err)
	require.Equal(v.t, displayName, self.Data["display_name"])
}

// timedCode returns the code of now: RFC 6238 with six digits, 30 seconds and SHA-1.
func timedCode(t testing.TB, key []byte) string {
	t.Helper()
	mac := hmac.New(sha1.New, key)
	require.NoError(t, binary.Write(mac, binary.BigEndian, time.Now().Unix()/30))
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 0x0f
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[at:at+4])&0x7fffffff%1_000_000)
}

// inOnePeriod logs in with a timedCode, once more if its period has ended meanwhile.
func inOnePeriod(login func() error) error {
	for {
		period := time.Now().Unix() / 30
		if err := login(); err == nil || time.Now().Unix()/30 == period {
			return err
		}
	}
}
