#compdef svok
# Completion of svok for zsh.
_arguments ':service directory:_files -/'
