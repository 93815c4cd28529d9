#include "outbound/drop.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/limits.h"
#include "lib/json/json.h"
#include "outbound/place.h"

struct drop {
	struct delivery *delivery;
	int dir;
	char why[LIMIT_MESSAGE_BYTES];
};

/* ---- what earlier ones left ---- */

#define NUMBER_DIGITS 12

/* Is it the temporary file of an earlier delivery?  There is one at a time: that one has ended, cut by a full
 * disk perhaps, and its objects go by another. */
static bool
is_left_over(const struct delivery *d, const char *entry)
{
	static const char end[] = ".csv.part";
	char number[NUMBER_DIGITS + 1], name[PLACE_NAME_SIZE], temporary[PLACE_NAME_SIZE + 8];
	size_t len = strlen(entry), tail = NUMBER_DIGITS + sizeof(end) - 1;

	if (len <= tail || strcmp(entry + len - (sizeof(end) - 1), end) != 0)
		return false;
	snprintf(number, sizeof(number), "%s", entry + len - tail);
	if (strspn(number, "0123456789") != NUMBER_DIGITS ||
	    strtoll(number, NULL, 10) >= strtoll(d->number, NULL, 10))
		return false;
	for (int kind = 0; kind < CONNECTOR_KINDS; kind++) {
		if (!connector_has(d->connector, (enum connector_kind) kind))
			continue;
		connector_file_name(d->connector, (enum connector_kind) kind, number, name, sizeof(name));
		place_temporary(temporary, sizeof(temporary), name);
		if (strcmp(entry, temporary) == 0)
			return true;
	}
	return false;
}

static void
sweep(const struct drop *w)
{
	int fd = openat(w->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *all = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;

	while (all != NULL && (entry = readdir(all)) != NULL)
		if (is_left_over(w->delivery, entry->d_name))
			unlinkat(w->dir, entry->d_name, 0);
	if (all != NULL)
		closedir(all);
	else if (fd >= 0)
		close(fd);
}

/* ---- writing ---- */

/* The part's objects as CSV; NULL with why[].  The caller frees it. */
static char *
compose(struct drop *w, const struct part *p)
{
	const struct delivery *d = w->delivery;
	struct json **objects = calloc(p->count, sizeof(struct json *));
	char *text = NULL;
	size_t count = 0;

	snprintf(w->why, sizeof(w->why), "no memory for a file");
	while (objects != NULL && count < p->count &&
	       (objects[count] = json_parse(d->object[p->first + count].json)) != NULL)
		count++;
	if (count == p->count)
		text = connector_file(d->connector, d->object[p->first].kind, (const struct json *const *) objects,
		                      count, w->why, sizeof(w->why));
	while (count > 0)
		json_free(objects[--count]);
	free(objects);
	return text;
}

/* Whole under its temporary name, durably, and as large as it ought to be. */
static bool
write_temporary(struct drop *w, const char *name, const char *text)
{
	char temporary[PLACE_NAME_SIZE + 8];
	struct stat st;
	bool good;
	int fd;

	place_temporary(temporary, sizeof(temporary), name);
	fd = place_open(w->dir, temporary);
	good = fd >= 0 && io_write_all(fd, text, strlen(text)) == 0 && fsync(fd) == 0 && fsync(w->dir) == 0 &&
	       fstat(fd, &st) == 0;
	if (!good)
		snprintf(w->why, sizeof(w->why), "the file %s cannot be written: %s", name, strerrordesc_np(errno));
	else if (st.st_size != (off_t) strlen(text))
		snprintf(w->why, sizeof(w->why), "the file %s is not as it was written", name);
	good = good && st.st_size == (off_t) strlen(text);
	if (fd >= 0)
		close(fd);
	return good;
}

/* *ret_made: it is there, and the database knows. */
static enum pg_status
make(struct drop *w, struct part *p, struct tell *tell, bool *ret_made)
{
	const struct delivery *d = w->delivery;
	char name[PLACE_NAME_SIZE];
	char *text = compose(w, p);
	enum pg_status status = PG_OK;

	connector_file_name(d->connector, d->object[p->first].kind, d->number, name, sizeof(name));
	if (text != NULL && write_temporary(w, name, text)) {
		snprintf(p->bulk.job, sizeof(p->bulk.job), "%zu %.150s", strlen(text), name);
		status = tell_job(tell, d, p, "uploaded");
		*ret_made = status == PG_OK;
	}
	free(text);
	return status;
}

/* ---- placing ---- */

static bool
place(struct drop *w, const struct part *p)
{
	const struct delivery *d = w->delivery;
	const char *why = "";
	char name[PLACE_NAME_SIZE];

	connector_file_name(d->connector, d->object[p->first].kind, d->number, name, sizeof(name));
	if (place_file(w->dir, name, strtoll(p->bulk.job, NULL, 10), &why))
		return true;
	snprintf(w->why, sizeof(w->why), "the file %s cannot be given its name: %s", name, why);
	return false;
}

static bool
open_directory(struct drop *w, const char *files, const char *target)
{
	int all = files != NULL ? open(files, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	w->dir = all >= 0 ? openat(all, target, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (files == NULL)
		snprintf(w->why, sizeof(w->why), "handback-outbox was started without --files");
	else if (w->dir < 0)
		snprintf(w->why, sizeof(w->why), "no directory for its files: %s", strerrordesc_np(errno));
	if (all >= 0)
		close(all);
	return w->dir >= 0;
}

/* What was noted of its files before, by whoever began it. */
static void
take_up(struct delivery *d)
{
	struct part *p;

	TAILQ_FOREACH(p, &d->parts, others)
	{
		const char *job = pg_text_of(d->rows, (int) d->object[p->first].row, "job");

		snprintf(p->bulk.job, sizeof(p->bulk.job), "%s", job != NULL ? job : "");
	}
}

enum pg_status
drop_delivery(struct delivery *d, const char *files, const char *target, bool resumed, struct tell *tell,
              bool *ret_full)
{
	struct drop w = {.delivery = d};
	struct part *p, *next;
	bool good = open_directory(&w, files, target), made;
	enum pg_status status = PG_OK;

	if (good)
		sweep(&w);
	if (resumed)
		take_up(d);
	TAILQ_FOREACH(p, &d->parts, others)
	if (good && status == PG_OK && p->bulk.job[0] == '\0') {
		made = false;
		status = make(&w, p, tell, &made);
		good = made;
	}
	for (p = TAILQ_FIRST(&d->parts); p != NULL && good && status == PG_OK; p = next) {
		next = TAILQ_NEXT(p, others);
		*ret_full |= p->count >= CONNECTOR_BULK_MOST;
		good = place(&w, p);
		if (good)
			delivery_finish(d, p, &(const struct send_report){.result = SEND_DELIVERED});
	}
	if (w.dir >= 0)
		close(w.dir);
	if (!good && status == PG_OK)
		delivery_cut(d, w.why);
	return status;
}
