#include "lib/spool/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib/base/io.h"

int
spool_open(const char *path, struct spool *ret)
{
	struct spool s = {.work = -1, .archive = -1, .quarantine = -1};

	s.root = io_make_dirs(AT_FDCWD, path, 0700);
	if (s.root < 0)
		return -1;
	s.work = io_make_dirs(s.root, "work", 0700);
	s.archive = io_make_dirs(s.root, "archive", 0700);
	s.quarantine = io_make_dirs(s.root, "quarantine", 0700);
	if (s.work < 0 || s.archive < 0 || s.quarantine < 0) {
		int saved = errno;

		spool_close(&s);
		errno = saved;
		return -1;
	}
	*ret = s;
	return 0;
}

void
spool_close(struct spool *s)
{
	int *fds[] = {&s->root, &s->work, &s->archive, &s->quarantine};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}
