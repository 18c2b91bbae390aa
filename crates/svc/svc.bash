# Completion of svc for bash.
_svc() {
	local word=${COMP_WORDS[COMP_CWORD]}
	if [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W '-u -d -o -x -p -c -h -a -i -t -k -q -1 -2 -w --help --version' -- "$word")
	else
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -d -- "$word")
	fi
}
complete -F _svc svc
