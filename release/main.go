// Command release makes the files of a release, and pushes its image: `make release` and
// `make push` run it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// run reads the arguments and does what they say.
func run(ctx context.Context, arguments []string, out, log io.Writer) error {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	flags.SetOutput(log)
	version := flags.String("version", "", "semantic version, such as v0.1.0")
	folder := flags.String("source", ".", "clone that is released")
	dist := flags.String("dist", "dist", "folder of the release")
	platforms := flags.String("platforms", "", "what to build for, such as \"linux/amd64 linux/amd64/fips140\"; all if empty")
	builderID := flags.String("builder", "", "URI of who makes the release, for its provenance")
	sourceURL := flags.String("source-url", "", "where the source is published")
	image := flags.String("push", "", "push the images of the release in -dist to this repository")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	pushes := false
	flags.Visit(func(f *flag.Flag) { pushes = pushes || f.Name == "push" })
	if pushes {
		return push(ctx, filepath.Join(*dist, layoutFolder), *image, out)
	}

	if err := checkVersion(*version); err != nil {
		return err
	}
	chosen, err := chooseTargets(*platforms)
	if err != nil {
		return err
	}
	source, err := readSource(ctx, *folder, *version, os.Getenv("SOURCE_DATE_EPOCH"))
	if err != nil {
		return err
	}
	for _, warning := range source.warnings {
		fmt.Fprintln(log, "release: note:", warning)
	}
	toolchain, err := findToolchain(ctx, *folder)
	if err != nil {
		return err
	}
	r := &release{
		version: *version, targets: chosen, source: source, toolchain: toolchain,
		builder: *builderID, sourceURL: *sourceURL, log: log,
		keys: keys{gpg: os.Getenv("GPG_KEY"), cosign: os.Getenv("COSIGN_KEY")},
	}
	return r.write(ctx, *dist)
}
