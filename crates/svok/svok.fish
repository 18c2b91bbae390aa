# Completion of svok for fish.
complete -c svok -f
complete -c svok -a '(__fish_complete_directories)' -d 'Service directory'
