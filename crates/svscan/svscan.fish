# Completion of svscan for fish.
complete -c svscan -f
complete -c svscan -n __fish_is_first_arg -l init -d 'Stop the tree in order when told to stop'
complete -c svscan -n '__fish_contains_opt init' -l grace -x -d 'How long services have to end'
complete -c svscan -n '__fish_contains_opt init' -l exit-with -x -d 'Stop the tree when this service has ended for good'
complete -c svscan -a '(__fish_complete_directories)' -d 'Scan directory'
