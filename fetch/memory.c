#include "fetch/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <unistd.h>

#include "fetch/lines.h"
#include "lib/base/io.h"
#include "lib/protocol/message.h"

#define NAME "memory"
#define NAME_NEW "memory.new"

struct memory {
	int directory; /* the caller's */
	FILE *log;     /* for memory_note; opened with the first */
	void *tree;    /* tsearch by name: stays fast whatever names a partner chooses */
	struct memory_entry **list;
	size_t count, room;
};

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct memory_entry *) a)->name, ((const struct memory_entry *) b)->name);
}

size_t
memory_count(const struct memory *m)
{
	return m->count;
}

struct memory_entry *
memory_at(struct memory *m, size_t i)
{
	return m->list[i];
}

struct memory_entry *
memory_find(struct memory *m, const char *name)
{
	union {
		const char *in;
		char *out;
	} key = {.in = name};
	struct memory_entry wanted = {.name = key.out};
	struct memory_entry *const *node = tfind(&wanted, &m->tree, by_name);
	return node != NULL ? *node : NULL;
}

struct memory_entry *
memory_add(struct memory *m, const char *name)
{
	if (m->count == m->room) {
		size_t room = m->room ? m->room * 2 : 64;
		void *more = reallocarray(m->list, room, sizeof(struct memory_entry *));
		if (more == NULL)
			return NULL;
		m->list = more;
		m->room = room;
	}
	struct memory_entry *e = calloc(1, sizeof(*e));
	if (e != NULL)
		e->name = strdup(name);
	if (e == NULL || e->name == NULL || tsearch(e, &m->tree, by_name) == NULL) {
		if (e != NULL)
			free(e->name);
		free(e);
		return NULL;
	}
	m->list[m->count++] = e;
	return e;
}

static void
write_entry(struct message_line *line, const struct memory_entry *e)
{
	message_start(line, "entry");
	message_add(line, "name", e->name);
	message_add_int(line, "state", e->state);
	message_add_int(line, "size", (int64_t) e->size);
	message_add_int(line, "mtime", e->mtime);
	message_add_int(line, "first_seen", e->first_seen);
	message_add_int(line, "unseen", e->unseen);
	message_add_int(line, "missing", e->missing);
	message_add_int(line, "serial", e->serial);
	if (e->state != MEMORY_SEEN) {
		message_add_int(line, "fetched", e->fetched);
		message_add_hex(line, "sha256", e->sha256, sizeof(e->sha256));
	}
	if (e->storing)
		message_add_int(line, "storing", 1);
	if (e->part > 0) {
		message_add_int(line, "part", (int64_t) e->part);
		message_add_hex(line, "part_sha256", e->part_sha256, sizeof(e->part_sha256));
	}
	message_end(line);
}

/* False when the line is none of ours: the caller forgets it. */
static bool
read_entry(struct memory *m, char *text)
{
	static struct message line;
	struct memory_entry got = {0};
	int64_t state, size, unseen, missing, serial, storing = 0, part = 0;
	size_t len = 0, part_len = 0;
	if (!message_read(&line, text) || strcmp(line.verb, "entry") != 0)
		return false;
	const char *name = message_text(&line, "name");
	if (name == NULL || !message_int(&line, "state", MEMORY_SEEN, MEMORY_GONE, &state) ||
	    !message_int(&line, "size", 0, INT64_MAX, &size) ||
	    !message_int(&line, "mtime", -1, INT64_MAX, &got.mtime) ||
	    !message_int(&line, "first_seen", 0, INT64_MAX, &got.first_seen) ||
	    !message_int(&line, "unseen", 0, INT32_MAX, &unseen) ||
	    !message_int(&line, "missing", 0, INT32_MAX, &missing) ||
	    !message_int(&line, "serial", 0, 1, &serial))
		return false;
	if (state != MEMORY_SEEN &&
	    (!message_int(&line, "fetched", 0, INT64_MAX, &got.fetched) ||
	     !message_hex(&line, "sha256", got.sha256, SHA256_BYTES, &len) || len != SHA256_BYTES))
		return false;
	if (message_int(&line, "part", 1, INT64_MAX, &part) &&
	    (!message_hex(&line, "part_sha256", got.part_sha256, SHA256_BYTES, &part_len) ||
	     part_len != SHA256_BYTES))
		return false;
	if (state == MEMORY_FETCHED)
		message_int(&line, "storing", 0, 1, &storing);
	struct memory_entry *e = memory_find(m, name);
	if (e == NULL)
		e = memory_add(m, name);
	if (e == NULL)
		return false;
	got.name = e->name;
	got.state = (enum memory_state) state;
	got.size = (uint64_t) size;
	got.part = (uint64_t) part;
	got.unseen = (int32_t) unseen;
	got.missing = (int32_t) missing;
	got.serial = serial != 0;
	got.storing = storing != 0;
	*e = got;
	return true;
}

static int
take_line(void *context, char *line)
{
	(void) read_entry(context, line);
	return 0;
}

struct memory *
memory_open(int directory)
{
	struct memory *m = calloc(1, sizeof(*m));
	if (m == NULL)
		return NULL;
	m->directory = directory;
	if (lines_read(directory, NAME, take_line, m)) {
		int error = errno;
		memory_free(m);
		errno = error;
		return NULL;
	}
	return m;
}

static void
leave_node(void *node)
{
	(void) node; /* the list has it */
}

void
memory_free(struct memory *m)
{
	if (m == NULL)
		return;
	tdestroy(m->tree, leave_node);
	for (size_t i = 0; i < m->count; i++) {
		free(m->list[i]->name);
		free(m->list[i]);
	}
	free(m->list);
	if (m->log != NULL)
		fclose(m->log);
	free(m);
}

/* A new line always starts at a line's start, also behind one that a crash cut. */
static int
open_log(struct memory *m)
{
	int fd = openat(m->directory, NAME, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	char last = '\n';
	off_t end = lseek(fd, 0, SEEK_END);
	if (end < 0 || (end > 0 && pread(fd, &last, 1, end - 1) != 1) ||
	    (last != '\n' && io_write_all(fd, "\n", 1)) || (m->log = fdopen(fd, "a")) == NULL) {
		close(fd);
		return -1;
	}
	return 0;
}

int
memory_note(struct memory *m, const struct memory_entry *e)
{
	static struct message_line line;
	if (m->log == NULL && open_log(m))
		return -1;
	write_entry(&line, e);
	if (fwrite(line.text, 1, line.length, m->log) != line.length || fflush(m->log))
		return -1;
	return fdatasync(fileno(m->log));
}

static int
write_all(const struct memory *m, FILE *out)
{
	static struct message_line line;
	for (size_t i = 0; i < m->count; i++) {
		if (m->list[i]->state == MEMORY_GONE)
			continue;
		write_entry(&line, m->list[i]);
		if (fwrite(line.text, 1, line.length, out) != line.length)
			return -1;
	}
	return fflush(out) || fsync(fileno(out)) ? -1 : 0;
}

int
memory_save(struct memory *m)
{
	int fd = openat(m->directory, NAME_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (out == NULL) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	int failed = write_all(m, out);
	if (fclose(out) || failed || renameat(m->directory, NAME_NEW, m->directory, NAME))
		return -1;
	/* the old log is another file now */
	if (m->log != NULL)
		fclose(m->log);
	m->log = NULL;
	return fsync(m->directory);
}
