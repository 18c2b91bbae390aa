# Completion of svctl for bash.
_svctl() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} verb='' at
	local -a dir=()
	local verbs='status start stop restart once reload pause resume kill enable disable why log history list cat edit'
	for ((at = 1; at < COMP_CWORD; at++)); do
		case ${COMP_WORDS[at]} in
		--dir) dir=(--dir "${COMP_WORDS[at + 1]}") ;;&
		--dir | --from | -t | --timeout | -s | --signal) ((at++)) ;;
		-*) ;;
		*) verb=${verb:-${COMP_WORDS[at]}} ;;
		esac
	done
	case $before in
	-t | --timeout) return ;;
	-s | --signal)
		mapfile -t COMPREPLY < <(compgen -W 'TERM HUP INT QUIT KILL USR1 USR2 ALRM CONT STOP WINCH' -- "$word")
		return
		;;
	--dir | --from)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -d -- "$word")
		return
		;;
	esac
	case $word in
	-*)
		local options='--dir -t --timeout --no-wait -j --json --help --version'
		case $verb in
		kill) options+=' -s --signal' ;;
		enable) options+=' --from --now' ;;
		disable) options+=' --keep-running --now' ;;
		esac
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
		return
		;;
	esac
	case $verb in
	'') mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$word") ;;
	enable)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -d -- "$word")
		[[ $word == */* ]] || mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(cd /etc/sv 2>/dev/null && compgen -d -- "$word")
		;;
	*) mapfile -t COMPREPLY < <(compgen -W "$(svctl "${dir[@]}" list 2>/dev/null)" -- "$word") ;;
	esac
}
complete -F _svctl svctl
