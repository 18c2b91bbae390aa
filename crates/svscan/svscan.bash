# Completion of svscan for bash.
_svscan() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	case $COMP_CWORD,$before,$word in
		*,--grace,* | *,--exit-with,*) ;;
		1,*,-*) mapfile -t COMPREPLY < <(compgen -W '--init --help --version' -- "$word") ;;
		*,*,-*) [[ ${COMP_WORDS[1]} == --init ]] && mapfile -t COMPREPLY < <(compgen -W '--grace --exit-with' -- "$word") ;;
		*)
			compopt -o filenames
			mapfile -t COMPREPLY < <(compgen -d -- "$word")
			;;
	esac
}
complete -F _svscan svscan
