#include "outbound/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/io.h"

void
place_temporary(char *buf, size_t size, const char *name)
{
	snprintf(buf, size, ".%s.part", name);
}

int
place_open(int dir, const char *temporary)
{
	int fd = openat(dir, temporary, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, PLACE_MODE);

	/* whatever the umask: who fetches it is of the directory's group */
	if (fd >= 0 && fchmod(fd, PLACE_MODE) < 0) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

bool
place_file(int dir, const char *name, int64_t bytes, const char **ret_why)
{
	char temporary[PLACE_NAME_SIZE + 8];
	struct stat st;
	bool good;
	int fd;

	place_temporary(temporary, sizeof(temporary), name);
	fd = openat(dir, temporary, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return true;
	good = fd >= 0 && fstat(fd, &st) == 0;
	if (good && st.st_size != bytes) {
		*ret_why = "it is not as it was written";
		good = false;
	} else if (!good || io_move_durably(fd, dir, temporary, dir, name) < 0) {
		*ret_why = strerrordesc_np(errno);
		good = false;
	}
	if (fd >= 0)
		close(fd);
	return good;
}
