#compdef svctl
# Completion of svctl for zsh.
_svctl_names() {
	local -a names dir
	[[ -n ${opt_args[--dir]} ]] && dir=(--dir ${(Q)opt_args[--dir]})
	names=(${(f)"$(svctl $dir list 2>/dev/null)"})
	if [[ ${words[(r)enable]} == enable ]]; then
		_files -/
		names=(/etc/sv/*(N/:t))
	fi
	compadd -a names
}
_arguments \
	'--dir[the scan directory]:directory:_files -/' \
	'(-t --timeout)'{-t,--timeout}'[give up after this time]:time' \
	'--no-wait[do not wait]' \
	'(-j --json)'{-j,--json}'[JSON objects, a line each]' \
	'--from[where enable looks for names]:directory:_files -/' \
	'--keep-running[disable only takes the link away]' \
	'(-s --signal)'{-s,--signal}'[the signal of kill]:signal:(TERM HUP INT QUIT KILL USR1 USR2 ALRM CONT STOP WINCH)' \
	'1:verb:(status start stop restart once reload pause resume kill enable disable why log history list cat edit)' \
	'*:service:_svctl_names'
