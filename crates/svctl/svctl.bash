# Completion of svctl for bash.
_svctl() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} verb= at
	local verbs='status start stop restart once reload pause resume kill enable disable why log history list cat edit'
	for ((at = 1; at < COMP_CWORD; at++)); do
		[[ " $verbs " == *" ${COMP_WORDS[at]} "* ]] && verb=${COMP_WORDS[at]} && break
	done
	case $before in
	-t | --timeout) return ;;
	-s | --signal)
		mapfile -t COMPREPLY < <(compgen -W 'TERM HUP INT QUIT KILL USR1 USR2 ALRM CONT STOP WINCH' -- "$word")
		return
		;;
	--dir)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -d -- "$word")
		return
		;;
	esac
	if [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W '--dir -t --timeout --no-wait --help --version' -- "$word")
	elif [[ -z $verb ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$word")
	else
		mapfile -t COMPREPLY < <(compgen -W "$(svctl list 2>/dev/null)" -- "$word")
	fi
}
complete -F _svctl svctl
