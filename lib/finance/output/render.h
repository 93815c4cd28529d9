/*
 * A document in four formats.  Each writes all of it to out; the caller looks
 * at ferror() afterwards.  The fifth, a workbook, is lib/finance/sheet, for programs that link it.
 */
#ifndef HANDBACK_FINANCE_OUTPUT_RENDER_H
#define HANDBACK_FINANCE_OUTPUT_RENDER_H

#include <stdio.h>

#include "lib/finance/output/table.h"
#include "lib/finance/output/terminal.h"

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_CSV, FORMAT_HTML, FORMAT_XLSX };

/* -1 for a word that is none. */
int format_from_name(const char *name);
const char *format_name(enum format format);

/* JSON, CSV and XLSX: no row in them is left out. */
bool format_is_for_machines(enum format format);

/* For a terminal of t->width columns: columns are shortened, then left out (with a note), never wrapped. */
void render_text(FILE *out, const struct document *d, const struct terminal *t);

/* {"files": [{"file": 1, ...}], "summary": {...}}: a member for each table, an object for TABLE_FACTS. */
void render_json(FILE *out, const struct document *d);

/* One table: CSV has no other way.  A header line and a line for each row; totals are for people and left
 * out. */
void render_csv(FILE *out, const struct table *t);

/* Parts of the two above, for a table that comes in pieces: first says whether it is the first one. */
void render_json_rows(FILE *out, const struct table *t, bool first); /* what stands between [ and ] */
void render_csv_rows(FILE *out, const struct table *t, bool first);  /* the header line with the first */

/* One page without anything outside it, that may run nothing (Content-Security-Policy). */
void render_html(FILE *out, const struct document *d);
/* The same of several, each from a new sheet of paper on where it is printed; at least one. */
void render_html_all(FILE *out, struct document *const *documents, size_t count);

/* Cells of a column lead somewhere: to the path, behind which the cell stands percent-encoded. */
struct html_link {
	const char *column; /* its key; NULL ends a list */
	const char *path;
	const char
	    *pick; /* before the cell there is a box of this name, of a form whose id is "pick"; NULL: none */
};

/* The document's tables alone, for a page that has its own head; links may be NULL. */
void render_html_tables(FILE *out, const struct document *d, const struct html_link *links);

/* Shared by the formats: a cell for machines (times as ISO 8601 with Z); the caller frees it. */
char *cell_exact(enum column_kind kind, const char *cell);
/* The same for people: numbers with separators, times to the second, yes and no. */
char *cell_shown(enum column_kind kind, const char *cell);

/* What a cell means for the one who reads it: a word of ours, a difference. */
enum ink cell_ink(enum column_kind kind, const char *cell);

#endif
