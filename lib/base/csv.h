/* A field of a CSV file (RFC 4180). */
#ifndef HANDBACK_BASE_CSV_H
#define HANDBACK_BASE_CSV_H

#include <stdbool.h>
#include <stdio.h>

/*
 * Writes a text as one field, in quotes where it needs them.  Other control
 * characters than newline, carriage return and tab become \xNN.  With
 * for_spreadsheet an apostrophe is put before what a spreadsheet would run as a
 * formula, so that it stays text: for eyes, not for machines, which would take
 * the apostrophe as part of the value.
 */
void csv_field(FILE *out, const char *text, char delimiter, bool for_spreadsheet);

#endif
