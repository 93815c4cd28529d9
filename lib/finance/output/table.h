/*
 * What every command answers with: a document of tables.  A command fills it
 * once; it is then shown as text for a terminal, as JSON, CSV or HTML, so that
 * no command knows of formats.
 *
 * Cells are texts as they come from the database, unescaped; each format
 * escapes for itself.  Nothing here fails: see lib/finance/output/memory.h.
 */
#ifndef HANDBACK_FINANCE_OUTPUT_TABLE_H
#define HANDBACK_FINANCE_OUTPUT_TABLE_H

#include <stdbool.h>
#include <stddef.h>

enum column_kind {
	COLUMN_TEXT,
	COLUMN_SENTENCE, /* a text that goes over several lines rather than being shortened */
	COLUMN_NAME,     /* a text that is shortened in its middle */
	COLUMN_WORD,     /* one of our words: a state, an outcome; coloured by what it means */
	COLUMN_NUMBER,   /* decimal digits; right-aligned, with separators, never shortened */
	COLUMN_ZERO,     /* a number that has to be 0, such as a difference of two sums */
	COLUMN_DECIMAL,  /* "1234.50", money in major units or per cent: shown as a number; a text in JSON, where
	                    1234.50 would be no integer */
	COLUMN_TIME,     /* "2026-01-31 23:59:59.123456+00": shown to the second, ISO 8601 with Z for machines */
	COLUMN_BOOL,     /* "t" or "f" */
};

/* A drop that only JSON and CSV have columns of: what people would not read. */
#define FOR_MACHINES 99

struct column {
	const char *key;   /* JSON key, CSV header */
	const char *title; /* on a terminal and on a page */
	enum column_kind kind;
	int min_width;   /* a text may be shortened to this many columns; 0: never shortened */
	int drop;        /* 0: always there; on a narrow terminal those with the highest go first, all at once;
	                    -N: stands for those with N, and is there on a terminal when they are left out */
	const char *bar; /* a part of the row's stacked bar: "confirmed", "held" ...; NULL: none */
	bool chart;      /* a page draws its course over the rows, for each of the table's series */
};

static inline bool
column_is_number(enum column_kind kind)
{
	return kind == COLUMN_NUMBER || kind == COLUMN_ZERO || kind == COLUMN_DECIMAL;
}

enum table_shape {
	TABLE_ROWS,
	TABLE_FACTS,    /* one row, shown as "title: value" lines */
	TABLE_TILES,    /* the same, but a page shows it large: what the reader looks for first */
	TABLE_TIMELINE, /* first column the time, second what happened, the others below it where not NULL */
};

struct table {
	const char *key; /* JSON key, CSV file */
	char *title;     /* NULL: none */
	char *empty;     /* what is said where there is no row; NULL: the table is left out */
	char **notes;    /* sentences below it */
	size_t note_count;
	enum table_shape shape;
	const struct column *columns; /* the caller's, static */
	int column_count;
	char **cells; /* rows x column_count; NULL is NULL */
	size_t rows, room;
	const char *quiet; /* key of a column; in a long table a terminal leaves out rows that say "ok" there, and
	                      says so */
	const char *series; /* key of a column: rows with one text there are one course of the charts; NULL: none are
	                       drawn */
	char **totals;     /* one row more, below a line; NULL: none */
};

struct document {
	const char *key; /* "report": names files and the page */
	char *title;
	char *subtitle;
	struct table **tables;
	size_t table_count;
};

struct document *document_new(const char *key, const char *title);
void document_free(struct document *d);                 /* NULL is fine */
void document_subtitle(struct document *d, char *text); /* takes text over */

/* A new table at the end of the document, which owns it.  key and columns must outlive it. */
struct table *document_add(struct document *d, const char *key, const char *title, enum table_shape shape,
                           const struct column *columns, int column_count);

/* Takes one of its tables out. */
void document_drop(struct document *d, struct table *t);

/* cells: column_count texts, copied; NULL is NULL. */
void table_row(struct table *t, const char *const *cells);
void table_totals(struct table *t, const char *const *cells);
void table_last_is_total(
    struct table *t); /* takes the last row out as the total; none where it was the only one */
void table_note(struct table *t, char *text);        /* takes text over */
void table_empty(struct table *t, const char *text); /* said where there is no row */

/* NULL for NULL. */
const char *table_cell(const struct table *t, size_t row, int column);
/* The index of a column; it must be there. */
int table_column(const struct table *t, const char *key);

#define COLUMNS(array) (array), (int) (sizeof(array) / sizeof((array)[0]))

#endif
