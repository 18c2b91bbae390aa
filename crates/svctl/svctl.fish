# Completion of svctl for fish.
set -l verbs status start stop restart once reload pause resume kill enable disable why log history list cat edit
complete -c svctl -f
complete -c svctl -l dir -x -a '(__fish_complete_directories)' -d 'The scan directory'
complete -c svctl -s t -l timeout -x -d 'Give up after this time'
complete -c svctl -l no-wait -d 'Do not wait'
complete -c svctl -n '__fish_seen_subcommand_from kill' -s s -l signal -x -a 'TERM HUP INT QUIT KILL USR1 USR2 ALRM CONT STOP WINCH' -d 'Signal'
complete -c svctl -n "not __fish_seen_subcommand_from $verbs" -a "$verbs" -d Verb
complete -c svctl -n "__fish_seen_subcommand_from $verbs" -a '(svctl list 2>/dev/null)' -d Service
