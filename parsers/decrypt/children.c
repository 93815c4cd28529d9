#include "parsers/decrypt/children.h"

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

int
children_ended(void)
{
	int status, by = 0;

	while (waitpid(-1, &status, WNOHANG) > 0)
		if (WIFSIGNALED(status))
			by = WTERMSIG(status);
	return by;
}

/* All that there are now.  False: none. */
static bool
kill_children(void)
{
	char path[64], line[4096];
	bool any = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int) getpid());
	f = fopen(path, "re");
	if (f != NULL && fgets(line, sizeof(line), f) != NULL)
		for (char *p = line, *end; *p != '\0'; p = end) {
			long pid = strtol(p, &end, 10);
			if (end == p)
				break;
			if (pid > 1) {
				any = true;
				kill((pid_t) pid, SIGKILL);
			}
		}
	if (f != NULL)
		fclose(f);
	return any;
}

/* GnuPG leaves its agent running: it has become our child (PR_SET_CHILD_SUBREAPER), as those do that a killed
 * one leaves, and goes with us.  Again and again, since the other thread may still begin one. */
void
children_end(void)
{
	while (kill_children()) {
		children_ended();
		poll(NULL, 0, 1);
	}
}
