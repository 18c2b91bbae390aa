# Completion of softlimit for bash.
_softlimit() {
	local at=1 word=${COMP_WORDS[COMP_CWORD]}
	# Options come first, each limit with its value.
	while ((at < COMP_CWORD)) && [[ ${COMP_WORDS[at]} == -?* ]]; do
		[[ ${COMP_WORDS[at]} == -[acdflmoprst] ]] && ((at++))
		((at++))
	done
	if ((at > COMP_CWORD)); then
		COMPREPLY=()
	elif ((at == COMP_CWORD)) && [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W '-a -c -d -f -l -m -o -p -r -s -t --help --version' -- "$word")
	elif ((at == COMP_CWORD)); then
		mapfile -t COMPREPLY < <(compgen -c -- "$word")
	else
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
	fi
}
complete -F _softlimit softlimit
