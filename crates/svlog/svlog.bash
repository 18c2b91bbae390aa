# Completion of svlog for bash.
_svlog() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	case $before in
	-o | --output)
		mapfile -t COMPREPLY < <(compgen -W 'local utc unix tai64n json' -- "$word")
		return
		;;
	-S | --since | -U | --until)
		mapfile -t COMPREPLY < <(compgen -W '-15m -1h -1d today yesterday now' -- "$word")
		return
		;;
	-n | --lines | -g | --grep) return ;;
	esac
	if [[ $word == -* ]]; then
		local options='-f --follow -n --lines -S --since -U --until -g --grep -o --output --raw --escape --help --version'
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
	else
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -d -- "$word")
	fi
}
complete -F _svlog svlog
