/* What more than one command shows of files: of one that was delivered (show), of one that would be (try), of
 * those that were released and are held still. */
#ifndef HANDBACK_FINANCE_VIEW_FILE_TABLES_H
#define HANDBACK_FINANCE_VIEW_FILE_TABLES_H

#include "lib/finance/view/query.h"

extern const struct column file_refusal_columns[6];
extern const struct column file_outcome_columns[3];
#define FILE_FAILURE 3
extern const struct column file_failure_columns[FILE_FAILURE];
#define FILE_SAME_BYTES 8
extern const struct column file_same_bytes_columns[FILE_SAME_BYTES];

/* The last is the difference, which only the database computes: try leaves it out. */
#define FILE_CONTROLS_STATED 5
extern const struct column file_control_columns[FILE_CONTROLS_STATED + 1];

/* Held files that may go and have not gone, and why: left out where there are none. *ret_rows may be NULL. */
int file_releases(const struct query *q, struct document *d, const char *partner, size_t *ret_rows);

#endif
