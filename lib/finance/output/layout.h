/*
 * How a table fits a terminal: which columns are shown, and how wide.
 */
#ifndef HANDBACK_FINANCE_OUTPUT_LAYOUT_H
#define HANDBACK_FINANCE_OUTPUT_LAYOUT_H

#include <stdbool.h>

#include "lib/finance/output/table.h"

#define COLUMN_GAP 2

struct layout {
	bool *shown; /* for each column */
	int *width;  /* for each shown column; what is wider is shortened */
	bool fits;   /* false: not even this way; show rows as facts */
};

/*
 * natural: what each column would like (its title counted in).  width: of the
 * terminal, 0 for no limit.  Texts are shortened to their min_width first,
 * widest first; then columns are left out, all of the highest drop at once, and
 * what stands for them comes in.
 */
void layout_fit(struct layout *ret, const struct table *t, const int *natural, int width);
void layout_clear(struct layout *l);

#endif
