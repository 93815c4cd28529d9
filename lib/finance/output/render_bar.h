/*
 * The picture beside a row: a stacked bar of those of its columns that say so
 * (struct column, bar), as inline SVG with the same said in words.
 */
#ifndef HANDBACK_FINANCE_OUTPUT_RENDER_BAR_H
#define HANDBACK_FINANCE_OUTPUT_RENDER_BAR_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/finance/output/table.h"

/* Has the table a column that is part of a bar? */
bool bar_wanted(const struct table *t);

/* Nothing for a row whose parts are all zero. */
void bar_put(FILE *out, const struct table *t, char *const *cells);

void bar_put_legend(FILE *out, const struct table *t);

#endif
