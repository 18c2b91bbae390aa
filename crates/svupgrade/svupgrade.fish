# Completion of svupgrade for fish.
complete -c svupgrade -f
complete -c svupgrade -l check -d 'Change nothing, say what would be done'
complete -c svupgrade -l bin -x -a '(__fish_complete_directories)' -d 'Where the new programs are'
complete -c svupgrade -s t -l timeout -x -d 'How long to wait for busy processes'
complete -c svupgrade -a '(__fish_complete_directories)' -d 'Scan directory'
