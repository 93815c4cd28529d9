#include "outbound/credentials.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/secret.h"
#include "lib/protocol/send_job.h"

bool
credentials_open(struct credentials *ret, const char *path)
{
	const char *systemd = getenv("CREDENTIALS_DIRECTORY");

	*ret = (struct credentials){-1, path == NULL ? "targets_" : ""};
	if (path == NULL)
		path = systemd;
	if (path == NULL)
		return true;
	ret->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return ret->dir >= 0;
}

void
credentials_close(struct credentials *c)
{
	if (c->dir >= 0)
		close(c->dir);
	c->dir = -1;
}

/* The credential's name in a file's; NULL: it is another target's. */
static const char *
name_in(const struct credentials *c, const char *file, const char *target)
{
	size_t prefix = strlen(c->prefix), length = strlen(target);

	if (strncmp(file, c->prefix, prefix) != 0 || strncmp(file + prefix, target, length) != 0 ||
	    file[prefix + length] != '.' || file[prefix + length + 1] == '\0')
		return NULL;
	return file + prefix + length + 1;
}

static int
open_one(int dir, const char *file, char *why, size_t why_size)
{
	int fd = openat(dir, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && secret_open_to(&st) == 0)
		return fd;
	snprintf(why, why_size, "its credential %s is no file that only we can read", file);
	if (fd >= 0)
		close(fd);
	return -1;
}

bool
credentials_give(const struct credentials *c, const char *target, struct send_job *job,
                 char *names[SEND_CREDENTIALS], char *why, size_t why_size)
{
	DIR *list = c->dir >= 0 ? io_list(c->dir, ".") : NULL;
	const struct dirent *entry;
	bool good = true;

	if (list == NULL)
		return true; /* it may need none; where it does, the sender says so */
	while (good && (entry = readdir(list)) != NULL) {
		const char *name = name_in(c, entry->d_name, target);
		char *copy = name != NULL ? strdup(name) : NULL;
		int fd = -1;

		if (name == NULL)
			continue;
		if (copy == NULL || job->credential_count == SEND_CREDENTIALS) {
			snprintf(why, why_size, "it has more than %d credentials", SEND_CREDENTIALS);
			good = false;
		} else {
			good = (fd = open_one(c->dir, entry->d_name, why, why_size)) >= 0;
		}
		if (!good) {
			free(copy);
			break;
		}
		names[job->credential_count] = copy;
		job->credential[job->credential_count].name = copy;
		job->credential[job->credential_count++].fd = fd;
	}
	closedir(list);
	return good;
}
