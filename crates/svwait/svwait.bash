# Completion of svwait for bash.
_svwait() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	case $before in
	-t | --timeout | --for) return ;;
	esac
	if [[ $word == -* ]]; then
		local options='-u --up -r --ready -d --down --done -s --supervised -x --unsupervised -a --all -o --one -t --timeout --for --new-pid --help --version'
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
	else
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -d -- "$word")
	fi
}
complete -F _svwait svwait
