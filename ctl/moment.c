#include "ctl/moment.h"

#include "base/io.h"
#include "ctl/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int
moment_keep(int spool, const char *what, const char *help)
{
	char *text = mem_format("# HELP handback_%s_timestamp_seconds %s\n"
	                        "# TYPE handback_%s_timestamp_seconds gauge\n"
	                        "handback_%s_timestamp_seconds %lld\n",
	                        what, help, what, what, (long long) time(NULL));
	char *name = mem_format("%s.prom", what), *made = mem_format("%s.prom.new", what);
	int result = -1;

	unlinkat(spool, made, 0); /* of a run that ended in between */
	if (io_put_file(spool, made, 0600, text, strlen(text)) == 0)
		result = renameat(spool, made, spool, name);
	int error = errno;
	free(text);
	free(name);
	free(made);
	errno = error;
	return result;
}
