# bash completion for radius-login. Source it, or copy it to
# ~/.local/share/bash-completion/completions/radius-login

_radius_login() {
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	# Bash takes = for a word of its own.
	if [ "$current" = = ]; then
		current=
	elif [ "$previous" = = ] && [ "$COMP_CWORD" -ge 2 ]; then
		previous=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	COMPREPLY=()
	case ${previous/#--/-} in
	-format)
		mapfile -t COMPREPLY < <(compgen -W 'table json yaml yml' -- "$current")
		return
		;;
	-field)
		mapfile -t COMPREPLY < <(compgen -W 'token token_accessor token_duration token_renewable token_policies identity_policies policies wrapping_token' -- "$current")
		return
		;;
	-username | -path | -address | -namespace | -ns | -wrap-ttl | -attribute)
		return # the user knows
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W 'username= -username -path -attribute -address -namespace -ns -wrap-ttl
		-no-store -no-print -token-only -format -field -version -h' -- "${current/#--/-}")
	[ "${COMPREPLY[*]}" != username= ] || compopt -o nospace
}

complete -F _radius_login radius-login
