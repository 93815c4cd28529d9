/*
 * Answers to the partner: a small text for each archived file, and the files
 * of rejects that workers made.  They are kept in .fetch until they were
 * uploaded and read back: some servers report success for a file that they do
 * not keep, so only what was read back counts.
 */
#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#include "fetch/fetch.h"
#include "fetch/names.h"
#include "fetch/reply.h"
#include "lib/base/io.h"
#include "lib/base/text.h"

#define SUFFIX ".answer"
#define FILE_BYTES (LIMIT_REJECTS_BYTES + (1 << 20)) /* the last line of rejects begins below that limit */

struct word {
	const char *name, *text;
	int64_t number;
};

static void
put(char *buf, size_t size, size_t *used, const char *text, size_t len)
{
	if (*used + len < size)
		memcpy(buf + *used, text, len);
	*used += len;
}

/* Fills {words} into a template; false when it does not fit or a word is unknown. */
static bool
fill_in(char *buf, size_t size, const char *template, const struct word *words)
{
	size_t used = 0;
	while (*template) {
		if (*template != '{') {
			put(buf, size, &used, template ++, 1);
			continue;
		}
		size_t len = strcspn(++template, "}");
		const struct word *w = words;
		while (w->name != NULL && (strlen(w->name) != len || strncmp(w->name, template, len) != 0))
			w++;
		if (w->name == NULL || template[len] != '}')
			return false;
		char number[24];
		snprintf(number, sizeof(number), "%lld", (long long) w->number);
		const char *text = w->text != NULL ? w->text : number;
		put(buf, size, &used, text, strlen(text));
		template += len + 1;
	}
	if (used >= size)
		return false;
	buf[used] = '\0';
	return true;
}

/* "2026-03-01T12:00:00Z" */
static void
write_time(char *buf, size_t size, int64_t us)
{
	time_t seconds = (time_t) (us / 1000000);
	struct tm tm;
	gmtime_r(&seconds, &tm);
	strftime(buf, size, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static int64_t
number_of(const struct message *m, const char *key)
{
	int64_t number = 0;
	message_int(m, key, 0, INT64_MAX, &number);
	return number;
}

int
fetch_make_answer(struct fetch *f, const struct message *archived, const struct state_entry *e)
{
	static char text[4 * FETCH_ANSWER_BYTES];
	char hex[TEXT_HEX_SIZE(SHA256_BYTES)], now[32], name[NAME_STORED_SIZE];
	char file[NAME_STORED_SIZE + sizeof(SUFFIX)];
	const char *state = message_text(archived, "state");
	if (f->job.answer == NULL || f->job.answer_name == NULL)
		return 0;
	text_hex(hex, e->sha256, SHA256_BYTES);
	write_time(now, sizeof(now), f->now);
	const struct word words[] = {{"name", e->name, 0},
	                             {"sha256", hex, 0},
	                             {"bytes", NULL, (int64_t) e->size},
	                             {"time", now, 0},
	                             {"state", state != NULL ? state : "", 0},
	                             {"records", NULL, number_of(archived, "records")},
	                             {"confirmed", NULL, number_of(archived, "confirmed")},
	                             {"reversed", NULL, number_of(archived, "reversed")},
	                             {"held", NULL, number_of(archived, "held")},
	                             {NULL, NULL, 0}};
	if (!fill_in(text, sizeof(text), f->job.answer, words) ||
	    !fill_in(name, sizeof(name) - sizeof(SUFFIX), f->job.answer_name, words) ||
	    name_fault(name) != NULL) {
		REPLY(FETCH_ANSWER_FAILED, .name = e->name,
		      .why = "its template cannot be filled in, or its name is none");
		return 0;
	}
	snprintf(file, sizeof(file), "%s" SUFFIX, name);
	return io_put_file(f->work, file, 0660, text, strlen(text)) && errno != EEXIST ? -1 : 0;
}

enum remote_status
fetch_read_back(struct fetch *f, const char *path, const char *text, size_t len)
{
	static char buf[REMOTE_CHUNK];
	size_t at = 0, n;
	enum remote_status status = remote_read_open(f->remote, path, 0, len + 1, 1);
	while (status == REMOTE_OK && (status = remote_read(f->remote, buf, &n)) == REMOTE_OK) {
		if (n > len - at || memcmp(text + at, buf, n) != 0)
			break;
		at += n;
	}
	if (status != REMOTE_CUT)
		remote_read_close(f->remote);
	return status == REMOTE_END && at == len ? REMOTE_END : status == REMOTE_END ? REMOTE_OK : status;
}

/* Uploads under a temporary name, looks, renames, reads back.  NULL, or why not. */
static const char *
upload(struct fetch *f, const char *name, const char *text, size_t len, enum remote_status *ret)
{
	char path[NAME_PATH_SIZE], part[NAME_PATH_SIZE], hidden[NAME_PATH_SIZE];
	struct remote_attributes a;
	const char *directory = f->job.answer_directory != NULL ? f->job.answer_directory : f->job.directory;
	if (snprintf(hidden, sizeof(hidden), ".%s.part", name) >= NAME_PATH_SIZE ||
	    !name_path(path, directory, name) || !name_path(part, directory, hidden)) {
		*ret = REMOTE_REFUSED;
		return "its path is too long";
	}
	*ret = remote_stat(f->remote, path, &a);
	if (*ret == REMOTE_OK) {
		/* ours from a run that broke off, or somebody else's: never overwritten */
		*ret = fetch_read_back(f, path, text, len);
		return *ret == REMOTE_END ? NULL : "the name is taken";
	}
	if (*ret != REMOTE_ABSENT)
		return remote_why(f->remote);
	remote_remove(f->remote, part);
	*ret = remote_write(f->remote, part, text, len);
	if (*ret == REMOTE_OK)
		*ret = remote_stat(f->remote, part, &a);
	if (*ret == REMOTE_OK && (!a.has_size || a.size != len))
		return "the server did not keep what was written";
	if (*ret == REMOTE_OK)
		*ret = remote_rename(f->remote, part, path);
	if (*ret != REMOTE_OK)
		return remote_why(f->remote);
	*ret = fetch_read_back(f, path, text, len);
	return *ret == REMOTE_END ? NULL : "what was written cannot be read back";
}

/* One answer that lies in .fetch.  False when the run is over. */
static bool
answer_one(struct fetch *f, const char *file)
{
	char name[NAME_STORED_SIZE], *text;
	size_t len;
	enum remote_status status;
	snprintf(name, sizeof(name), "%.*s", (int) (strlen(file) - (sizeof(SUFFIX) - 1)), file);
	if (io_read_file(f->work, file, FILE_BYTES, &text, &len))
		return fetch_stop(f, "spool", strerror(errno));
	const char *why = upload(f, name, text, len, &status);
	free(text);
	if (status == REMOTE_CUT)
		return fetch_stop(f, "answer", remote_why(f->remote));
	if (why != NULL) {
		REPLY(FETCH_ANSWER_FAILED, .name = name, .why = why);
		return true;
	}
	if (unlinkat(f->work, file, 0))
		return fetch_stop(f, "spool", strerror(errno));
	f->answered++;
	REPLY(FETCH_ANSWERED, .name = name);
	return true;
}

bool
fetch_answer(struct fetch *f)
{
	DIR *dir = io_list(f->work, ".");
	if (dir == NULL)
		return fetch_stop(f, "spool", strerror(errno));
	bool ok = true;
	struct dirent *d;
	while (ok && (d = readdir(dir)) != NULL) {
		size_t len = strlen(d->d_name);
		if (len >= sizeof(SUFFIX) && strcmp(d->d_name + len - (sizeof(SUFFIX) - 1), SUFFIX) == 0)
			ok = answer_one(f, d->d_name);
	}
	closedir(dir);
	return ok;
}
