package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
)

// keys are those that a release is signed with; each may be missing.
type keys struct {
	gpg    string // as gpg --local-user takes it
	cosign string // as cosign --key takes it
}

// sign signs SHA256SUMS in the folder, which has the sums of all the rest, and returns the files
// that it has written.
func sign(ctx context.Context, folder string, k keys) ([]string, error) {
	var signatures []string
	if k.gpg != "" {
		_, err := output(ctx, folder, nil, "gpg", "--batch", "--yes", "--armor", "--local-user", k.gpg,
			"--output", checksumsFile+".asc", "--detach-sign", checksumsFile)
		if err != nil {
			return nil, fmt.Errorf("GPG_KEY: %w", err)
		}
		signatures = append(signatures, checksumsFile+".asc")
	}
	if k.cosign != "" {
		if _, err := exec.LookPath("cosign"); err != nil {
			return nil, errors.New("COSIGN_KEY is given, and no cosign is on PATH: install it, or sign with GPG_KEY")
		}
		// Nothing is sent to a transparency log: the key alone says who has signed.
		_, err := output(ctx, folder, nil, "cosign", "sign-blob", "--yes", "--key", k.cosign, "--tlog-upload=false",
			"--output-signature", checksumsFile+".sig", checksumsFile)
		if err != nil {
			return nil, fmt.Errorf("COSIGN_KEY: %w", err)
		}
		signatures = append(signatures, checksumsFile+".sig")
	}
	return signatures, nil
}
