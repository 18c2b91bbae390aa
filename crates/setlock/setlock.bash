# Completion of setlock for bash.
_setlock() {
	local at=1 word=${COMP_WORDS[COMP_CWORD]}
	# Options come first.
	while ((at < COMP_CWORD)) && [[ ${COMP_WORDS[at]} == -?* ]]; do
		((at++))
	done
	if ((at > COMP_CWORD)); then
		COMPREPLY=()
	elif ((at == COMP_CWORD)) && [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W '-n -N -x -X --help --version' -- "$word")
	elif ((at == COMP_CWORD)); then
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
	elif ((at + 1 == COMP_CWORD)); then
		mapfile -t COMPREPLY < <(compgen -c -- "$word")
	else
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
	fi
}
complete -F _setlock setlock
