/*
 * Where tables go that come in pieces: nothing of what was written is kept.  A sink is made by sink_open or
 * sheet_sink (lib/finance/sheet).
 */
#ifndef HANDBACK_FINANCE_OUTPUT_SINK_H
#define HANDBACK_FINANCE_OUTPUT_SINK_H

#include "lib/finance/output/render.h"

struct sink {
	FILE *out;
	void *book;      /* of a workbook */
	unsigned tables; /* that began */
	/* Rows of a table; first: it begins with them.  false with errno. */
	bool (*rows)(struct sink *s, const struct table *t, bool first);
	/* What a format ends with, and everything is in out; called once, and what the sink holds is freed. */
	bool (*end)(struct sink *s);
};

/* JSON: one document, a member for each table; CSV: the first table alone. */
void sink_open(struct sink *ret, enum format format, FILE *out);

#endif
