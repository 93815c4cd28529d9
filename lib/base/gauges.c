#include "lib/base/gauges.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/base/io.h"

int
gauges_keep(int spool, const char *name, const char *text, size_t len)
{
	char made[NAME_MAX + 1];

	snprintf(made, sizeof(made), "%s.new", name);
	unlinkat(spool, made, 0); /* of a process that ended in between */
	if (io_put_file(spool, made, 0600, text, len) < 0)
		return -1;
	return renameat(spool, made, spool, name);
}
