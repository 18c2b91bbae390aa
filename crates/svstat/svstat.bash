# Completion of svstat for bash.
_svstat() {
	local word=${COMP_WORDS[COMP_CWORD]}
	if [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W '--json --help --version' -- "$word")
	else
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -d -- "$word")
	fi
}
complete -F _svstat svstat
