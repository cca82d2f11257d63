#!/usr/bin/env bash
# Attaches the files of dist/ to the release of a tag, which it makes.
#
#   VERSION=v0.1.0 GH_TOKEN=... scripts/publish-release.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

die() {
	printf 'publish-release.sh: %s\n' "$*" >&2
	exit 1
}

command -v gh >/dev/null || die "GitHub's command line, gh, is needed"
[[ ${VERSION:-} =~ ^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]] ||
	die "VERSION is ${VERSION:-not set}: give the tag, such as v0.1.0"
[ -s dist/SHA256SUMS ] || die 'there is no dist/SHA256SUMS: make release writes it'

# A release takes files only.
tar --sort=name --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --mtime=@0 -cf "dist/oci_$VERSION.tar" -C dist oci
files=()
for file in dist/*; do
	[ ! -f "$file" ] || files+=("$file")
done
options=(--verify-tag --title "$VERSION" --notes "CHANGELOG.md says what is new.")
[[ $VERSION != *-* ]] || options+=(--prerelease)
gh release create "$VERSION" "${options[@]}" "${files[@]}"
