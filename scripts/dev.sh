#!/usr/bin/env bash
# A Vault in dev mode with the plugin at auth/radius, a RADIUS server with
# three users, and a first login. Everything listens on loopback, lives in one
# temporary folder and is gone after Ctrl-C.
#
#   make dev             stays up until Ctrl-C
#   make dev ONESHOT=1   ends after the login: exit status 0, or why not
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
plugin='vault-plugin-auth-radius'
secret=testing123
ready_within=60 # seconds, on a slow machine

work=       # the temporary folder
step=       # what is being done, for error messages
child=      # process group of the running step
radius_pid= # process groups of the servers
vault_pid=
vault=    # the Vault or OpenBao binary
up=       # set once all is done and Ctrl-C is the way to end
terminal= # set if started from a terminal
[ ! -t 0 ] || terminal=1

begin() {
	step=$1
	printf '==> %s\n' "$step"
}

# fail shows the end of the files that tell why: they are about to go.
fail() {
	local file
	printf '\ndev.sh: failed: %s\n' "$step" >&2
	for file in "$@"; do
		[ -s "$file" ] || continue
		printf '\n--- the end of %s\n' "$(basename "$file")" >&2
		tail -n 25 "$file" >&2
	done
	exit 1
}

alive() { kill -0 "$1" 2>/dev/null; }

# spawn starts a job in a process group of its own. Ctrl-C then reaches this
# script alone, which stops the servers in order and leaves none behind.
spawn() {
	set -m
	"$@" </dev/null &
	child=$!
	set +m
}

# finish waits for the job. Everything that takes time is run as spawn and
# finish: while a foreground command runs, bash acts upon no signal.
finish() {
	local status=0
	wait "$child" || status=$?
	child=
	return "$status"
}

# stop asks the leader of a group to end, for an orderly shutdown, and makes
# sure of the rest of the group: Vault's plugins are in it.
stop() {
	local pid=$1 tries
	kill -TERM "$pid" 2>/dev/null
	for ((tries = 0; tries < 100; tries++)); do
		alive "$pid" || break
		sleep 0.1
	done
	kill -KILL -- "-$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
}

cleanup() {
	local status=$? pid
	trap '' INT TERM HUP PIPE
	set +e # the terminal may be gone: go on when a message cannot be written
	for pid in $child $vault_pid $radius_pid $(jobs -p); do stop "$pid"; done
	[ -z "$work" ] || rm -rf "$work"
	[ -z "$up" ] || printf '\nStopped; nothing is left behind.\n'
	exit "$status"
}

# Ctrl-C is how a session ends, and only before it began is it an interruption.
interrupted() {
	[ -z "$up" ] || exit 0
	printf '\ndev.sh: interrupted: %s\n' "$step" >&2
	exit "$1"
}

build() {
	begin 'Build the plugin, radius-login and the RADIUS server'
	command -v go >/dev/null || {
		printf 'dev.sh: Go 1.26 or newer is needed, and no go is on PATH: see https://go.dev/dl/\n' >&2
		fail
	}
	export GOTMPDIR=$work # so that an interrupted build leaves nothing in /tmp
	# Make's own flags are for the make that called us.
	spawn env -u MAKEFLAGS -u MFLAGS make -C "$root" --no-print-directory -s build
	finish || fail
	mkdir "$work/plugins" "$work/home" "$work/tmp"
	cp "$root/bin/$plugin" "$work/plugins/$plugin"
	spawn env CGO_ENABLED=0 go build -C "$root" -buildvcs=false -o "$work/radius-dev-server" ./cmd/radius-dev-server
	finish || fail

	begin 'Find or build a Vault'
	spawn "$root/scripts/vault.sh" --any >"$work/vault-path"
	finish || fail
	vault=$(cat "$work/vault-path")
}

# isolate keeps the caller's Vault settings out, and what Vault's command line
# writes (~/.vault-token, plugin sockets) inside the temporary folder.
isolate() {
	local name
	for name in "${!VAULT_@}" "${!BAO_@}"; do unset "$name"; done
	export HOME=$work/home TMPDIR=$work/tmp VAULT_TOKEN=root VAULT_CLIENT_TIMEOUT=30s VAULT_MAX_RETRIES=0
}

# await polls a check until it holds: false if the server dies or the time is up.
await() {
	local pid=$1 check=$2 deadline=$((SECONDS + ready_within))
	until "$check"; do
		alive "$pid" || return 1
		((SECONDS < deadline)) || {
			printf 'dev.sh: not ready within %d s\n' "$ready_within" >&2
			return 1
		}
		sleep 0.1
	done
}

radius_listens() { grep -q '^listening on ' "$work/radius.out"; }

start_radius() {
	begin 'Start the RADIUS server'
	spawn "$work/radius-dev-server" -listen 127.0.0.1:0 -secret "$secret" >"$work/radius.out" 2>"$work/radius.log"
	radius_pid=$child child=
	await "$radius_pid" radius_listens || fail "$work/radius.log"
	radius_port=$(sed -n 's/^listening on .*://p' "$work/radius.out")
}

taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# vault_answers looks into the log first: on a port that was taken meanwhile,
# somebody else's Vault answers.
vault_answers() {
	grep -q '^Root Token:' "$work/vault.log" || return 1
	spawn "$vault" token lookup >/dev/null 2>&1
	finish
}

start_vault() {
	begin 'Start Vault in dev mode'
	local port
	for port in 8200 {8210..8290..10}; do # Vault takes the next port too
		if ! taken "$port" && ! taken $((port + 1)); then
			export VAULT_ADDR=http://127.0.0.1:$port
			# The plugin is registered below instead, where a failure says why.
			spawn "$vault" server -dev -dev-no-store-token -dev-root-token-id="$VAULT_TOKEN" -dev-plugin-init=false \
				-dev-listen-address="127.0.0.1:$port" -dev-plugin-dir="$work/plugins" >"$work/vault.log" 2>&1
			vault_pid=$child child=
			! await "$vault_pid" vault_answers || return 0
			grep -q 'address already in use' "$work/vault.log" || break
		fi
		printf 'Port %d or %d is taken.\n' "$port" $((port + 1))
	done
	fail "$work/vault.log"
}

# cli runs Vault's command line; $work/output has what it printed.
cli() {
	spawn "$vault" "$@" >"$work/output" 2>&1
	finish || fail "$work/output" "$work/vault.log" "$work/radius.log"
}

configure() {
	local sum version
	sum=$( (sha256sum "$work/plugins/$plugin" || shasum -a 256 "$work/plugins/$plugin") 2>/dev/null | cut -d ' ' -f 1)
	version=$("$work/plugins/$plugin" -version)
	begin 'Register the plugin and enable it at auth/radius'
	cli plugin register -version="$version" -sha256="$sum" -command="$plugin" auth radius
	cli auth enable -plugin-version="$version" radius
	begin 'Configure it, with a user bob'
	cli write auth/radius/config host=127.0.0.1 port="$radius_port" secret="$secret"
	cli write auth/radius/users/bob policies=dev
	begin 'Log bob in'
	cli write auth/radius/login/bob password=bob-password
	grep -q '^token  ' "$work/output" || fail "$work/output"
	printf '\n'
	sed 's/^/    /' "$work/output"
}

hints() {
	local name
	name=$(printf %q "$(basename "$vault")")
	cat <<-TEXT

		Vault is up at $VAULT_ADDR, the RADIUS server at 127.0.0.1:$radius_port.
		Logs: $work/vault.log and $work/radius.log

		In another terminal:

		    export VAULT_ADDR=$VAULT_ADDR VAULT_TOKEN=$VAULT_TOKEN
		    export PATH=$(printf %q "$(dirname "$vault")"):\$PATH

		    $name write auth/radius/login/alice password=alice-password   # no user of the mount: the default policy only
		    $name read auth/radius/config                                 # the secret is not shown
		    $name write auth/radius/login/carol password=carol-password   # asks for a one-time code: send challenge_id and password=123456

		carol with her code, 123456, asked for and within one request:

		    $(printf %q "$root/bin/radius-login") -no-store username=carol   # her password is carol-password
		    $name write auth/radius/login/carol password=carol-password passcode=123456

		Ctrl-C stops everything.
	TEXT
}

# stay also ends when the terminal goes away: only the first process of a
# session is told, which may be make, and make waits for this script.
stay() {
	while alive "$vault_pid" && alive "$radius_pid"; do
		[ -z "$terminal" ] || [ -t 0 ] || exit 129
		sleep 0.5
	done
	up=
	step='a server ended by itself'
	fail "$work/vault.log" "$work/radius.log"
}

trap cleanup EXIT
trap 'interrupted 130' INT
trap 'interrupted 143' TERM
trap 'interrupted 129' HUP
trap 'exit 141' PIPE
work=$(mktemp -d "${TMPDIR:-/tmp}/radius-dev.XXXXXX")
work=$(cd "$work" && pwd -P) # Vault refuses a plugin folder behind a symbolic link
build
isolate
start_radius
start_vault
configure
if [ "${ONESHOT:-0}" = 0 ]; then
	up=1
	hints
	stay
fi
