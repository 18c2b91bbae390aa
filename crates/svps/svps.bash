# Completion of svps for bash.
_svps() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	if [[ $before == -s || $before == --sort ]]; then
		mapfile -t COMPREPLY < <(compgen -W 'name trouble' -- "$word")
	elif [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W '--sort --watch --json --openmetrics --help --version' -- "$word")
	else
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -d -- "$word")
	fi
}
complete -F _svps svps
