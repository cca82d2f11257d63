package main

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
)

// replicationMemory is how long the state of replication is remembered. A server whose state has
// changed sets its mounts up anew, and storage refuses by itself what the state does not allow.
const replicationMemory = time.Second

// remembering returns a factory whose mounts ask Vault for the state of replication once in a while.
func remembering(factory logical.Factory) logical.Factory {
	return func(ctx context.Context, conf *logical.BackendConfig) (logical.Backend, error) {
		changed := *conf
		changed.System = &rememberingView{SystemView: conf.System}
		return factory(ctx, &changed)
	}
}

// rememberingView is what Vault tells of itself, with a memory for the state of replication: the SDK
// asks for it before each request, which is a round trip to Vault's process and a tenth of what a
// login costs here.
type rememberingView struct {
	logical.SystemView

	mu    sync.Mutex
	state consts.ReplicationState // guarded by mu
	until time.Time               // guarded by mu
}

// ReplicationState implements [logical.SystemView].
func (v *rememberingView) ReplicationState() consts.ReplicationState {
	now := time.Now()
	if state, known := v.remembered(now); known {
		return state
	}
	state := v.SystemView.ReplicationState()
	v.remember(state, now)
	return state
}

func (v *rememberingView) remembered(now time.Time) (state consts.ReplicationState, known bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.state, now.Before(v.until)
}

func (v *rememberingView) remember(state consts.ReplicationState, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.state, v.until = state, now.Add(replicationMemory)
}
