#!/usr/bin/env bash
# Makes the table of internal/dictionary from the dictionaries of Debian's
# package freeradius-common: all its files in one text, without comments and
# needless spaces. A file of the same name in scripts/dictionaries, written for this
# project, takes the place of one that states no licence.
#
#   scripts/dictionary.sh >internal/dictionary/standard.dictionary
#
# As in FreeRADIUS, later definitions win over earlier ones of the same name or
# number. So the files that its main dictionary leaves out, as they clash with
# others, come before it, up to the line "# main".
set -euo pipefail
export LC_ALL=C

package=freeradius-common
folder=/usr/share/freeradius
own=$(cd "$(dirname "$0")/dictionaries" && pwd)

version=$(dpkg-query -W -f '${Version}' "$package") || {
	printf 'dictionary.sh: install the package %s, whose files this reads\n' "$package" >&2
	exit 1
}

printf '# The dictionaries of FreeRADIUS (%s %s), by scripts/dictionary.sh: see NOTICE.\n' "$package" "$version"
cd "$folder"
own="$own" awk '
	# exists reports whether a file can be read.
	function exists(path,    line, status) {
		status = (getline line <path)
		close(path)
		return status >= 0
	}
	# flat returns the statements of a file and of those that it includes.
	function flat(file,    path, line, text) {
		read[file] = 1
		path = ENVIRON["own"] "/" file
		if (!exists(path))
			path = file
		while ((status = (getline line <path)) > 0) {
			sub(/#.*/, "", line)
			gsub(/[ \t\r]+/, "\t", line)
			gsub(/^\t|\t$/, "", line)
			if (line ~ /^\$INCLUDE\t/)
				text = text flat(substr(line, 10))
			else if (line != "")
				text = text line "\n"
		}
		if (status < 0) {
			print "dictionary.sh: cannot read " path >"/dev/stderr"
			exit 1
		}
		close(path)
		return text
	}
	BEGIN {
		main = flat("dictionary")
		for (i = 1; i < ARGC; i++)
			if (!(ARGV[i] in read))
				printf "%s", flat(ARGV[i])
		printf "# main\n%s", main
	}
' dictionary*
