# Completion of setlock for fish.
complete -c setlock -s n -d 'Do not wait for the lock'
complete -c setlock -s N -d 'Wait for the lock'
complete -c setlock -s x -d 'Exit silently without the lock'
complete -c setlock -s X -d 'Say so without the lock'
complete -c setlock -a '(__fish_complete_subcommand)'
