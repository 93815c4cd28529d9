/* Small charts above a table on a page: the course of its numbers over its rows, one for each series.  The
 * table beneath has the numbers themselves.
 */
#ifndef HANDBACK_FINANCE_OUTPUT_RENDER_CHART_H
#define HANDBACK_FINANCE_OUTPUT_RENDER_CHART_H

#include <stdio.h>

#include "lib/finance/output/table.h"

/* Writes nothing for a table without series, or with fewer than two rows of one. */
void chart_put_all(FILE *out, const struct table *t);

#endif
