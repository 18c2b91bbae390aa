# Completion of svscan for bash.
_svscan() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	case $COMP_CWORD,$before,$word in
		*,--grace,*) ;;
		1,*,-*) mapfile -t COMPREPLY < <(compgen -W '--init --help --version' -- "$word") ;;
		2,--init,-*) mapfile -t COMPREPLY < <(compgen -W '--grace' -- "$word") ;;
		*)
			compopt -o filenames
			mapfile -t COMPREPLY < <(compgen -d -- "$word")
			;;
	esac
}
complete -F _svscan svscan
