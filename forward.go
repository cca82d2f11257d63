package radiusauth

import (
	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

// writing are the operations that write storage.
var writing = []logical.Operation{logical.CreateOperation, logical.UpdateOperation, logical.PatchOperation, logical.DeleteOperation}

// forwarded has servers that may not write storage hand writes on to one that may:
// performance standbys to their active server, performance secondaries to the
// primary. The error of a write that failed would not tell Vault to: its type is lost
// on the way.
func forwarded(paths ...*framework.Path) []*framework.Path {
	forEachWrite(paths, func(operation *framework.PathOperation) {
		operation.ForwardPerformanceStandby, operation.ForwardPerformanceSecondary = true, true
	})
	return paths
}

// forwardedByStandbys is the same for what each cluster keeps for itself.
func forwardedByStandbys(paths ...*framework.Path) []*framework.Path {
	forEachWrite(paths, func(operation *framework.PathOperation) { operation.ForwardPerformanceStandby = true })
	return paths
}

func forEachWrite(paths []*framework.Path, do func(*framework.PathOperation)) {
	for _, path := range paths {
		for _, kind := range writing {
			if operation, found := path.Operations[kind].(*framework.PathOperation); found {
				do(operation)
			}
		}
	}
}
