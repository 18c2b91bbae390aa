#compdef svlog
# Completion of svlog for zsh.
_arguments -s \
	'(-f --follow)'{-f,--follow}'[go on as lines come]' \
	'(-n --lines)'{-n,--lines}'[the last lines only]:lines' \
	'(-S --since)'{-S,--since}'[nothing before this time]:time:(-15m -1h -1d today yesterday)' \
	'(-U --until)'{-U,--until}'[nothing after this time]:time:(-15m -1h -1d today yesterday)' \
	'(-g --grep)'{-g,--grep}'[only lines that contain this]:regular expression' \
	'(-o --output)'{-o,--output}'[form of times]:form:(local utc unix tai64n json)' \
	'(--escape)--raw[lines as they are]' \
	'(--raw)--escape[control characters in lines escaped]' \
	'*:service or log directory:_files -/'
