# Completion of svwait for fish.
complete -c svwait -f
complete -c svwait -s u -l up -d 'Wait until up'
complete -c svwait -s r -l ready -d 'Wait until ready'
complete -c svwait -s d -l down -d 'Wait until down'
complete -c svwait -l done -d 'Wait until ended for good'
complete -c svwait -s s -l supervised -d 'Wait until supervised'
complete -c svwait -s x -l unsupervised -d 'Wait until no longer supervised'
complete -c svwait -s a -l all -d 'All of them'
complete -c svwait -s o -l one -d 'One of them'
complete -c svwait -s t -l timeout -x -d 'Give up after that time'
complete -c svwait -l for -x -d 'For that long'
complete -c svwait -l new-pid -d 'With another process'
complete -c svwait -a '(__fish_complete_directories)' -d 'Service directory'
