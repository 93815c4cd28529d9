/* Days that are no business days: lists of dates beside the profiles, NAME.holidays. */
#ifndef HANDBACK_PROFILE_HOLIDAYS_H
#define HANDBACK_PROFILE_HOLIDAYS_H

#include "lib/base/limits.h"

/*
 * The days of a list as the database takes a date[] ("{2026-12-25}"; "{}" where
 * name is NULL), which the caller frees.  NULL, with why[LIMIT_MESSAGE_BYTES]
 * (the file, where it has a line the line, and what is wrong), when the list cannot be read.
 * profiles: an open directory.
 */
char *holidays_read(int profiles, const char *name, char *why);

#endif
