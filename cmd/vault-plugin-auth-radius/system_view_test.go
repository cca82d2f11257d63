package main

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	radiusauth "vault-plugin-auth-radius"
)

// countingView counts how often Vault is asked.
type countingView struct {
	logical.StaticSystemView
	asks int
}

func (v *countingView) ReplicationState() consts.ReplicationState {
	v.asks++
	return v.ReplicationStateVal
}

func TestVaultIsAskedForItsReplicationOnceASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		vault := &countingView{}
		view := &rememberingView{SystemView: vault}
		for range 1000 {
			require.Zero(t, view.ReplicationState())
			time.Sleep(time.Millisecond)
		}
		require.Equal(t, 1, vault.asks)
		vault.ReplicationStateVal = consts.ReplicationPerformanceStandby
		require.Equal(t, consts.ReplicationPerformanceStandby, view.ReplicationState(), "a second later")
	})
}

func TestRequestsDoNotAskVaultForItsReplication(t *testing.T) {
	t.Parallel()
	vault := &countingView{}
	b, err := remembering(radiusauth.Factory)(t.Context(), &logical.BackendConfig{System: vault, StorageView: &logical.InmemStorage{}})
	require.NoError(t, err)
	t.Cleanup(func() { b.Cleanup(t.Context()) })
	for range 10 {
		_, err := b.HandleRequest(t.Context(), &logical.Request{
			Operation: logical.ReadOperation, Path: "config", Storage: &logical.InmemStorage{},
		})
		require.NoError(t, err)
	}
	require.LessOrEqual(t, vault.asks, 2, "the clock may have begun another second")
}
