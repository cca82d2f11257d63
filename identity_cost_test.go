package radiusauth

import (
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/login"
)

// manyRealms are names of nothing but realms, each as long as a name can be.
var manyRealms = map[string]string{
	"after":     "a" + strings.Repeat("@b", 126),
	"before":    strings.Repeat(`b\`, 126) + "a",
	"both":      strings.Repeat(`b\`, 63) + "a" + strings.Repeat("@b", 63),
	"empty":     "a" + strings.Repeat("@", 252),
	"wide":      "a" + strings.Repeat("@\u0436", 84),
	"seventeen": "a" + strings.Repeat("@b", 17),
}

func TestNameOfManyRealmsIsRefusedUnlessItIsRegistered(t *testing.T) {
	t.Parallel()
	b := acceptingStrangers(t)
	b.loginOK("a"+strings.Repeat("@b", login.MaxNameRealms), "p")
	for about, name := range manyRealms {
		require.Equal(t, login.DeniedText, b.refused(logical.UpdateOperation, "login", map[string]any{"username": name, "password": "p"}), about)
	}
	require.Contains(t, b.log.String(), "the name has more than 16 realms")
	b.ok(logical.UpdateOperation, "users/"+manyRealms["after"], staff)
	b.loginOK(manyRealms["after"], "p")
}

// What a name costs before anything waits for a turn.
func BenchmarkIdentify(bench *testing.B) {
	b := newBackend()
	storage := &logical.InmemStorage{}
	require.NoError(bench, b.Setup(bench.Context(), &logical.BackendConfig{StorageView: storage, System: logical.TestSystemView()}))
	config := &logical.Request{Operation: logical.UpdateOperation, Path: "config", Storage: storage, Data: map[string]any{"extauth": "local"}}
	_, err := b.HandleRequest(bench.Context(), config)
	require.NoError(bench, err)
	settings, err := b.settings.get(bench.Context(), vaultStorage{storage})
	require.NoError(bench, err)
	sources, err := b.sources.Get(bench.Context(), vaultStorage{storage})
	require.NoError(bench, err)
	names := map[string]string{
		"plain": "stranger", "sixteen": strings.Repeat("a", 220) + strings.Repeat("@b", login.MaxNameRealms),
		"letters": strings.Repeat("a", 253), "hangul": strings.Repeat("\uac01", 84),
	}
	for about, name := range manyRealms {
		names[about] = name
	}
	for about, name := range names {
		bench.Run(about, func(bench *testing.B) {
			for bench.Loop() {
				if _, err := b.logins.Identify(bench.Context(), vaultStorage{storage}, settings.login, sources, name); err != nil {
					bench.Fatal(err)
				}
			}
		})
	}
}
