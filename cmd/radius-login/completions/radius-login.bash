# bash completion for radius-login. Source it, or copy it to
# ~/.local/share/bash-completion/completions/radius-login

# Takes what of its arguments begins with the current word.
_radius_login_offer() {
	local word
	while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -W "$1" -- "$2")
}

_radius_login() {
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} value=
	# Bash takes = for a word of its own.
	if [ "$current" = = ]; then
		current='' value=1
	elif [ "$previous" = = ] && [ "$COMP_CWORD" -ge 2 ]; then
		previous=${COMP_WORDS[COMP_CWORD - 2]} value=1
	fi
	COMPREPLY=()
	case ${previous/#--/-} in
	-format)
		_radius_login_offer 'table json yaml yml' "$current"
		return
		;;
	-field)
		_radius_login_offer 'token token_accessor token_duration token_renewable token_policies identity_policies policies wrapping_token' "$current"
		return
		;;
	-username | -path | -address | -namespace | -ns | -wrap-ttl | -attribute)
		return # the user knows
		;;
	esac
	[ -z "$value" ] || return 0 # of a name or an attribute: so does the user
	_radius_login_offer 'username= -username -path -attribute -address -namespace -ns -wrap-ttl
		-no-store -no-print -token-only -format -field -version -h' "${current/#--/-}"
	# Bash 3.2, which macOS has, knows no compopt.
	[ "${COMPREPLY[*]}" != username= ] || compopt -o nospace 2>/dev/null || true
}

complete -F _radius_login radius-login
