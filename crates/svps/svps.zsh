#compdef svps
# Completion of svps for zsh.
_arguments -s \
	'(-s --sort)'{-s,--sort}'[which services come first]:order:(name trouble)' \
	'(-w --watch --openmetrics)'{-w,--watch}'[show it again when something changes]' \
	'(-j --json --openmetrics)'{-j,--json}'[an object for each service]' \
	'(-j --json -w --watch)--openmetrics[for a Prometheus textfile collector]' \
	'1:scan directory:_files -/'
