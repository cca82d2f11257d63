#!/usr/bin/env bash
# Verifies a release, or the files of it that were downloaded, and says how to
# register the plugin.
#
#   scripts/verify-release.sh [--gpg-key FILE] [--cosign-key FILE] [--signed] FOLDER|FILE...
#
# A folder stands for all files of a release in it; a missing file that is named is
# an error. SHA256SUMS lies beside the files, and its signature where there is one.
#
#   --gpg-key FILE      SHA256SUMS.asc must be a signature by this public key
#   --cosign-key FILE   SHA256SUMS.sig must be a signature by this public key
#   --signed            SHA256SUMS.asc must be a signature by a key of gpg's keyring
#
# Needs coreutils (or shasum), tar and gzip; for signatures gpg, gpgv or cosign.
set -euo pipefail
export LC_ALL=C # letters and their order are those of ASCII
unset CDPATH

say() { printf 'verify-release.sh: %s\n' "$*" >&2; }

die() {
	say "$*"
	exit 1
}

usage() {
	sed -n '2,/^set /{/^#/s/^# \{0,1\}//p;}' "${BASH_SOURCE[0]}" >&2
	exit 2
}

work= # for what is unpacked
gpg_key=
cosign_key=
signed=
folder=
names=()  # files to check, relative to the folder
listed=() # names of SHA256SUMS
sums=()   # their sums
want=     # what find_sum has found
binary=   # what find_binary has found

cleanup() { [ -z "$work" ] || rm -rf "$work"; }

have() { command -v "$1" >/dev/null; }

# sum prints the SHA-256 of a file.
sum() {
	local line
	if have sha256sum; then line=$(sha256sum "$1"); else line=$(shasum -a 256 "$1"); fi
	line=${line#\\} # stands before the sum if the name has unusual characters
	printf '%s\n' "${line%% *}"
}

# read_arguments sets the folder and the names.
read_arguments() {
	local argument
	local -a paths=()
	while [ $# -gt 0 ]; do
		case $1 in
		--gpg-key | --cosign-key)
			if [ $# -lt 2 ] || [ ! -f "$2" ]; then die "$1: name the file of the public key"; fi
			if [ "$1" = --gpg-key ]; then gpg_key=$2; else cosign_key=$2; fi
			shift
			;;
		--signed) signed=1 ;;
		-*) usage ;;
		*) paths+=("$1") ;;
		esac
		shift
	done
	[ ${#paths[@]} -gt 0 ] || usage
	if [ ${#paths[@]} -eq 1 ] && [ -d "${paths[0]}" ]; then
		folder=${paths[0]%/}
		return
	fi
	folder=$(dirname "${paths[0]}")
	for argument in "${paths[@]}"; do
		[ "$(dirname "$argument")" = "$folder" ] || die "$argument is not in $folder: name files of one folder, or the folder"
		[ -f "$argument" ] || die "$argument is missing"
		names+=("$(basename "$argument")")
	done
}

# read_sums reads SHA256SUMS and refuses one that has other lines than sums, two of a
# name, or a name that leads out of the folder.
read_sums() {
	local line pattern='^([0-9a-f]{64})  ([A-Za-z0-9][A-Za-z0-9._/-]*)$'
	[ -f "$folder/SHA256SUMS" ] || die "$folder/SHA256SUMS is missing: download it, too"
	while IFS= read -r line || [ -n "$line" ]; do
		if ! [[ $line =~ $pattern ]] || [[ $line == */../* || $line == */.. ]]; then
			die "$folder/SHA256SUMS has a line that is no sum: it is damaged"
		fi
		find_sum "${BASH_REMATCH[2]}"
		[ -z "$want" ] || die "$folder/SHA256SUMS has two sums of ${BASH_REMATCH[2]}: it is damaged"
		sums+=("${BASH_REMATCH[1]}")
		listed+=("${BASH_REMATCH[2]}")
	done <"$folder/SHA256SUMS"
	[ ${#sums[@]} -gt 0 ] || die "$folder/SHA256SUMS is empty"
}

# find_sum sets want to the sum of a name; to nothing if it is not listed.
find_sum() {
	local i
	want=
	for ((i = 0; i < ${#listed[@]}; i++)); do
		[ "${listed[i]}" != "$1" ] || want=${sums[i]}
	done
}

# verify_gpg verifies SHA256SUMS.asc with the given key alone, or with those of the keyring. A key
# that has expired or was revoked makes no good signature.
verify_gpg() {
	local keyring=$work/key
	local -a verifier=(gpg --batch --status-fd 1 --verify)
	if [ -n "$gpg_key" ]; then
		have gpgv || die "SHA256SUMS.asc cannot be verified: gpgv is not installed"
		if grep -q 'BEGIN PGP PUBLIC KEY' "$gpg_key"; then
			have gpg || die "$gpg_key is an armored key, and gpg, which reads it, is not installed"
			gpg --batch --quiet --dearmor <"$gpg_key" >"$keyring" || die "$gpg_key is no public key"
		else
			cp "$gpg_key" "$keyring"
		fi
		verifier=(gpgv --status-fd 1 --keyring "$keyring")
	fi
	if [ -z "$gpg_key" ] && ! have gpg; then
		[ -z "$signed" ] || die "SHA256SUMS.asc cannot be verified: gpg is not installed"
		say 'the signature was NOT verified: gpg is not installed'
		return
	fi
	"${verifier[@]}" "$folder/SHA256SUMS.asc" "$folder/SHA256SUMS" >"$work/status" 2>"$work/gpg" || true
	if grep -q '^\[GNUPG:\] GOODSIG' "$work/status" && grep -q '^\[GNUPG:\] VALIDSIG' "$work/status"; then
		say "signed by $(sed -n 's/^\[GNUPG:\] GOODSIG [^ ]* //p' "$work/status")"
	elif [ -z "$gpg_key$signed" ] && grep -q '^\[GNUPG:\] NO_PUBKEY' "$work/status"; then
		say 'the signature was NOT verified: the key is not in your keyring, and --gpg-key names none'
	else
		cat "$work/gpg" >&2
		die "SHA256SUMS.asc is not a good signature by ${gpg_key:-a key of your keyring} (--gpg-key names the file of a key)"
	fi
}

verify_cosign() {
	have cosign || die "SHA256SUMS.sig cannot be verified: cosign is not installed"
	cosign verify-blob --key "$cosign_key" --signature "$folder/SHA256SUMS.sig" --insecure-ignore-tlog=true \
		"$folder/SHA256SUMS" >"$work/cosign" 2>&1 || {
		cat "$work/cosign" >&2
		die "SHA256SUMS.sig is not a good signature by $cosign_key"
	}
	say "signed by the key in $cosign_key"
}

# verify_signatures verifies what can be, and refuses what was demanded and is not there.
verify_signatures() {
	local asc=$folder/SHA256SUMS.asc sig=$folder/SHA256SUMS.sig
	[ -z "$gpg_key$signed" ] || [ -f "$asc" ] || die "$asc is missing: the release is not signed with GPG"
	[ -z "$cosign_key" ] || [ -f "$sig" ] || die "$sig is missing: the release is not signed with cosign"
	if [ -f "$asc" ]; then verify_gpg; fi
	if [ -n "$cosign_key" ]; then
		verify_cosign
	elif [ -f "$sig" ]; then
		say "cosign's signature was NOT verified: --cosign-key names no key"
	fi
	if [ ! -f "$asc" ] && [ ! -f "$sig" ]; then
		say 'the release is not signed: its sums show damage, but not who has made it'
	fi
}

# folder_names prints the files of the folder, but for those of SHA256SUMS itself and
# what was unpacked.
folder_names() {
	(cd "$folder" && find . ! -type d ! -path './oci/blobs/*' | sed 's|^\./||' | LC_ALL=C sort) |
		grep -vxE 'SHA256SUMS(\.asc|\.sig)?' |
		grep -vE '^[a-z0-9]+_[a-z0-9_]+/' || true
}

# check compares a file with its sum.
check() {
	local name=$1
	case $name in oci_*.tar)
		check_packed_image "$name"
		printf '%s: OK\n' "$name"
		return
		;;
	esac
	find_sum "$name"
	[ -n "$want" ] || die "$folder/$name is not listed in SHA256SUMS: it is not part of this release"
	[ -f "$folder/$name" ] || die "$folder/$name is no file"
	[ "$(sum "$folder/$name")" = "$want" ] || die "$folder/$name is not what SHA256SUMS lists: it is damaged, or another file"
	case $name in *.tar.gz | *.zip) check_binary "$name" ;; esac
	printf '%s: OK\n' "$name"
}

# check_binary compares the binary in an archive with its sum, which Vault is told.
check_binary() {
	local archive=$1
	find_binary "$archive"
	find_sum "$binary"
	[ -n "$want" ] || die "$binary of $archive is not listed in SHA256SUMS: it is damaged"
	case $archive in
	*.zip)
		have unzip || {
			say "the binary in $archive was not checked: unzip is not installed"
			return 0
		}
		unzip -p "$folder/$archive" "$binary" >"$work/binary" || die "$archive has no $binary"
		;;
	*) tar -xzOf "$folder/$archive" "$binary" >"$work/binary" || die "$archive has no $binary" ;;
	esac
	[ "$(sum "$work/binary")" = "$want" ] || die "$binary of $archive is not what SHA256SUMS lists"
}

# find_binary sets binary to that of an archive, such as linux_amd64/radius-login for
# radius-login_v0.1.0_linux_amd64.tar.gz.
find_binary() {
	local base=${1%.tar.gz} rest
	base=${base%.zip}
	rest=${base#*_}
	binary=${rest#*_}/${base%%_*}
	case $1 in *.zip) binary=$binary.exe ;; esac
}

# check_unpacked compares binaries that lie where their archive was unpacked.
check_unpacked() {
	local i
	for ((i = 0; i < ${#listed[@]}; i++)); do
		case ${listed[i]} in oci/*) continue ;; */*) ;; *) continue ;; esac
		[ -f "$folder/${listed[i]}" ] || continue
		[ "$(sum "$folder/${listed[i]}")" = "${sums[i]}" ] || die "$folder/${listed[i]} is not what SHA256SUMS lists"
		printf '%s: OK\n' "${listed[i]}"
	done
}

# check_blobs checks the blobs of the image in a folder: their names are their sums, and none is
# missing that index.json, which is listed, leads to.
check_blobs() {
	local image=$1 blob digest
	while IFS= read -r blob; do
		[ -f "$blob" ] || die "$blob is no file"
		[ "$(sum "$blob")" = "${blob##*/}" ] || die "$blob is not what its name says: it is damaged"
	done < <(find "$image/blobs" ! -type d)
	while IFS= read -r digest; do
		[ -f "$image/blobs/sha256/$digest" ] || die "$image/blobs/sha256/$digest is missing"
	done < <(find "$image" -type f -size -64 -exec cat {} + | # manifests are small
		grep -ao '"digest": *"sha256:[0-9a-f]\{64\}"' | sed 's/.*sha256:\(.*\)"/\1/')
}

# check_packed_image checks the image in a tar archive, as it is published: its sum is not listed,
# and that of its index.json is.
check_packed_image() {
	local archive=$1 name image=$work/image/oci
	if tar -tf "$folder/$archive" | grep -vxE 'oci/((blobs/)?(sha256/)?|index\.json|oci-layout|blobs/sha256/[0-9a-f]{64})' >&2; then
		die "$archive has files that are no part of an image"
	fi
	rm -rf "$work/image"
	mkdir "$work/image"
	tar -xf "$folder/$archive" -C "$work/image" || die "$archive is damaged"
	for name in index.json oci-layout; do
		find_sum "oci/$name"
		if [ ! -f "$image/$name" ] || [ "$(sum "$image/$name")" != "$want" ]; then
			die "oci/$name of $archive is not what SHA256SUMS lists"
		fi
	done
	check_blobs "$image"
}

# registration prints how to register the plugin that an archive has.
registration() {
	local archive=$1 version
	case $archive in
	vault-plugin-auth-radius_*.tar.gz | vault-plugin-auth-radius_*.zip) ;;
	*) return 0 ;;
	esac
	version=${archive#*_}
	find_binary "$archive"
	find_sum "$binary"
	printf '\n%s:\n  vault plugin register -version=%s \\\n    -sha256=%s \\\n    -command=%s auth radius\n' \
		"$archive" "${version%%_*}" "$want" "${binary#*/}"
}

main() {
	local name
	read_arguments "$@"
	work=$(mktemp -d "${TMPDIR:-/tmp}/verify-release.XXXXXX")
	trap cleanup EXIT
	read_sums
	verify_signatures
	if [ ${#names[@]} -eq 0 ]; then
		while IFS= read -r name; do names+=("$name"); done < <(folder_names)
		[ ${#names[@]} -gt 0 ] || die "$folder has no file of a release beside SHA256SUMS"
		if [ -d "$folder/oci" ]; then
			check_blobs "$folder/oci"
			echo 'oci: OK'
		fi
	fi
	for name in "${names[@]}"; do check "$name"; done
	check_unpacked
	for name in "${names[@]}"; do registration "$name"; done
}

main "$@"
