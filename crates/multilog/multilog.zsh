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
		'\::a setting for the directories that follow'
		'!:!PROCESSOR, a command for the files of the directories that follow'
	)
	local -a settings=(
		:size= :max-age={,off} :max-total={,off} :rotate={,hourly,daily,weekly,off}
		:stamp={tai64n,iso,utc,unix} :prefix= :line-max={,off}
		:compress={zstd,gzip,off} :level={,off} :when-full={block,drop}
		:tell-waits={on,off} :sync={,always,rotate} :mode= :dir-mode= :group={,off}
	)
	case $PREFIX in
		.* | /*) _files -/ ;;
		':'*) compadd -S '' -- $settings ;;
		'='*) compset -P '=' && _files ;;
		'!'*) compset -P '!' && _command_names -e ;;
		*) _describe 'action' actions -S '' ;;
	esac
}
_multilog "$@"
