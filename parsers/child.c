#include "parsers/child.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/exit_codes.h"
#include "lib/base/harden.h"

static const char *program = "handback";

void
child_leave(int status, const char *why)
{
	fprintf(stderr, "%s: %s\n", program, why);
	exit(status);
}

void
child_begin(const char *name)
{
	struct ucred maker;
	socklen_t len = sizeof(maker);

	program = name;
	harden();
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
		child_leave(EXIT_FAILED, "cannot be bound to the parent's life");
	if (getsockopt(PARSE_JOB_SOCKET, SOL_SOCKET, SO_PEERCRED, &maker, &len) != 0)
		child_leave(EXIT_USAGE,
		            "descriptor 3 is no socket; it is started by handback-reconcile or handbackctl");
	/* whoever made our socket is our parent, or we are an orphan that nobody waits for */
	if (maker.pid != getppid())
		child_leave(EXIT_FAILED, "the parent is gone");
}

void
child_check_file(const struct parse_job *job, int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size != job->file_bytes)
		child_leave(EXIT_INTERNAL, "the file is not the one that the job speaks of");
}
