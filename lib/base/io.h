/*
 * Whole reads and writes, and files that are there entirely or not at all.
 *
 * Functions that return int give 0 (or a descriptor) on success and -1 with
 * errno otherwise; ret_x is untouched then.  A failed fsync is never tried
 * again: the kernel marks the pages clean after the first failure, so a second
 * one that succeeds proves nothing (see fsync(2), and Rebello et al., ATC 2020).
 * What root makes here belongs to whom its directory belongs: an operator who
 * runs as root what a service runs leaves nothing that the service cannot read.
 */
#ifndef HANDBACK_BASE_IO_H
#define HANDBACK_BASE_IO_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

int io_write_all(int fd, const void *bytes, size_t len);

/* Bytes in memory as a descriptor, at its beginning, that nobody who has it can change any more; name is for
 * /proc. */
int io_sealed(const char *name, const void *bytes, size_t len);

/* To end of file, at most max bytes (EFBIG when there are more).  *ret_bytes is NUL-ended behind ret_len, the
 * caller frees it. */
int io_read_all(int fd, size_t max, char **ret_bytes, size_t *ret_len);
/* The same for a regular file at a path (ENOTSUP for anything else; never blocks on a FIFO). */
int io_read_file(int dir, const char *path, size_t max, char **ret_bytes, size_t *ret_len);
/* The same in a directory that may be another user's: a link in the place of the file is ELOOP. */
int io_read_own_file(int dir, const char *name, size_t max, char **ret_bytes, size_t *ret_len);

/* The entries of a directory, relative to dir, for readdir and closedir; NULL with errno. */
DIR *io_list(int dir, const char *path);

/*
 * Makes each missing directory of path (relative to dir, or absolute) with this
 * mode whatever the umask, durably, and opens the last.  What is there already, or
 * was put in the place of what we made meanwhile, keeps its mode and its owner.  A symbolic link is followed
 * only where root or we ourselves have put it and nobody else can: ELOOP for any other, so that root never
 * goes where a service's user points.
 */
int io_make_dirs(int dir, const char *path, mode_t mode);
/* The same way to a directory that is there: ENOENT, and nothing is made. */
int io_open_dir(int dir, const char *path);

/* Has the directory no entry?  False, too, when it cannot be read. */
bool io_is_empty(int dir);

/* Nobody but root and ourselves can put, replace or remove a name of root's or ours in this directory. */
bool io_only_ours_writes(int dir);

/*
 * Moves a file that is complete, durably: fsync of the file, rename that never replaces (EEXIST),
 * fsync of both directories.  When -1 comes after the rename took place the name may or may not
 * survive a power loss; the file is at one of the two places.
 */
int io_move_durably(int file, int from_dir, const char *from, int to_dir, const char *to);

/* A small file, durably and whole, under a new name (EEXIST); mode whatever the umask. */
int io_put_file(int dir, const char *name, mode_t mode, const void *bytes, size_t len);

#endif
