#compdef svctl
# Completion of svctl for zsh.
_svctl_names() {
	local -a names
	names=(${(f)"$(svctl list 2>/dev/null)"})
	compadd -a names
}
_arguments \
	'--dir[the scan directory]:directory:_files -/' \
	'(-t --timeout)'{-t,--timeout}'[give up after this time]:time' \
	'--no-wait[do not wait]' \
	'(-s --signal)'{-s,--signal}'[the signal of kill]:signal:(TERM HUP INT QUIT KILL USR1 USR2 ALRM CONT STOP WINCH)' \
	'1:verb:(status start stop restart once reload pause resume kill enable disable why log history list cat edit)' \
	'*:service:_svctl_names'
