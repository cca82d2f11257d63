#!/usr/bin/env bash
# Runs go test where an int has 32 bits: as 386 where the kernel runs that, else as
# arm in QEMU, in which Go's programs for 386 do not run.
#
#   scripts/test-32bit.sh [flags of go test] PACKAGE...
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CGO_ENABLED=0 GOARCH=386

if go test -run '^$' ./internal/gate >/dev/null 2>&1; then
	exec go test "$@"
fi
scripts/install-test-needs.sh qemu
export GOARCH=arm
TEST_EMULATOR=$(command -v qemu-arm) # for tests that run themselves again
export TEST_EMULATOR
exec go test -exec qemu-arm "$@"
