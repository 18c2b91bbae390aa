# Completion of svup for fish.
complete -c svup -f
complete -c svup -s l -d 'Look at the service alone'
complete -c svup -s L -d 'Look at its logger alone'
complete -c svup -a '(__fish_complete_directories)' -d 'Service directory'
