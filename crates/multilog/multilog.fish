# Completion of multilog for fish.
complete -c multilog -f
complete -c multilog -n __fish_is_first_arg -a t -d 'Put a stamp before each line'
complete -c multilog -a e -d 'Write selected lines to standard error'
complete -c multilog -a s -d 'sSIZE: the maximum size of current'
complete -c multilog -a n -d 'nNUM: how many old files are kept'
complete -c multilog -a '(__fish_complete_directories)' -d 'Log directory'
