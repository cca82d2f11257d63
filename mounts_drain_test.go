package radiusauth

import (
	"context"
	"net/rpc"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

// requireSentBack fails unless a mount sends requests back to Vault, which repeats them.
func requireSentBack(t *testing.T, mount logical.Backend) {
	t.Helper()
	_, err := mount.HandleRequest(context.Background(), &logical.Request{
		Operation: logical.UpdateOperation, Path: "login/bob", Storage: &logical.InmemStorage{},
		Data: map[string]any{"password": "x"},
	})
	require.EqualError(t, err, rpc.ErrShutdown.Error(), "what Vault's builtin/plugin/v5 knows an ended plugin by")
	_, _, err = mount.HandleExistenceCheck(context.Background(), &logical.Request{
		Operation: logical.CreateOperation, Path: "users/bob", Storage: &logical.InmemStorage{},
	})
	require.EqualError(t, err, rpc.ErrShutdown.Error())
}

// A reload of one mount ends the process for the others, too.
func TestRequestsOfOtherMountsEndBeforeTheProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mounts := NewMounts()
		reloaded, _ := mounted(t, mounts, func() {})
		other, _ := mounted(t, mounts, func() {})
		require.True(t, other.(*backend).requests.Enter())
		reloaded.Cleanup(t.Context())

		began := time.Now()
		drained := make(chan time.Duration, 1)
		go func() {
			mounts.Drain(context.Background())
			drained <- time.Since(began)
		}()
		synctest.Wait()
		requireSentBack(t, other)
		time.Sleep(3 * time.Second)
		require.Empty(t, drained, "a request is in flight")
		other.(*backend).requests.Leave()
		synctest.Wait()
		require.Empty(t, drained, "its answer is on its way to Vault")
		requireSentBack(t, other)
		require.Equal(t, 3*time.Second+lingerTime, <-drained)
		requireSentBack(t, other)
		other.Cleanup(t.Context())
	})
}

func TestProcessLingersForRequestsOnTheirWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mounts := NewMounts()
		other, _ := mounted(t, mounts, func() {})
		began := time.Now()
		mounts.Drain(t.Context())
		require.Equal(t, lingerTime, time.Since(began))
		requireSentBack(t, other)
		other.Cleanup(t.Context())
	})
}

func TestProcessWithoutOtherMountsEndsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mounts := NewMounts()
		last, _ := mounted(t, mounts, func() {})
		last.Cleanup(t.Context())
		began := time.Now()
		mounts.Drain(t.Context())
		require.Zero(t, time.Since(began))
	})
}

func TestRequestInFlightHoldsTheEndUpNotForLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mounts := NewMounts()
		other, _ := mounted(t, mounts, func() {})
		require.True(t, other.(*backend).requests.Enter())
		began := time.Now()
		mounts.Drain(t.Context())
		require.Equal(t, drainTime+lingerTime, time.Since(began))
		other.Cleanup(t.Context())
	})
}

func TestProcessEndsAtOnceWhenVaultIsGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mounts := NewMounts()
		other, _ := mounted(t, mounts, func() {})
		require.True(t, other.(*backend).requests.Enter())
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		mounts.Drain(ctx)
		require.Equal(t, time.Second, time.Since(began))
		other.Cleanup(t.Context())
	})
}
