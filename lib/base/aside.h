/*
 * Removing a partner's file as the very file that it is known by, and never by its name alone: whoever puts
 * another file under the name at that moment loses nothing.
 *
 * The file is first moved into a directory of ours beside it, where nobody else can put another in its place,
 * then compared, and removed or moved back.  The directory's name says which file was to be removed, so
 * that aside_settle can end what a crash left half done: it needs no memory and no lock, and may be run while
 * the other is at work.
 *
 * Where the file system cannot rename without replacing (NFS, some of FUSE) the way back is a hard link, and
 * where there are none either the file stays where it is, and aside_settle says so.
 */
#ifndef HANDBACK_BASE_ASIDE_H
#define HANDBACK_BASE_ASIDE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

/* What stays the same of a file when it is moved. */
struct aside_known {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified;
};

struct aside_known aside_known_of(const struct stat *st);

/*
 * Removes the name where it still is the known file.  0: it is removed, gone, or the name is another file's;
 * -1 with errno: it cannot be removed; where it was moved already, aside_settle tries again.
 */
int aside_remove(int dir, const char *name, const struct aside_known *known);

/* Is this name one of our directories?  A partner's own by such a name is none. */
bool aside_is_ours(int dir, const char *name);

/*
 * Ends what is left in one of our directories: removes the file that was to be removed, moves any other back.
 * 1 and its name in ret_name[NAME_MAX + 1] when one was moved back; 0 when none was; -1 with errno when one
 * cannot be now (EEXIST: its name is taken), and ret_name all the same.
 */
int aside_settle(int dir, const char *ours, char *ret_name);

#endif
