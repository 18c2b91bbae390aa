#compdef svscan
# Completion of svscan for zsh.
_arguments \
	'--init[stop the tree in order when told to stop]' \
	'--grace[after --init: how long services have to end]:time' \
	'--exit-with[after --init: stop the tree when this service has ended for good]:service' \
	':scan directory:_files -/'
