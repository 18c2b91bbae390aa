#compdef svwait
# Completion of svwait for zsh.
_arguments -s \
	'(-u --up -d --down -s --supervised -x --unsupervised)'{-u,--up}'[wait until up]' \
	'(-u --up -d --down -s --supervised -x --unsupervised)'{-d,--down}'[wait until down]' \
	'(-u --up -d --down -s --supervised -x --unsupervised)'{-s,--supervised}'[wait until supervised]' \
	'(-u --up -d --down -s --supervised -x --unsupervised)'{-x,--unsupervised}'[wait until no longer supervised]' \
	'(-a --all -o --one)'{-a,--all}'[all of them]' \
	'(-a --all -o --one)'{-o,--one}'[one of them]' \
	'(-t --timeout)'{-t,--timeout}'[give up after so many milliseconds]:milliseconds' \
	'--for[for that long]:seconds' \
	'*:service directory:_files -/'
