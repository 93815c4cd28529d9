/* What a finished workbook has in it, by its directory. */
#ifndef HANDBACK_FINANCE_SHEET_WHOLE_H
#define HANDBACK_FINANCE_SHEET_WHOLE_H

#include <stdint.h>
#include <stdio.h>

/* The bytes of all of its sheets, unpacked; -1 where the file does not end as a workbook. */
int64_t whole_sheet_bytes(FILE *workbook);

#endif
