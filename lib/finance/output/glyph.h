/* UTF-8 as the output layer needs it: one character at a time, strict. */
#ifndef HANDBACK_FINANCE_OUTPUT_GLYPH_H
#define HANDBACK_FINANCE_OUTPUT_GLYPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The length of the character at text (1 to 4) and *ret_code; 0 when no valid one starts there, or at the
 * end. */
size_t glyph_next(const char *text, uint32_t *ret_code);

/* Columns that a character takes on a terminal: 0 (combining), 1 or 2. */
int glyph_columns(uint32_t code);

/* Control, direction, invisible and unassigned-by-design characters: never sent to a terminal or a page as
 * they are. */
bool glyph_is_hidden(uint32_t code);

#endif
