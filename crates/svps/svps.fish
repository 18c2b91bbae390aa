# Completion of svps for fish.
complete -c svps -f
complete -c svps -s s -l sort -x -a 'name trouble' -d 'Which services come first'
complete -c svps -s w -l watch -d 'Show it again when something changes'
complete -c svps -s j -l json -d 'An object for each service'
complete -c svps -l openmetrics -d 'For a Prometheus textfile collector'
complete -c svps -a '(__fish_complete_directories)' -d 'Scan directory'
