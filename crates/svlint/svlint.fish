# Completion of svlint for fish.
complete -c svlint -f
complete -c svlint -s j -l json -d 'An object for each finding'
complete -c svlint -a '(__fish_complete_directories)' -d 'Service or scan directory'
