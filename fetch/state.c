#include "fetch/state.h"

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <unistd.h>

#include "fetch/lines.h"
#include "lib/base/io.h"
#include "lib/protocol/message.h"

#define NAME "state"
#define NAME_NEW "state.new"

struct state_file {
	int directory; /* the caller's */
	FILE *log;     /* for state_note; opened with the first */
	void *tree;    /* tsearch by name: stays fast whatever names a partner chooses */
	struct state_entry **list;
	size_t count, capacity;
};

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct state_entry *) a)->name, ((const struct state_entry *) b)->name);
}

size_t
state_count(const struct state_file *m)
{
	return m->count;
}

struct state_entry *
state_at(struct state_file *m, size_t i)
{
	return m->list[i];
}

struct state_entry *
state_find(struct state_file *m, const char *name)
{
	union {
		const char *in;
		char *out;
	} key = {.in = name};
	struct state_entry wanted = {.name = key.out};
	struct state_entry *const *node = tfind(&wanted, &m->tree, by_name);
	return node != NULL ? *node : NULL;
}

struct state_entry *
state_add(struct state_file *m, const char *name)
{
	if (m->count == m->capacity) {
		size_t capacity = m->capacity ? m->capacity * 2 : 64;
		void *more = reallocarray(m->list, capacity, sizeof(struct state_entry *));
		if (more == NULL)
			return NULL;
		m->list = more;
		m->capacity = capacity;
	}
	struct state_entry *e = calloc(1, sizeof(*e));
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
write_entry(struct message_line *line, const struct state_entry *e)
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
	if (e->state != ENTRY_SEEN) {
		message_add_int(line, "fetched", e->fetched);
		message_add_hex(line, "sha256", e->sha256, sizeof(e->sha256));
	}
	if (e->storing)
		message_add_int(line, "storing", 1);
	if (e->partial > 0) {
		message_add_int(line, "partial", (int64_t) e->partial);
		message_add_hex(line, "partial_sha256", e->partial_sha256, sizeof(e->partial_sha256));
	}
	message_end(line);
}

/* False when the line is none of ours: the caller forgets it. */
static bool
read_entry(struct state_file *m, char *text)
{
	static struct message line;
	struct state_entry got = {0};
	int64_t state, size, unseen, missing, serial, storing = 0, partial = 0;
	size_t len = 0, partial_len = 0;
	if (!message_read(&line, text) || strcmp(line.verb, "entry") != 0)
		return false;
	const char *name = message_text(&line, "name");
	if (name == NULL || !message_int(&line, "state", ENTRY_SEEN, ENTRY_GONE, &state) ||
	    !message_int(&line, "size", 0, INT64_MAX, &size) ||
	    !message_int(&line, "mtime", -1, INT64_MAX, &got.mtime) ||
	    !message_int(&line, "first_seen", 0, INT64_MAX, &got.first_seen) ||
	    !message_int(&line, "unseen", 0, INT32_MAX, &unseen) ||
	    !message_int(&line, "missing", 0, INT32_MAX, &missing) ||
	    !message_int(&line, "serial", 0, 1, &serial))
		return false;
	if (state != ENTRY_SEEN &&
	    (!message_int(&line, "fetched", 0, INT64_MAX, &got.fetched) ||
	     !message_hex(&line, "sha256", got.sha256, SHA256_BYTES, &len) || len != SHA256_BYTES))
		return false;
	if (message_int(&line, "partial", 1, INT64_MAX, &partial) &&
	    (!message_hex(&line, "partial_sha256", got.partial_sha256, SHA256_BYTES, &partial_len) ||
	     partial_len != SHA256_BYTES))
		return false;
	if (state == ENTRY_FETCHED)
		message_int(&line, "storing", 0, 1, &storing);
	struct state_entry *e = state_find(m, name);
	if (e == NULL)
		e = state_add(m, name);
	if (e == NULL)
		return false;
	got.name = e->name;
	got.state = (enum entry_state) state;
	got.size = (uint64_t) size;
	got.partial = (uint64_t) partial;
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

struct state_file *
state_open(int directory)
{
	struct state_file *m = calloc(1, sizeof(*m));
	if (m == NULL)
		return NULL;
	m->directory = directory;
	if (lines_read(directory, NAME, take_line, m)) {
		int error = errno;
		state_free(m);
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
state_free(struct state_file *m)
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
open_log(struct state_file *m)
{
	int fd = openat(m->directory, NAME, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0660);
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
state_note(struct state_file *m, const struct state_entry *e)
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
write_all(const struct state_file *m, FILE *out)
{
	static struct message_line line;
	for (size_t i = 0; i < m->count; i++) {
		if (m->list[i]->state == ENTRY_GONE)
			continue;
		write_entry(&line, m->list[i]);
		if (fwrite(line.text, 1, line.length, out) != line.length)
			return -1;
	}
	return fflush(out) || fsync(fileno(out)) ? -1 : 0;
}

int
state_save(struct state_file *m)
{
	int fd = openat(m->directory, NAME_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0660);
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
