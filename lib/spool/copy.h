/*
 * Our own copy of a partner's file: taken safely, hashed while it is written,
 * and the only thing that is ever parsed and archived.
 *
 * A copy lies in spool/work under a name of ours, locked (flock) for as long
 * as the process that made it lives, so that what a crash left behind can be
 * kept apart from what is in use.
 */
#ifndef HANDBACK_SPOOL_COPY_H
#define HANDBACK_SPOOL_COPY_H

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "lib/base/limits.h"
#include "lib/hash/sha256.h"
#include "lib/spool/spool.h"

#define COPY_NAME_SIZE 32

struct copy {
	int fd; /* read-write and locked: ours alone */
	char name[COPY_NAME_SIZE];
	uint8_t sha256[SHA256_BYTES];
	int64_t bytes;
	struct stat source; /* the file that was read; zero for an orphan */
};

enum copy_end {
	COPY_DONE,
	COPY_GONE,   /* no such name (any more) */
	COPY_BUSY,   /* still being written, or it changed while it was read: look again later */
	COPY_FAILED, /* cannot be read or kept now, or is nothing that we may read: it stays where it is */
};

/*
 * Copies `name` of the inbound directory into spool/work.  Taken: a regular
 * file with one link, within max_bytes, that nobody has open for writing and
 * that is the same before and after.  Never followed, never blocked on, never
 * changed.  COPY_DONE and *ret, to be given to copy_drop or copy_keep;
 * otherwise why[LIMIT_MESSAGE_BYTES] says what is the matter.
 */
enum copy_end copy_take(const struct spool *spool, int dir, const char *name, int64_t max_bytes,
                        struct copy *ret, char *why);

/*
 * Reads the sidecar file of `name` that is called so with suffix behind: COPY_DONE and the SHA-256 that it
 * states; COPY_BUSY when it is being written or gone, COPY_FAILED when it states none, and why says so.
 */
enum copy_end copy_sidecar(int dir, const char *name, const char *suffix, uint8_t ret_sha256[SHA256_BYTES],
                           char *why);

/* The copy opened once more, read-only and at its start: what a parser may have.  -1 with errno. */
int copy_reopen(const struct spool *spool, const struct copy *c);

/* The content durably on disk: before anything is committed that speaks of it.  -1 with errno: the copy is
 * lost. */
int copy_sync(const struct copy *c);

/* Removes the copy. */
void copy_drop(const struct spool *spool, struct copy *c);
/* Forgets the copy: it has been moved to where it stays. */
void copy_keep(struct copy *c);

/*
 * Removes the partner's file when the name still is the file that was copied; what is put under the name
 * at that moment stays (lib/base/aside.h).
 * 0: it is gone, or the name is another file's now; -1 with errno when it is there and cannot be removed.
 */
int copy_remove_source(int dir, const char *name, const struct copy *c);

/*
 * The next copy in spool/work whose owner is gone, locked by us now and hashed: 1 and *ret; 0 when there is
 * none; -1 with errno.  Names that are not ours are left alone.
 */
int copy_next_orphan(const struct spool *spool, DIR *listing, struct copy *ret);

#endif
