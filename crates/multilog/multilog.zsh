#compdef multilog
# Completion of multilog for zsh.
_multilog() {
	local -a actions=(
		't:put a stamp before each line (first action only)'
		'e:write selected lines to standard error'
		's:sSIZE, the maximum size of current for the directories that follow'
		'n:nNUM, how many old files are kept in the directories that follow'
		'-:-PATTERN, deselect lines'
		'+:+PATTERN, select lines'
		'=:=FILE, make the file hold the line'
		'!:!PROCESSOR, a command for the files of the directories that follow'
	)
	case $PREFIX in
		.* | /*) _files -/ ;;
		'='*) compset -P '=' && _files ;;
		'!'*) compset -P '!' && _command_names -e ;;
		*) _describe 'action' actions -S '' ;;
	esac
}
_multilog "$@"
