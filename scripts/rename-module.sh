#!/usr/bin/env bash
# Gives the Go module another path, everywhere in this repository: one that the go command can
# fetch names a domain. The plugin's name stays.
#
#   scripts/rename-module.sh [-force] example.org/you/vault-plugin-auth-radius
#
# It refuses to write over changes that are not committed, unless -force is given.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export GOWORK=off
exec go -C "$root/tools" run ./rename -source "$root" "$@"
