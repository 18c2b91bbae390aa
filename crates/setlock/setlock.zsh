#compdef setlock
# Completion of setlock for zsh.
_arguments -s -A "-*" \
	'-n[Do not wait for the lock]' \
	'-N[Wait for the lock]' \
	'-x[Exit silently without the lock]' \
	'-X[Say so without the lock]' \
	':file:_files' \
	'(-):program: _command_names -e' \
	'*::arguments:_normal'
