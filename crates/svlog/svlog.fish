# Completion of svlog for fish.
complete -c svlog -f
complete -c svlog -s f -l follow -d 'Go on as lines come'
complete -c svlog -s n -l lines -x -d 'The last lines only'
complete -c svlog -s S -l since -x -a '-15m -1h -1d today yesterday' -d 'Nothing before this time'
complete -c svlog -s U -l until -x -a '-15m -1h -1d today yesterday' -d 'Nothing after this time'
complete -c svlog -s g -l grep -x -d 'Only lines that contain this regular expression'
complete -c svlog -s o -l output -x -a 'local utc unix tai64n json' -d 'Form of times'
complete -c svlog -l raw -d 'Lines as they are'
complete -c svlog -l escape -d 'Control characters in lines escaped'
complete -c svlog -a '(__fish_complete_directories)' -d 'Service or log directory'
