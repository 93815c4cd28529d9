#include "lib/db/passfile.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/secret.h"

#define PASSFILE_BYTES (1 << 20)

/* A file in memory with these bytes, that its owner alone may read; -1 when there is no memory. */
static int
copy_of(const char *bytes, size_t len)
{
	int fd = memfd_create("passfile", MFD_CLOEXEC);

	if (fd >= 0 && fchmod(fd, 0600) == 0 && io_write_all(fd, bytes, len) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

int
passfile_private(const char *path, char *buf, size_t size)
{
	const char *name = path != NULL ? path : getenv("PGPASSFILE");
	struct stat st;
	char *bytes;
	size_t len;
	int fd;

	if (name == NULL || stat(name, &st) < 0 || !S_ISREG(st.st_mode) || (st.st_mode & 077) == 0 ||
	    secret_open_to(&st) != 0 || io_read_file(AT_FDCWD, name, PASSFILE_BYTES, &bytes, &len) < 0)
		return -1;
	fd = copy_of(bytes, len);
	explicit_bzero(bytes, len);
	free(bytes);
	if (fd >= 0)
		snprintf(buf, size, "/proc/self/fd/%d", fd);
	return fd;
}
