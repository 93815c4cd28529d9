/* Numbers of headers and trailers that are counts or sums of what stands between them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parsers/infer/infer_internal.h"

static void
add_control(struct guess *g, const struct sample_type *t, const struct column *c, const char *equation,
            int64_t number)
{
	/* more than one meaning for a number: each is shown, the first stands */
	if (g->controls < SAMPLE_CONTROLS)
		snprintf(g->control[g->controls++], sizeof(g->control[0]), "%s.%s = %s\n%" PRId64, t->name, c->name,
		         equation, number);
}

static bool
is_stated(const struct guess *g, const struct sample_type *t, const struct column *c)
{
	char begin[2 * SAMPLE_NAME_BYTES + 4];

	snprintf(begin, sizeof(begin), "%s.%s =", t->name, c->name);
	for (uint32_t i = 0; i < g->controls; i++)
		if (strncmp(g->control[i], begin, strlen(begin)) == 0)
			return true;
	return false;
}

/* A count of one type's records, or of all of them. */
static void
try_counts(struct guess *g, const struct sample_type *t, const struct column *c, int64_t stated)
{
	char equation[128];

	for (uint32_t e = 0; e < g->types && !is_stated(g, t, c); e++)
		if (g->type[e].rows == stated && (stated > 1 || g->type[e].role == SAMPLE_ENTRY) &&
		    &g->type[e] != t) {
			snprintf(equation, sizeof(equation), "count(%s)", g->type[e].name);
			add_control(g, t, c, equation, stated);
		}
	if (!is_stated(g, t, c) && stated > 1 && stated == (int64_t) g->records)
		add_control(g, t, c, "lines", stated);
}

static void
try_sums(struct guess *g, const struct sample_type *t, const struct column *c, int64_t stated)
{
	for (uint32_t e = 0; e < g->types; e++)
		for (uint32_t k = 0; k < g->type[e].columns && !is_stated(g, t, c); k++) {
			const struct column *of = &g->type[e].column[k];
			char equation[128];

			if (g->type[e].rows < 2 || of->holds != HOLDS_INTEGER || !of->sum_known || of->sum != stated ||
			    of->sum == 0)
				continue;
			snprintf(equation, sizeof(equation), "sum(%s.%s)", g->type[e].name, of->name);
			add_control(g, t, c, equation, stated);
		}
}

void
guess_totals(struct guess *g)
{
	if (!g->whole)
		return;
	for (uint32_t i = 0; i < g->types; i++) {
		struct sample_type *t = &g->type[i];

		for (uint32_t c = 0; t->rows == 1 && c < t->columns; c++) {
			const struct column *column = &t->column[c];

			/* a number that has the shape of a date can be a count all the same */
			if (!column->sum_known || column->filled != 1)
				continue;
			try_counts(g, t, column, column->sum);
			try_sums(g, t, column, column->sum);
		}
	}
}
