# Completion of svstat for fish.
complete -c svstat -f
complete -c svstat -l json -d 'An object per service'
complete -c svstat -a '(__fish_complete_directories)' -d 'Service directory'
