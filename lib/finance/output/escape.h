/*
 * One text, two places where it is shown, each with its own danger.  Texts
 * are NUL-terminated and meant to be UTF-8; what is not is shown as \xNN.
 *
 * The caller frees what is returned; it is never NULL.
 */
#ifndef HANDBACK_FINANCE_OUTPUT_ESCAPE_H
#define HANDBACK_FINANCE_OUTPUT_ESCAPE_H

#include <stdint.h>
#include <stdio.h>

/*
 * For a terminal: one line without control characters, escape sequences,
 * direction marks or invisible characters: \n, \t, \xNN for a byte, \u{NNNN}
 * for a character.  A backslash stays itself: this is for eyes, not for machines.
 */
char *escape_terminal(const char *text);

/* HTML text or the inside of a double-quoted attribute. */
void escape_html(FILE *out, const char *text);

/* A part of a URL's path or query: what is not A-Z, a-z, 0-9, "-", "_", "." or "~" is percent-encoded. */
void escape_url(FILE *out, const char *text);

/* How many columns a text takes that escape_terminal made. */
int text_width(const char *shown);

/*
 * The same text within width columns (at least 1): its start and "…", or with
 * keep_end its start, "…" and its end, for names that differ at the end.
 */
char *text_shorten(const char *shown, int width, int keep_end);

/* How many bytes of a text that escape_terminal made fit into width columns. */
size_t text_fit(const char *shown, int width);

#endif
