#compdef svstat
# Completion of svstat for zsh.
_arguments \
	'--json[an object per service]' \
	'*:service directory:_files -/'
