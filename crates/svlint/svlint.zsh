#compdef svlint
# Completion of svlint for zsh.
_arguments -s \
	'(-j --json)'{-j,--json}'[an object for each finding]' \
	'*:service or scan directory:_files -/'
