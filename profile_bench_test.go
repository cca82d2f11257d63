package radiusauth

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/catalog"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/profile"
	"vault-plugin-auth-radius/internal/radiustest"
	"vault-plugin-auth-radius/internal/users"
)

// storeProfiles stores profiles with the ids from 1 on, and as many users, each
// of whom has one of them: more quickly than with requests.
func storeProfiles(tb testing.TB, storage logical.Storage, count int) {
	tb.Helper()
	for i := 1; i <= count; i++ {
		id := int64(i)
		entry := &catalog.Profile{
			ID: id, Revision: 1, Name: fmt.Sprint("Profile ", i), ShortName: fmt.Sprintf("profile-%d", i), Enabled: true,
			Check:    []profile.Item{{Attribute: "NAS-Port-Type", Operator: "==", Value: "Virtual"}},
			Reply:    []profile.Item{{Attribute: "Session-Timeout", Operator: ":=", Value: "3600"}},
			Policies: []string{"dev"},
		}
		require.NoError(tb, catalog.Save(tb.Context(), vaultStorage{storage}, nil, entry))
		name := fmt.Sprintf("user-%d", i)
		require.NoError(tb, users.Save(tb.Context(), vaultStorage{storage}, name, &users.User{Policies: []string{"dev"}, Profiles: []int64{id}}))
	}
	require.NoError(tb, kv.Save(tb.Context(), vaultStorage{storage}, catalog.SequenceKey, "sequence", kv.Sequence{Last: int64(count)}))
}

func sortedKeys(stored map[string]string) []string { return slices.Sorted(maps.Keys(stored)) }

// Compare the two: how much is stored must not matter.
func BenchmarkLoginWith10ProfilesAndUsers(b *testing.B)     { benchmarkLogin(b, 10, 10) }
func BenchmarkLoginWith100000ProfilesAndUsers(b *testing.B) { benchmarkLogin(b, 100_000, 10) }

// More people, each with another profile, than the caches hold: each login reads
// storage.
func BenchmarkLoginOf100000PeopleInTurn(b *testing.B) { benchmarkLogin(b, 100_000, 100_000) }

// benchmarkLogin logs people in, one after another, over loopback.
func benchmarkLogin(b *testing.B, stored, people int) {
	server, err := radiustest.Start(radiustest.Options{Secret: testSecret, Keep: 1, Handler: func(r *radiustest.Request) []radiustest.Answer {
		return []radiustest.Answer{r.Accept()}
	}})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, server.Close()) })
	storage := &logical.InmemStorage{}
	storeProfiles(b, storage, stored)
	mount, err := Factory(b.Context(), &logical.BackendConfig{
		StorageView: storage, System: logical.TestSystemView(), Logger: hclog.NewNullLogger(),
	})
	require.NoError(b, err)
	b.Cleanup(func() { mount.Cleanup(b.Context()) })
	request := func(path string, data map[string]any) *logical.Response {
		resp, err := mount.HandleRequest(b.Context(), &logical.Request{Operation: logical.UpdateOperation, Path: path, Data: data, Storage: storage})
		if err != nil || resp.IsError() {
			b.Fatal(resp, err)
		}
		return resp
	}
	request("config", map[string]any{"host": server.Host(), "port": server.Port(), "secret": testSecret})
	for i := 0; b.Loop(); i++ {
		auth := request(fmt.Sprintf("login/user-%d", stored-i%people), map[string]any{"password": "p"}).Auth
		if auth.Metadata["profiles"] == "" {
			b.Fatal("no profile has decided")
		}
	}
}
