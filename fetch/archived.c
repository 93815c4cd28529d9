/*
 * The news of what was archived.  handbackd appends a line to .fetch/archived
 * when a worker is done with a file of ours; we take the file away by renaming
 * it and read it then.  A line that handbackd was just writing lands in the
 * renamed file, so that one is read once more by the next run: lines may come
 * twice, and when the file was seen keeps them apart.
 */
#include <errno.h>

#include "fetch/fetch.h"
#include "fetch/lines.h"
#include "fetch/names.h"
#include "fetch/reply.h"

#define NEWS "archived"
#define TAKEN "archived.taken"

struct news {
	struct fetch *fetch;
	int64_t noted;
};

/* One line; -1 with errno when its answer cannot be kept. */
static int
take_line(void *context, char *line)
{
	static struct message m;
	struct news *news = context;
	struct fetch *f = news->fetch;
	char name[NAME_STORED_SIZE];
	int64_t seen;
	if (!message_read(&m, line) || strcmp(m.verb, "archived") != 0)
		return 0;
	const char *stored = message_text(&m, "name");
	if (stored == NULL || !message_int(&m, "seen", 0, INT64_MAX, &seen) || !name_restore(name, stored))
		return 0;
	struct state_entry *e = state_find(f->state, name);
	/* seen before we fetched it: news of an earlier file of this name */
	if (e == NULL || e->state != ENTRY_FETCHED || seen < e->fetched)
		return 0;
	if (fetch_make_answer(f, &m, e))
		return -1;
	e->state = ENTRY_ARCHIVED;
	news->noted++;
	return 0;
}

bool
fetch_note_archived(struct fetch *f)
{
	struct news news = {.fetch = f};
	bool ok = lines_read(f->work, TAKEN, take_line, &news) == 0;
	if (ok && renameat(f->work, NEWS, f->work, TAKEN) == 0)
		ok = lines_read(f->work, TAKEN, take_line, &news) == 0;
	else if (ok)
		ok = errno == ENOENT;
	/* before anything is done about them */
	if (!ok || (news.noted > 0 && state_save(f->state)))
		return fetch_stop(f, "spool", strerror(errno));
	REPLY(FETCH_NOTED, .archived = news.noted);
	return true;
}
