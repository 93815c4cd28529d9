/*
 * Where copies stay: posted and duplicate files in the archive, held ones in
 * quarantine with a .reason beside them.  Safe to do again after a crash.
 */
#ifndef HANDBACK_SPOOL_ARCHIVE_H
#define HANDBACK_SPOOL_ARCHIVE_H

#include "lib/spool/copy.h"

#define ARCHIVE_PATH_SIZE 160

/* Below the spool: archive/2026/11/18/<sha256>-<file id>, or quarantine/<sha256>-<file id>.  decided_at in µs
 * since 1970: its day in UTC names the folder.  Returns path. */
const char *archive_path(char path[ARCHIVE_PATH_SIZE], bool held, int64_t file_id,
                         const uint8_t sha256[SHA256_BYTES], int64_t decided_at);

/*
 * Moves the copy there, durably.  Where an earlier attempt has brought the same
 * bytes already, the copy is dropped.  0 and the copy is no longer the
 * caller's; -1 with errno.
 */
int archive_copy(const struct spool *spool, struct copy *c, const char *path);

/* Writes <path>.reason, durably, unless it is there.  0, or -1 with errno. */
int archive_reason(const struct spool *spool, const char *path, const char *text);

/* Is it there?  1, 0, or -1 with errno. */
int archive_has(const struct spool *spool, const char *path);

#endif
