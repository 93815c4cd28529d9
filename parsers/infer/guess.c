/* One sample, step by step. */
#include "parsers/infer/infer_internal.h"

const char *
guess_sample(struct guess *g, int fd)
{
	const char *why = sample_read(g, fd);

	if (why != NULL)
		return why;
	if (nested_looks_so(g))
		why = guess_nested(g);
	else {
		why = guess_records(g);
		if (why == NULL)
			why = guess_cells(g);
	}
	if (why != NULL)
		return why;
	for (uint32_t i = 0; i < g->types; i++) {
		guess_columns(&g->type[i]);
		name_columns(&g->type[i]);
	}
	guess_totals(g);
	return NULL;
}
