#compdef svwait
# Completion of svwait for zsh.
_arguments -s \
	'(-u --up -r --ready -d --down --done -s --supervised -x --unsupervised)'{-u,--up}'[wait until up]' \
	'(-u --up -r --ready -d --down --done -s --supervised -x --unsupervised)'{-r,--ready}'[wait until ready]' \
	'(-u --up -r --ready -d --down --done -s --supervised -x --unsupervised)'{-d,--down}'[wait until down]' \
	'(-u --up -r --ready -d --down --done -s --supervised -x --unsupervised)--done[wait until ended for good]' \
	'(-u --up -r --ready -d --down --done -s --supervised -x --unsupervised)'{-s,--supervised}'[wait until supervised]' \
	'(-u --up -r --ready -d --down --done -s --supervised -x --unsupervised)'{-x,--unsupervised}'[wait until no longer supervised]' \
	'(-a --all -o --one)'{-a,--all}'[all of them]' \
	'(-a --all -o --one)'{-o,--one}'[one of them]' \
	'(-t --timeout)'{-t,--timeout}'[give up after that time]:time' \
	'--for[for that long]:time' \
	'--new-pid=-[with another process]::process id' \
	'*:service directory:_files -/'
