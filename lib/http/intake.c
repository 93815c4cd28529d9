#include "lib/http/intake.h"

#include <event2/buffer.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum head_state {
	HEAD_FIRST, /* at the start of the first line */
	HEAD_START, /* of another line */
	HEAD_LINE,  /* in one */
	HEAD_CR,    /* in one, behind a CR */
	HEAD_EMPTY, /* behind the CR of an empty line */
	HEAD_DONE
};

/* What one connection holds. */
struct place {
	uint64_t cookie; /* of its socket; 0: none */
	int64_t bytes;
	enum head_state head;
	bool told, file; /* what it is was seen; a file, that goes on as it comes */
};

struct intake {
	intake_refuses refuses;
	void *context;
	int64_t total; /* of what is counted */
	struct place place[INTAKE_SOCKETS];
};

/* A callback of a buffer gets the stream alone. */
static struct intake *only;

uint64_t
intake_cookie(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) == 0 ? cookie : 0;
}

static int64_t
counted(const struct place *p)
{
	return p->bytes > INTAKE_FREE_BYTES ? p->bytes - INTAKE_FREE_BYTES : 0;
}

static void
set_bytes(struct intake *i, struct place *p, int64_t bytes)
{
	i->total -= counted(p);
	p->bytes = bytes;
	i->total += counted(p);
}

/* NULL: more descriptors than there may be. */
static struct place *
place_of(struct intake *i, struct bufferevent *stream)
{
	int fd = bufferevent_getfd(stream);

	if (fd < 0 || fd >= INTAKE_SOCKETS)
		return NULL;
	intake_look(i, fd, intake_cookie(fd));
	return &i->place[fd];
}

/* ---- the head, as it came ---- */

/* One byte of it; NULL, or why it could be read in two ways. */
static const char *
look_at(struct place *p, char c)
{
	bool first = p->head == HEAD_FIRST, start = first || p->head == HEAD_START;

	if (c == '\0')
		return "a NUL in the head";
	if (p->head == HEAD_CR || p->head == HEAD_EMPTY) {
		if (c != '\n')
			return "a line ends with CR LF, and nothing else";
		p->head = p->head == HEAD_CR ? HEAD_START : HEAD_DONE;
		return NULL;
	}
	if (c == '\n')
		return "a line ends with CR LF, and nothing else";
	if (start && !first && (c == ' ' || c == '\t'))
		return "a header goes on in another line";
	p->head = c != '\r' ? HEAD_LINE : start ? HEAD_EMPTY : HEAD_CR;
	return NULL;
}

/* The bytes that were just added. */
static const char *
look_at_added(struct place *p, struct evbuffer *in, size_t added)
{
	char bytes[512];
	struct evbuffer_ptr at;
	const char *wrong = NULL;

	if (evbuffer_ptr_set(in, &at, evbuffer_get_length(in) - added, EVBUFFER_PTR_SET) < 0)
		return NULL;
	while (added > 0 && wrong == NULL && p->head != HEAD_DONE) {
		ev_ssize_t n = evbuffer_copyout_from(in, &at, bytes, added < sizeof(bytes) ? added : sizeof(bytes));

		if (n <= 0)
			return NULL;
		for (ev_ssize_t i = 0; i < n && wrong == NULL && p->head != HEAD_DONE; i++)
			wrong = look_at(p, bytes[i]);
		added -= (size_t) n;
		if (added > 0 && evbuffer_ptr_set(in, &at, (size_t) n, EVBUFFER_PTR_ADD) < 0)
			return NULL;
	}
	return wrong;
}

/* ---- what comes ---- */

/* A file looks at its head itself, and is sent on as it comes. */
static void
tell_what_it_is(struct place *p, struct evbuffer *in)
{
	static const char put[] = "PUT ";
	char first[sizeof(put) - 1];
	ev_ssize_t n = evbuffer_copyout(in, first, sizeof(first));

	if (n <= 0 || (n < (ev_ssize_t) sizeof(first) && memcmp(first, put, (size_t) n) == 0))
		return;
	p->told = true;
	p->file = n == (ev_ssize_t) sizeof(first) && memcmp(first, put, sizeof(first)) == 0;
}

static void
on_bytes(struct evbuffer *in, const struct evbuffer_cb_info *info, void *context)
{
	struct bufferevent *stream = context;
	struct intake *i = only;
	struct place *p = place_of(i, stream);
	const char *wrong = NULL;

	if (p == NULL || (info->n_added == 0 && !p->file))
		return;
	if (!p->told)
		tell_what_it_is(p, in);
	/* of a request evhttp keeps what it takes out of here */
	set_bytes(i, p, p->file ? (int64_t) evbuffer_get_length(in) : p->bytes + (int64_t) info->n_added);
	if (info->n_added == 0)
		return;
	if (!p->file && p->head != HEAD_DONE)
		wrong = look_at_added(p, in, info->n_added);
	if (wrong == NULL && (i->total <= INTAKE_BYTES || counted(p) == 0))
		return;
	i->refuses(i->context, stream, wrong != NULL ? "998" : "503",
	           wrong != NULL ? wrong : "nothing was done, too much is on its way: ask again");
	if (!p->file)
		set_bytes(i, p, 0);
}

void
intake_watch(struct intake *i, struct bufferevent *stream)
{
	only = i;
	evbuffer_add_cb(bufferevent_get_input(stream), on_bytes, stream);
}

void
intake_answered(struct intake *i, struct bufferevent *stream)
{
	struct place *p = place_of(i, stream);

	if (p == NULL)
		return;
	set_bytes(i, p, 0);
	/* of what was sent before it was due the start is not known */
	p->head = evbuffer_get_length(bufferevent_get_input(stream)) == 0 ? HEAD_FIRST : HEAD_DONE;
}

void
intake_look(struct intake *i, int fd, uint64_t cookie)
{
	struct place *p = &i->place[fd];

	if (p->cookie == cookie)
		return;
	set_bytes(i, p, 0);
	*p = (struct place){.cookie = cookie};
}

int64_t
intake_bytes(const struct intake *i)
{
	return i->total;
}

struct intake *
intake_new(intake_refuses refuses, void *context)
{
	struct intake *i = calloc(1, sizeof(*i));

	if (i != NULL) {
		i->refuses = refuses;
		i->context = context;
	}
	return i;
}

void
intake_free(struct intake *i)
{
	free(i);
}
