#compdef softlimit
# Completion of softlimit for zsh.
_arguments -A "-*" \
	'-a+[Memory, in bytes]:limit' \
	'-c+[Core file, in bytes]:limit' \
	'-d+[Data segment, in bytes]:limit' \
	'-f+[File size, in bytes]:limit' \
	'-l+[Locked memory, in bytes]:limit' \
	'-m+[Data, stack, locked and all memory, in bytes]:limit' \
	'-o+[Open files]:limit' \
	'-p+[Processes]:limit' \
	'-r+[Resident memory, in bytes]:limit' \
	'-s+[Stack, in bytes]:limit' \
	'-t+[Processor time, in seconds]:limit' \
	'(-):program: _command_names -e' \
	'*::arguments:_normal'
