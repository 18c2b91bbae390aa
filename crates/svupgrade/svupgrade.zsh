#compdef svupgrade
# Completion of svupgrade for zsh.
_arguments -s \
	'--check[change nothing, say what would be done]' \
	'--bin[where the new programs are]:directory:_files -/' \
	'(-t --timeout)'{-t,--timeout}'[how long to wait for busy processes]:time' \
	'*:scan directory:_files -/'
