/* What more than one command shows of a file: of one that was delivered (show), of one that would be (try).
 */
#ifndef HANDBACK_CTL_FILE_TABLES_H
#define HANDBACK_CTL_FILE_TABLES_H

#include "ctl/table.h"

extern const struct column file_refusal_columns[6];
extern const struct column file_outcome_columns[3];

/* The last is the difference, which only the database computes: try leaves it out. */
#define FILE_CONTROLS_STATED 5
extern const struct column file_control_columns[FILE_CONTROLS_STATED + 1];

#endif
