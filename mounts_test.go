package radiusauth

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

// mounted makes a mount that counts how often it is closed.
func mounted(t *testing.T, mounts *Mounts, closing func()) (mount logical.Backend, closed *atomic.Int32) {
	t.Helper()
	mount, err := mounts.Factory(t.Context(), &logical.BackendConfig{
		StorageView: &logical.InmemStorage{}, System: logical.TestSystemView(), Logger: hclog.NewNullLogger(),
	})
	require.NoError(t, err)
	closed = &atomic.Int32{}
	b := mount.(*backend)
	clean := b.Clean
	b.Clean = func(ctx context.Context) {
		closing()
		clean(ctx)
		closed.Add(1)
	}
	return mount, closed
}

func TestMountsThatVaultHasNotClosedAreClosedOnce(t *testing.T) {
	t.Parallel()
	mounts := NewMounts()
	nothing := func() {}
	first, firstClosed := mounted(t, mounts, nothing)
	_, secondClosed := mounted(t, mounts, nothing)
	first.Cleanup(t.Context())
	require.EqualValues(t, 1, firstClosed.Load())
	mounts.Close(t.Context())
	require.Equal(t, []int32{1, 1}, []int32{firstClosed.Load(), secondClosed.Load()})
	mounts.Close(t.Context())
	require.Equal(t, []int32{1, 1}, []int32{firstClosed.Load(), secondClosed.Load()})
	_, thirdClosed := mounted(t, mounts, nothing)
	mounts.Close(t.Context())
	require.EqualValues(t, 1, thirdClosed.Load())
}

func TestMountThatHangsHoldsNoOtherUpAndNotForLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mounts := NewMounts()
		hang := make(chan struct{})
		_, hungClosed := mounted(t, mounts, func() { <-hang })
		_, closed := mounted(t, mounts, func() {})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		began := time.Now()
		mounts.Close(ctx)
		require.Equal(t, 2*time.Second, time.Since(began))
		synctest.Wait()
		require.Equal(t, []int32{0, 1}, []int32{hungClosed.Load(), closed.Load()})
		close(hang)
		synctest.Wait()
	})
}
