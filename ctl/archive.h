/* Files that handback kept: their bytes, by the place that the database has for them. */
#ifndef HANDBACK_CTL_ARCHIVE_H
#define HANDBACK_CTL_ARCHIVE_H

#include <stdint.h>

/*
 * The bytes of one record of a kept file, as text_escape writes them.  NULL
 * when they cannot be had, with the reason in *ret_why (static text); the
 * caller frees the result.  spool: an open directory; archived_as: as in
 * handback.file.
 */
char *archive_record(int spool, const char *archived_as, int64_t offset, int64_t length,
                     const char **ret_why);

/* The same of an open regular file. */
char *archive_bytes(int fd, int64_t offset, int64_t length, const char **ret_why);

#endif
