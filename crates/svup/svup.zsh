#compdef svup
# Completion of svup for zsh.
_arguments -s \
	'(-L)-l[look at the service alone]' \
	'(-l)-L[look at its logger alone]' \
	'*:service directory:_files -/'
