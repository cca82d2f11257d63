package main

import (
	"context"
	"math"
	"os"
	"runtime"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/sdk/helper/pluginutil"
	vaultplugin "github.com/hashicorp/vault/sdk/plugin"
	"google.golang.org/grpc"

	radiusauth "vault-plugin-auth-radius"
)

// What makes a login cheaper: most of what it costs the plugin is the way from Vault and back.
const (
	// requestWorkers is how many goroutines wait for requests, so that their stacks need not grow again
	// for each: that is a tenth of a login. More requests at once have goroutines of their own.
	requestWorkers = 32

	// The windows, in octets, are how much Vault may send before it is read. With fixed ones gRPC does not
	// measure the connection, for which it sends a ping for each request, and wakes both sides for it.
	streamWindow     = 1 << 20
	connectionWindow = 4 << 20

	// unusedMemory is in the heap and is never touched, so that it takes no room unless memory is locked,
	// in octets. The garbage collector runs when the heap has doubled: with the few MiB that are in use,
	// several times a second under load, which is a tenth of a login. GOGC would let large heaps grow as well.
	unusedMemory = 16 << 20
)

// serve serves mounts until Vault ends the process. It does what the SDK's ServeMultiplex
// does, which has no place for what is done before the end.
func serve(mounts *radiusauth.Mounts, meta *api.PluginAPIClientMeta) error {
	unused := make([]byte, unusedMemory)
	defer runtime.KeepAlive(unused)
	logger := hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: os.Stderr, JSONFormat: true})
	sets := map[int]plugin.PluginSet{}
	for protocol := 3; protocol <= 5; protocol++ { // 5 is what Vault speaks since 1.9
		sets[protocol] = plugin.PluginSet{vaultplugin.BackendPluginName: &vaultplugin.GRPCBackendPlugin{
			Factory:             remembering(mounts.Factory),
			MultiplexingSupport: protocol == 5,
			Logger:              logger,
		}}
	}
	if err := pluginutil.OptionallyEnableMlock(); err != nil {
		return err
	}
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig:  vaultplugin.HandshakeConfig,
		VersionedPlugins: sets,
		Logger:           logger,
		TLSProvider:      api.VaultPluginTLSProvider(meta.GetTLSConfig()), // protocol 5 makes its own
		GRPCServer: func(options []grpc.ServerOption) *grpc.Server {
			return plugin.DefaultGRPCServer(append(options,
				grpc.MaxRecvMsgSize(math.MaxInt32), grpc.MaxSendMsgSize(math.MaxInt32),
				grpc.NumStreamWorkers(requestWorkers),
				grpc.StaticStreamWindowSize(streamWindow), grpc.StaticConnWindowSize(connectionWindow),
				grpc.UnaryInterceptor(drainBeforeShutdown(mounts))))
		},
	})
	return nil
}

// shutdownMethod is how Vault says that it ends the process. All connections are closed
// right after the answer.
const shutdownMethod = "/plugin.GRPCController/Shutdown"

// drainBeforeShutdown has requests of mounts that are still open come to an end before the
// process does: a reload of one mount ends the process for all of them.
func drainBeforeShutdown(mounts *radiusauth.Mounts) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		if info.FullMethod == shutdownMethod {
			mounts.Drain(ctx)
		}
		return handler(ctx, req)
	}
}
