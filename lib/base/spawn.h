/*
 * Starting a program of ours with nothing but what it is given: these
 * descriptors, this environment, no signal mask or handler of the parent, no
 * core dump.  It dies with the parent, even when that is killed.
 */
#ifndef HANDBACK_BASE_SPAWN_H
#define HANDBACK_BASE_SPAWN_H

#include <stddef.h>
#include <sys/types.h>

/* Descriptor `from` of the parent is number `to` in the child. */
struct spawn_fd {
	int from, to;
};

#define SPAWN_FDS 8 /* at most, and `to` below 16 */

struct spawn {
	const char *path;        /* of the program */
	const char *const *argv; /* NULL-ended */
	const char *const *env;  /* NULL-ended "NAME=value": the whole environment; NULL: empty */
	const struct spawn_fd *fds;
	size_t fd_count;  /* 0, 1 and 2 are /dev/null unless they are named here */
	int death_signal; /* what the child gets when the parent dies; 0: SIGKILL */
	const char *dir;  /* working directory; NULL: "/" */
	uid_t uid;        /* 0: stay who we are; otherwise become this user and group, without other groups */
	gid_t gid;
};

/*
 * The environment of our own programs: a fixed PATH and LANG, and of ours what they need to find
 * each other, their credentials and the journal.  NULL-ended, made once, never freed; NULL: no memory.
 */
const char *const *spawn_environment(void);

/* The process id, or -1 with errno when it could not be started, exec included.  The caller reaps it. */
pid_t spawn(const struct spawn *s);

#endif
