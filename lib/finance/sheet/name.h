/* What a sheet may be called, and how a cell has a text. */
#ifndef HANDBACK_FINANCE_SHEET_NAME_H
#define HANDBACK_FINANCE_SHEET_NAME_H

#define SHEET_NAME_BYTES 31
#define SHEET_TEXT_UNITS 32767 /* of UTF-16, which is what a spreadsheet counts */

/* A name of ours, in ASCII, within 31 characters and without those that a spreadsheet keeps for itself; it
 * ends with " (N)" for N > 1. */
void sheet_name(char ret[SHEET_NAME_BYTES + 1], const char *wanted, unsigned n);

/*
 * The text as escape_terminal shows it, for a reader that takes "_x0041_" for "A"; where it is too long for a
 * cell it ends with "…".  The caller frees it.
 */
char *sheet_text(const char *text);

#endif
