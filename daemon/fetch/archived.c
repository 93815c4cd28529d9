/*
 * The news of what was archived.  handbackd appends a line to .fetch/archived
 * when a worker is done with a file of ours; we take the file away by renaming
 * it and read it then.  A line that handbackd was just writing lands in the
 * renamed file, so that one is read once more by the next run: lines may come
 * twice, and are told apart by when the file was seen.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "daemon/fetch/fetch.h"
#include "daemon/fetch/names.h"
#include "daemon/fetch/reply.h"

#define NEWS "archived"
#define TAKEN "archived.taken"

/* One line; -1 with errno when its answer cannot be kept. */
static int
take_line(struct fetch *f, char *line, int64_t *noted)
{
	static struct message m;
	char name[NAME_STORED_SIZE];
	int64_t seen;
	if (!message_read(&m, line) || strcmp(m.verb, "archived") != 0)
		return 0;
	const char *stored = message_text(&m, "name");
	if (!stored || !message_int(&m, "seen", 0, INT64_MAX, &seen) || !name_restore(name, stored))
		return 0;
	struct memory_entry *e = memory_find(f->memory, name);
	/* seen before we fetched it: news of an earlier file of this name */
	if (!e || e->state != MEMORY_FETCHED || seen < e->fetched)
		return 0;
	if (fetch_make_answer(f, &m, e))
		return -1;
	e->state = MEMORY_ARCHIVED;
	++*noted;
	return 0;
}

/* All lines of the taken file; -1 with errno. */
static int
read_taken(struct fetch *f, int64_t *noted)
{
	int fd = openat(f->work, TAKEN, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	FILE *in = fdopen(fd, "r");
	if (!in) {
		close(fd);
		return -1;
	}
	char *line = NULL;
	size_t room = 0;
	ssize_t len;
	int failed = 0;
	while (!failed && (len = getline(&line, &room, in)) > 0) {
		if (line[len - 1] != '\n')
			break;
		line[len - 1] = '\0';
		failed = take_line(f, line, noted);
	}
	int error = errno;
	if (!failed && ferror(in)) {
		failed = -1;
		error = EIO;
	}
	free(line);
	fclose(in);
	errno = error;
	return failed;
}

bool
fetch_note_archived(struct fetch *f)
{
	int64_t noted = 0;
	bool ok = read_taken(f, &noted) == 0;
	if (ok && renameat(f->work, NEWS, f->work, TAKEN) == 0)
		ok = read_taken(f, &noted) == 0;
	else if (ok)
		ok = errno == ENOENT;
	/* before anything is done about them */
	if (!ok || (noted > 0 && memory_save(f->memory)))
		return fetch_stop(f, "spool", strerror(errno));
	REPLY("noted", {"archived", NULL, noted});
	return true;
}
