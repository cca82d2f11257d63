#!/usr/bin/env bash
# Prints the path of a Vault or OpenBao binary on stdout; everything else goes to stderr.
#
#   scripts/vault.sh         what VAULT_BIN or BAO_BIN names; without them the Vault that
#                            e2e/vault/go.mod pins, built on first use and kept in the user's
#                            cache folder
#   scripts/vault.sh --any   what is there: VAULT_BIN or BAO_BIN, that Vault if it was built
#                            before, a `vault` or `bao` on PATH; else a smaller build of that
#                            Vault, without most methods: neither the built-in radius nor
#                            `vault login -method=radius`, which tests compare with
#   scripts/vault.sh --clean removes every cached one
set -euo pipefail
unset CDPATH # with it, cd prints where it goes

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source_dir=$root/e2e/vault
builder=
scratch=

say() { printf 'vault.sh: %s\n' "$*" >&2; }

die() {
	say "$*"
	exit 1
}

hash16() {
	if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -c1-16
}

# cache_dir is outside the checkout, so that a fresh clone finds what an
# earlier one built. The name holds everything that decides what is built.
cache_dir() {
	local base=$root/.cache key
	if [ -n "${XDG_CACHE_HOME:-}" ]; then
		base=$XDG_CACHE_HOME
	elif [ -n "${HOME:-}" ]; then
		base=$HOME/.cache
	fi
	key=$(cd "$source_dir" && cat go.mod go.sum main.go | hash16)
	printf '%s/vault-plugin-auth-radius/vault-%s\n' "$base" "$key"
}

# works reports whether a binary is a server's: it prints a version.
works() {
	local version
	[ -x "$1" ] && version=$("$1" version 2>/dev/null) && [[ $version =~ (Vault|OpenBao)\ v[0-9] ]]
}

show() {
	say "using $2: $1 ($("$1" version | head -n 1))"
	printf '%s\n' "$1"
}

# named prints what VAULT_BIN or BAO_BIN names, as an absolute path: false if neither does.
named() {
	local variable=VAULT_BIN value=${VAULT_BIN:-} path
	[ -z "$value" ] || [ -z "${BAO_BIN:-}" ] || die 'VAULT_BIN and BAO_BIN are both set: set one of them'
	if [ -n "${BAO_BIN:-}" ]; then
		variable=BAO_BIN value=$BAO_BIN
	fi
	[ -n "$value" ] || return 1
	path=$(command -v -- "$value") || die "$variable is $value, which is no program"
	path=$(cd "$(dirname "$path")" && pwd)/$(basename "$path")
	works "$path" || die "$variable is $value, and \`$path version\` shows none of Vault or OpenBao: give the binary of a Vault or OpenBao server"
	show "$path" "$variable"
}

on_path() {
	local name path
	for name in vault bao; do
		if path=$(command -v "$name") && works "$path"; then
			show "$path" "$name from PATH"
			return
		fi
	done
	return 1
}

# need_go asks inside the module: a Go that may download toolchains answers
# with the version it would switch to.
need_go() {
	command -v go >/dev/null || die 'Go 1.26 or newer is needed, and no go is on PATH: see https://go.dev/dl/'
	local version minor
	version=$(cd "$source_dir" && go env GOVERSION) || die 'go env failed'
	minor=${version#go1.}
	minor=${minor%%[!0-9]*}
	if [[ $version == go1.* && -n $minor && $minor -lt 26 ]]; then
		die "Go 1.26 or newer is needed; this is $version: see https://go.dev/dl/"
	fi
}

cleanup() {
	trap '' INT TERM HUP
	set +e # the terminal may be gone
	if [ -n "$builder" ]; then
		kill -TERM -- "-$builder" 2>/dev/null
		wait "$builder" 2>/dev/null
		[ ! -t 2 ] || printf '\n' >&2
	fi
	[ -z "$scratch" ] || rm -rf "$scratch"
}

# lock makes a second run wait for the first one's binary. Without flock both
# build, and the later rename wins, which is harmless.
lock() {
	command -v flock >/dev/null || return 0
	exec 9>"$1/lock"
	if ! flock -n 9; then
		say 'another run is building Vault: waiting for it'
		# Not a blocking flock: bash runs no trap while a foreground command waits.
		until flock -n 9; do sleep 0.5; done
	fi
	rm -rf "$1"/build.??????/ # what a killed run could not remove
}

# compile runs in the background. GOTMPDIR keeps what an interrupted build
# leaves behind in one folder, on the file system where the binary will live.
compile() {
	cd "$source_dir"
	export CGO_ENABLED=0 GOWORK=off GOTMPDIR=$scratch
	go list -tags "$1" -deps . >"$scratch/packages"
	go build -v -tags "$1" -buildvcs=false -trimpath -ldflags '-s -w' -o "$scratch/vault" .
}

progress() {
	local log=$1 seconds=$((SECONDS - $2)) modules total compiled
	modules=$(grep -c '^go: downloading' "$log" || true)
	if [ ! -s "$scratch/packages" ]; then
		printf '%dm%02ds, %d modules downloaded' $((seconds / 60)) $((seconds % 60)) "$modules"
		return
	fi
	total=$(wc -l <"$scratch/packages")
	compiled=$(grep -cv '^go: ' "$log" || true)
	printf '%dm%02ds, %d of at most %d packages compiled' $((seconds / 60)) $((seconds % 60)) "$compiled" "$total"
}

watch_build() {
	local log=$1 started=$SECONDS shown=$SECONDS
	while kill -0 "$builder" 2>/dev/null; do
		if [ -t 2 ]; then
			printf '\r\033[Kvault.sh: %s' "$(progress "$log" "$started")" >&2
		elif ((SECONDS - shown >= 10)); then
			shown=$SECONDS
			say "$(progress "$log" "$started")"
		fi
		sleep 0.5
	done
	[ ! -t 2 ] || printf '\r\033[K' >&2
}

# build puts a Vault into a folder, with a build tag or none.
build() {
	local dir=$1 tag=$2 log=$1/build.log started=$SECONDS status=0 takes=8
	need_go
	mkdir -p "$dir" || die "cannot make the cache folder $dir: set XDG_CACHE_HOME to a folder that can be written"
	lock "$dir"
	[ ! -x "$dir/vault" ] || return 0
	scratch=$(mktemp -d "$dir/build.XXXXXX")
	[ -z "$tag" ] || takes=4
	say "building Vault $(awk '$2 == "github.com/hashicorp/vault" {print $3}' "$source_dir/go.mod")${tag:+ ($tag)} into $dir"
	say "the first build downloads about 1 GB of modules and compiles for about $takes minutes on 2 cores; later runs reuse the result"

	set -m # the build gets a process group of its own, so that cleanup reaches the compilers
	compile "$tag" >"$log" 2>&1 </dev/null 9>&- &
	builder=$!
	set +m
	watch_build "$log"
	wait "$builder" || status=$?
	builder=
	if ((status != 0)); then
		grep -v '^go: downloading' "$log" | tail -n 20 >&2 || true
		die "building Vault failed; the whole log is $log"
	fi
	mv -f "$scratch/vault" "$dir/vault"
	rm -rf "$scratch" "$log"
	say "built in $((SECONDS - started)) s"
}

main() {
	local dir tag='' any=
	dir=$(cache_dir)
	case "${1:-}" in
	'') ;;
	--any) any=1 ;;
	--clean)
		rm -rf "$(dirname "$dir")"
		return
		;;
	*) die "unknown argument $1: use --any, --clean or nothing" ;;
	esac
	! named || return 0
	if [ ! -x "$dir/vault" ] && [ -n "$any" ]; then
		! on_path || return 0
		dir=$dir/minimal tag=minimal
	fi
	if [ ! -x "$dir/vault" ]; then
		trap cleanup EXIT
		trap 'exit 130' INT
		trap 'exit 143' TERM
		trap 'exit 129' HUP
		build "$dir" "$tag"
	fi
	printf '%s\n' "$dir/vault"
}

main "$@"
