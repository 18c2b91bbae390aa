# Completion of multilog for bash.
_multilog() {
	local word=${COMP_WORDS[COMP_CWORD]}
	case $word in
		--*) ((COMP_CWORD == 1)) && mapfile -t COMPREPLY < <(compgen -W '--help --version' -- "$word") ;;
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
complete -F _multilog multilog
