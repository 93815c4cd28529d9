/*
 * Landlock: from the call on, this process and its children open, change and
 * run only what is listed, and connect by TCP only to the ports that are listed.
 * What it cannot hold: sockets of the file system that are connected to, UDP,
 * and whatever is open already.  A seccomp list must do that.
 */
#ifndef HANDBACK_SANDBOX_LANDLOCK_H
#define HANDBACK_SANDBOX_LANDLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What may be done with a file, or with all below a directory. */
enum landlock_use {
	LANDLOCK_READ = 1, /* open for reading, list */
	LANDLOCK_WRITE,    /* open a file or a device for reading and writing */
	LANDLOCK_RUN,      /* read, and run */
	LANDLOCK_EMPTY,    /* remove empty directories below it */
	LANDLOCK_KEEP,     /* make, change, rename and remove files and directories, sockets too */
};

struct landlock_place {
	const char *path; /* one that is not there is not missed; NULL: fd */
	int fd;
	enum landlock_use use;
};

struct landlock_wish {
	const struct landlock_place *places;
	size_t place_count;
	const uint16_t *ports; /* of TCP, to connect to (from version 4 on: Linux 6.7) */
	size_t port_count;
	bool any_port; /* what TCP does is somebody else's to hold */
	int least;     /* version that is needed: 2 to rename between directories; 0: whatever there is */
};

/* The version that this kernel has; 0: none; -1 with errno. */
int landlock_version(void);

/* The version in force; 0 when the kernel has none, or an older one than wish->least; -1 with errno. */
int landlock_enter(const struct landlock_wish *wish);

#endif
