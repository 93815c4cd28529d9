/* Files that handback kept: their bytes, by the place that the database has for them. */
#ifndef HANDBACK_FINANCE_VIEW_ARCHIVE_H
#define HANDBACK_FINANCE_VIEW_ARCHIVE_H

#include <stdint.h>

/*
 * The bytes of one record of a kept file, as text_display writes them, or in
 * parentheses why they cannot be read; the caller frees the result.  spool: an
 * open directory, or -1; archived_as: as in handback.file; purged: when
 * retention purged the copy, or NULL.
 */
char *archive_record(int spool, const char *archived_as, const char *purged, int64_t offset, int64_t length);

/* The bytes of one record of an open regular file; NULL when they cannot be read, with the reason in *ret_why
 * (static text). */
char *archive_bytes(int fd, int64_t offset, int64_t length, const char **ret_why);

#endif
