#compdef svc
# Completion of svc for zsh.
_arguments -s \
	'-u[Up: start it, and again whenever it ends]' \
	'-d[Down: TERM, CONT, and do not start it again]' \
	'-o[Once: start it, and do not start it again]' \
	'-x[Exit: end supervise when the service is down]' \
	'-p[Pause: STOP]' \
	'-c[Continue: CONT]' \
	'-h[HUP]' \
	'-a[ALRM]' \
	'-i[INT]' \
	'-t[TERM]' \
	'-k[KILL]' \
	'-q[QUIT]' \
	'-1[USR1]' \
	'-2[USR2]' \
	'-w[WINCH]' \
	'*:service directory:_files -/'
