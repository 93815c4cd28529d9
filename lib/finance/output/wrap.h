/* Sentences within a terminal's width. */
#ifndef HANDBACK_FINANCE_OUTPUT_WRAP_H
#define HANDBACK_FINANCE_OUTPUT_WRAP_H

#include <stdio.h>

/*
 * Writes a text that is safe to show, and a newline: at most width columns a
 * line (0: no limit), broken between words; each line after the first begins
 * with indent spaces, which the caller has written before the first.
 */
void wrap_put(FILE *out, const char *text, int width, int indent);

/*
 * The length in bytes of the first line of a text when it is broken into lines
 * of at most width columns; *ret_next is where the next begins, at the end of
 * the text for the last.
 */
size_t wrap_line(const char *text, int width, const char **ret_next);

#endif
