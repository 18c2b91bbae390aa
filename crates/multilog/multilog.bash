# Completion of multilog for bash.
_multilog() {
	local word=${COMP_WORDS[COMP_CWORD]} line=${COMP_LINE:0:COMP_POINT}
	# To bash a colon begins another word.
	[[ ${line##*[[:blank:]]} == :* ]] && word=${line##*[[:blank:]]}
	case $word in
		--*) ((COMP_CWORD == 1)) && mapfile -t COMPREPLY < <(compgen -W '--help --version' -- "$word") ;;
		:*) _multilog_settings "$word" ;;
		.* | /*)
			compopt -o filenames
			mapfile -t COMPREPLY < <(compgen -d -- "$word")
			;;
		=*)
			compopt -o filenames
			mapfile -t COMPREPLY < <(compgen -P = -f -- "${word#=}")
			;;
		!*) mapfile -t COMPREPLY < <(compgen -P ! -c -- "${word#!}") ;;
		[-+]*) ;;
		*)
			# t counts as the first action alone.
			local actions='e'
			((COMP_CWORD == 1)) && actions='t e'
			mapfile -t COMPREPLY < <(compgen -W "$actions ./" -- "$word")
			;;
	esac
}

# The settings that begin with $1. Where a word has a colon or an equals sign in it, bash wants what follows the last one.
_multilog_settings() {
	local rest=${1##*[:=]} settings=':size= :max-age= :max-age=off :max-total= :max-total=off
		:rotate= :rotate=hourly :rotate=daily :rotate=weekly :rotate=off
		:stamp=tai64n :stamp=iso :stamp=utc :stamp=unix :prefix= :line-max= :line-max=off
		:compress=zstd :compress=gzip :compress=off :level= :level=off :when-full=block :when-full=drop
		:tell-waits=on :tell-waits=off :sync= :sync=always :sync=rotate :mode= :dir-mode= :group= :group=off'
	compopt -o nospace
	mapfile -t COMPREPLY < <(compgen -W "$settings" -- "$1")
	COMPREPLY=("${COMPREPLY[@]#"${1%"$rest"}"}")
}
complete -F _multilog multilog
