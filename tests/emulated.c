/* emulated: under the name of a program, runs the program of that name for another machine in qemu-user, so that no
 * binfmt_misc is needed. Arguments, argv[0] and the environment are handed to qemu as they are, and nothing is opened, which
 * no script could do. tests/cross compiles it: QEMU is qemu's file, REAL the directory of the programs. */
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

int main(int argc, char **argv, char **envp)
{
	char *words[argc + 5], file[4096];
	const char *own = (const char *)getauxval(AT_EXECFN), *slash = strrchr(own, '/');

	if (snprintf(file, sizeof file, "%s/%s", REAL, slash ? slash + 1 : own) >= (int)sizeof file)
		return 111;
	words[0] = QEMU;
	words[1] = "-0";
	words[2] = argc > 0 ? argv[0] : "";
	words[3] = file;
	for (int n = 1; n < argc; n++)
		words[n + 3] = argv[n];
	words[argc > 0 ? argc + 3 : 4] = NULL;
	execve(QEMU, words, envp);
	return 111;
}
