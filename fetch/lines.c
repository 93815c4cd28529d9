#include "fetch/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int
lines_read(int directory, const char *name, int (*take)(void *context, char *line), void *context)
{
	int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	FILE *in = fdopen(fd, "r");
	if (in == NULL) {
		close(fd);
		return -1;
	}
	char *line = NULL;
	size_t room = 0;
	ssize_t len;
	int failed = 0;
	while (!failed && (len = getline(&line, &room, in)) > 0 && line[len - 1] == '\n') {
		line[len - 1] = '\0';
		failed = take(context, line);
	}
	int error = errno;
	if (!failed && ferror(in)) {
		failed = -1;
		error = EIO;
	}
	free(line);
	fclose(in);
	errno = error;
	return failed ? -1 : 0;
}
