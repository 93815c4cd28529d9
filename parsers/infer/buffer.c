/* A file of its own, so that the fuzz target can give back what a process that ends need not. */
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/exit_codes.h"
#include "parsers/infer/infer_internal.h"

void *
sample_buffer(size_t count, size_t size)
{
	void *p = calloc(count + 1, size);

	if (p == NULL)
		_exit(EXIT_FAILED);
	return p;
}

void
sample_free(void *newest)
{
	free(newest);
}
