/* The tables of a report, in its order: only data, read by lib/finance/view/report.c. */
#ifndef HANDBACK_FINANCE_VIEW_REPORT_TABLES_H
#define HANDBACK_FINANCE_VIEW_REPORT_TABLES_H

#include "lib/finance/output/table.h"

struct report_table {
	const char *key, *title;
	const char *empty; /* NULL: left out when it has no rows */
	enum table_shape shape;
	const struct column *columns;
	int column_count;
	const char *sql;
	int params;     /* of: partner, file, from, to (reports of a period: lib/finance/view/finance.h) */
	bool has_total; /* the last row is the sum */
	const char *note;
	const char *quiet;  /* struct table, quiet; NULL: none */
	const char *series; /* struct table, series; NULL: none */
};
extern const struct report_table report_tables[];
extern const size_t report_table_count;

#endif
