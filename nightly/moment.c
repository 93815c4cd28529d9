#include "nightly/moment.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/gauges.h"

int
moment_keep(int spool, const char *name, const char *what, const char *help)
{
	char *text = NULL;
	int len = asprintf(&text,
	                   "# HELP handback_%s_timestamp_seconds %s\n"
	                   "# TYPE handback_%s_timestamp_seconds gauge\n"
	                   "handback_%s_timestamp_seconds %lld\n",
	                   what, help, what, what, (long long) time(NULL));

	if (len < 0)
		return -1;
	int result = gauges_keep(spool, name, text, (size_t) len), error = errno;
	free(text);
	errno = error;
	return result;
}
