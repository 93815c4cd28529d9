/* What a character of a NUL-terminated text takes on a terminal. */
#ifndef HANDBACK_FINANCE_OUTPUT_GLYPH_H
#define HANDBACK_FINANCE_OUTPUT_GLYPH_H

#include <stddef.h>
#include <stdint.h>

/* utf8_next for a text that is ended by NUL; 0 at its end, too. */
size_t glyph_next(const char *text, uint32_t *ret_code);

/* Columns that a character takes on a terminal: 0 (combining), 1 or 2. */
int glyph_columns(uint32_t code);

#endif
