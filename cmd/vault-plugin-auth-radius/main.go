// Command vault-plugin-auth-radius is the RADIUS auth method that Vault and
// OpenBao start as an external plugin.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/hashicorp/vault/api"

	radiusauth "vault-plugin-auth-radius"
	"vault-plugin-auth-radius/internal/orphan"
)

func main() {
	parent := os.Getppid()
	meta := &api.PluginAPIClientMeta{}
	flags := meta.FlagSet()
	showVersion := flags.Bool("version", false, "print the version and exit")
	flags.Usage = func() {} // an error is enough: Vault's log has it
	switch err := flags.Parse(os.Args[1:]); {
	case errors.Is(err, flag.ErrHelp):
		writeUsage(os.Stdout, flags)
		return
	case err != nil:
		os.Exit(2) // the flag package has said why
	case *showVersion:
		fmt.Println(versionText(radiusauth.Version()))
		return
	}
	mounts := radiusauth.NewMounts()
	// Nothing reads the log after Vault has ended: that must not end the process before
	// its mounts are closed.
	signal.Ignore(syscall.SIGPIPE)
	go endAfter(parent, mounts) // until the process ends
	if err := serve(mounts, meta); err != nil {
		fmt.Fprintln(os.Stderr, "vault-plugin-auth-radius:", err)
		os.Exit(1)
	}
}

// endAfter ends the process soon after Vault, its parent, has ended, which may have been
// killed: mounts would ask servers and keep connections for ever.
func endAfter(parent int, mounts *radiusauth.Mounts) {
	orphan.Process{
		Started:    parent,
		ParentID:   os.Getppid,
		ReaderGone: orphan.ReaderGone,
		Close:      mounts.Close,
		Exit: func() {
			orphan.RemoveSockets()
			os.Exit(1)
		},
	}.Watch(context.Background())
}
