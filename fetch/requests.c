/*
 * Request files to the partner: whole files that handback-outbox puts into .requests of the source's corner.
 * Each is uploaded once.  It has its last name when it was written under a temporary one, and read back
 * there: from then on the partner may take it at any moment.  So that it is about to be renamed is noted
 * first; when the temporary name is gone after that, it was renamed, whether or not it is still to be seen.
 *
 *   NAME            to be uploaded
 *   .NAME.renaming  its upload may have its last name
 *   .NAME.sent      it has: handback-outbox takes this away
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fetch/fetch.h"
#include "fetch/names.h"
#include "fetch/reply.h"
#include "lib/base/io.h"

#define DIRECTORY ".requests"
#define FILE_BYTES (256 << 20)

struct upload {
	struct fetch *f;
	int dir;
	const char *name;
	char *bytes;
	size_t len;
	char path[NAME_PATH_SIZE], part[NAME_PATH_SIZE]; /* on the server */
	char renaming[NAME_STORED_SIZE + 16], sent[NAME_STORED_SIZE + 16];
};

/* It is there under its last name, or was: noted durably, and then no longer to be uploaded. */
static bool
has_its_name(struct upload *u)
{
	if (renameat(u->dir, u->name, u->dir, u->sent) || fsync(u->dir) ||
	    (unlinkat(u->dir, u->renaming, 0) && errno != ENOENT))
		return fetch_stop(u->f, "spool", strerror(errno));
	u->f->answered++;
	REPLY(FETCH_ANSWERED, .name = u->name);
	return true;
}

/* It stays where it is, and is tried again in each run.  False when the run is over. */
static bool
stays(struct upload *u, enum remote_status status, const char *why)
{
	if (status == REMOTE_CUT)
		return fetch_stop(u->f, "answer", remote_why(u->f->remote));
	REPLY(FETCH_ANSWER_FAILED, .name = u->name, .why = why != NULL ? why : remote_why(u->f->remote));
	return true;
}

/* The temporary name is whole on the server. */
static bool
give_name(struct upload *u)
{
	enum remote_status status = remote_rename(u->f->remote, u->part, u->path);

	return status == REMOTE_OK ? has_its_name(u) : stays(u, status, NULL);
}

static bool
begin(struct upload *u)
{
	struct remote_attributes a;
	enum remote_status status = remote_stat(u->f->remote, u->path, &a);

	if (status == REMOTE_OK)
		return stays(u, status, "the name is taken");
	if (status != REMOTE_ABSENT)
		return stays(u, status, NULL);
	remote_remove(u->f->remote, u->part);
	status = remote_write(u->f->remote, u->part, u->bytes, u->len);
	if (status != REMOTE_OK)
		return stays(u, status, NULL);
	status = fetch_read_back(u->f, u->part, u->bytes, u->len);
	if (status != REMOTE_END)
		return stays(u, status, "the server did not keep what was written");
	if (io_put_file(u->dir, u->renaming, 0660, "", 0))
		return fetch_stop(u->f, "spool", strerror(errno));
	return give_name(u);
}

/* A run before was about to rename it. */
static bool
go_on(struct upload *u)
{
	struct remote_attributes a;
	enum remote_status status = remote_stat(u->f->remote, u->path, &a);

	if (status == REMOTE_OK && fetch_read_back(u->f, u->path, u->bytes, u->len) == REMOTE_END)
		return has_its_name(u);
	if (status == REMOTE_OK)
		return stays(u, status, "the name is taken");
	if (status != REMOTE_ABSENT)
		return stays(u, status, NULL);
	status = fetch_read_back(u->f, u->part, u->bytes, u->len);
	if (status == REMOTE_END)
		return give_name(u);
	if (status == REMOTE_ABSENT) /* it was renamed, and the partner has taken it */
		return has_its_name(u);
	if (status != REMOTE_OK)
		return stays(u, status, NULL);
	/* it is still there, and not whole any more: so it was not renamed */
	if (unlinkat(u->dir, u->renaming, 0) || fsync(u->dir))
		return fetch_stop(u->f, "spool", strerror(errno));
	return begin(u);
}

/* False when the run is over. */
static bool
one(struct fetch *f, int dir, const char *name)
{
	struct upload u = {.f = f, .dir = dir, .name = name};
	char hidden[NAME_STORED_SIZE + 16];
	struct stat st;
	bool ok;

	if (strlen(name) > LIMIT_NAME_BYTES - 16 || name_fault(name) != NULL)
		return stays(&u, REMOTE_OK, "its name is none for a server");
	snprintf(hidden, sizeof(hidden), ".%s.part", name);
	snprintf(u.renaming, sizeof(u.renaming), ".%s.renaming", name);
	snprintf(u.sent, sizeof(u.sent), ".%s.sent", name);
	if (!name_path(u.path, f->job.requests_directory, name) ||
	    !name_path(u.part, f->job.requests_directory, hidden))
		return stays(&u, REMOTE_OK, "its path is too long");
	if (io_read_own_file(dir, name, FILE_BYTES, &u.bytes, &u.len))
		return errno == ENOENT || stays(&u, REMOTE_OK, strerror(errno));
	ok = fstatat(dir, u.renaming, &st, AT_SYMLINK_NOFOLLOW) == 0 ? go_on(&u) : begin(&u);
	free(u.bytes);
	return ok;
}

/* In the order of their names, which is that of their numbers. */
bool
fetch_requests(struct fetch *f)
{
	struct dirent **names = NULL;
	int dir, count;
	bool ok = true;

	if (f->job.requests_directory == NULL)
		return true;
	if (mkdirat(f->job.spool_fd, DIRECTORY, 0770) && errno != EEXIST)
		return fetch_stop(f, "spool", strerror(errno));
	dir = openat(f->job.spool_fd, DIRECTORY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	count = dir >= 0 ? scandirat(dir, ".", &names, NULL, alphasort) : -1;
	if (count < 0)
		ok = fetch_stop(f, "spool", strerror(errno));
	for (int i = 0; i < count; i++) {
		if (ok && names[i]->d_name[0] != '.')
			ok = one(f, dir, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	if (dir >= 0)
		close(dir);
	return ok;
}
