/*
 * A workbook (XLSX) of tables: a sheet for each, and a first one that says what they are.  Texts stay texts,
 * whatever they begin with: there is no way to write a formula.  Rows go to a temporary file as they come, so
 * that memory is flat; the workbook itself is there at the end.
 *
 * Functions that return bool give false with errno, and the workbook is good for nothing but sheet_free then.
 */
#ifndef HANDBACK_FINANCE_SHEET_SHEET_H
#define HANDBACK_FINANCE_SHEET_SHEET_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/finance/output/sink.h"
#include "lib/finance/output/table.h"

struct sheet_book;

/* company: whose it is; NULL: it is not said.  Freed by sheet_free. */
struct sheet_book *sheet_new(const char *company);
void sheet_free(struct sheet_book *b); /* NULL is fine */

/* A line of the first sheet; NULL or "": a blank one. */
bool sheet_about(struct sheet_book *b, const char *text);

/* A new sheet for a table, of this name or one like it, and its rows so far. */
bool sheet_begin(struct sheet_book *b, const char *name, const struct table *t);
/* More rows, of a table with the same columns, to the newest sheet; what one cannot hold is on another. */
bool sheet_rows(struct sheet_book *b, const struct table *t);

/* All tables of a document that have rows; its title, its notes and what is empty on the first sheet.  What
 * it was taken from is there once. */
bool sheet_document(struct sheet_book *b, const struct document *d);

/* Writes the workbook, whole. */
bool sheet_end(struct sheet_book *b, FILE *out);

/* A sink of tables (lib/finance/output/sink.h): each a sheet, and the workbook at its end. */
bool sheet_sink(struct sink *ret, FILE *out, const char *company, const char *title, const char *subtitle);

/* The above in one: documents as a workbook.  0, or -1 with errno. */
int sheet_write(FILE *out, const char *company, struct document *const *documents, size_t count);

#endif
