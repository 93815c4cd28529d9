#include "ctl/moment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/gauges.h"
#include "lib/finance/output/memory.h"

int
moment_keep(int spool, const char *name, const char *what, const char *help)
{
	char *text = mem_format("# HELP handback_%s_timestamp_seconds %s\n"
	                        "# TYPE handback_%s_timestamp_seconds gauge\n"
	                        "handback_%s_timestamp_seconds %lld\n",
	                        what, help, what, what, (long long) time(NULL));
	int result = gauges_keep(spool, name, text, strlen(text)), error = errno;

	free(text);
	errno = error;
	return result;
}
