#!/usr/bin/env bash
# Runs `make test` some times in a row while busy loops keep the processors from it:
# tests that trust in time fail.
#
#   scripts/test-busy.sh [RUNS]   10 runs by default
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

runs=${1:-10}
loops=() # process ids of the busy loops

[[ $runs =~ ^[1-9][0-9]*$ ]] || {
	printf 'test-busy.sh: %s is not a number of runs: give 1 or more\n' "$runs" >&2
	exit 1
}

cleanup() {
	trap '' INT TERM HUP
	[ ${#loops[@]} -eq 0 ] || kill "${loops[@]}" 2>/dev/null || true
}

trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

for _ in 1 2 3 4; do
	while :; do :; done &
	loops+=($!)
done

for ((run = 1; run <= runs; run++)); do
	printf '==> run %d of %d\n' "$run" "$runs"
	make --no-print-directory test || {
		printf 'test-busy.sh: run %d of %d failed\n' "$run" "$runs" >&2
		exit 1
	}
done
printf 'test-busy.sh: all of %d runs passed\n' "$runs"
