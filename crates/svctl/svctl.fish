# Completion of svctl for fish.
function __svctl_names
    set -l words (commandline -opc)
    set -l dir
    if set -l at (contains -i -- --dir $words)
        set dir --dir $words[(math $at + 1)]
    end
    svctl $dir list 2>/dev/null
end
set -l verbs status start stop restart once reload pause resume kill enable disable why log history list cat edit
set -l named status start stop restart once reload pause resume kill disable why log history list cat edit
complete -c svctl -f
complete -c svctl -l dir -x -a '(__fish_complete_directories)' -d 'The scan directory'
complete -c svctl -s t -l timeout -x -d 'Give up after this time'
complete -c svctl -l no-wait -d 'Do not wait'
complete -c svctl -s j -l json -d 'JSON objects, a line each'
complete -c svctl -n '__fish_seen_subcommand_from kill' -s s -l signal -x -a 'TERM HUP INT QUIT KILL USR1 USR2 ALRM CONT STOP WINCH' -d 'Signal'
complete -c svctl -n '__fish_seen_subcommand_from enable' -l from -x -a '(__fish_complete_directories)' -d 'Where names are looked for'
complete -c svctl -n '__fish_seen_subcommand_from disable' -l keep-running -d 'Only take the link away'
complete -c svctl -n "not __fish_seen_subcommand_from $verbs" -a "$verbs" -d Verb
complete -c svctl -n "__fish_seen_subcommand_from $named" -a '(__svctl_names)' -d Service
complete -c svctl -n '__fish_seen_subcommand_from enable' -a '(__fish_complete_directories) (path basename /etc/sv/*/ 2>/dev/null)' -d 'Service directory'
