/*
 * One file, in order, with many requests under way: a blocking read at a time
 * gives 34 MB/s on a loopback, sixty-four of them more than ten times that.
 *
 * A server may answer with fewer bytes than were asked for.  The rest of such a
 * piece is asked for again, but not before everything that is under way has been
 * taken in and kept: libssh 0.10 waits for ever for an answer that it has queued
 * while it waited for another one, so answers are always awaited in the order in
 * which their requests were sent.
 */
#include <errno.h>
#include <fcntl.h>

#include "fetch/remote_internal.h"
#include "fetch/watch.h"

#define WHOLE_ANSWERS_TO_GROW 64

enum remote_status
remote_read_open(struct remote *r, const char *path, uint64_t offset, uint64_t end, unsigned depth)
{
	remote_read_close(r);
	r->file = sftp_open(r->sftp, path, O_RDONLY, 0);
	enum remote_status status = remote_sftp_status(r, r->file != NULL);
	if (status != REMOTE_OK)
		return status;
	r->asked = offset;
	r->end = end;
	r->depth = depth < 1 ? 1 : depth > REMOTE_DEPTH ? REMOTE_DEPTH : depth;
	r->first = r->count = 0;
	r->chunk = REMOTE_CHUNK;
	r->last_short = 0;
	r->whole_answers = 0;
	return REMOTE_OK;
}

static struct remote_request *
at(struct remote *r, unsigned i)
{
	return &r->ring[(r->first + i) % REMOTE_DEPTH];
}

/* Sends one request; the library's own idea of position and end of file is reset each time. */
static bool
ask(struct remote *r, struct remote_request *request, uint64_t offset, uint32_t length)
{
	request->offset = offset;
	request->length = length;
	request->answered = false;
	if (sftp_seek64(r->file, offset))
		return false;
#if REMOTE_HAS_AIO
	/* the library may ask for less than we want */
	ssize_t n = sftp_aio_begin_read(r->file, length, &request->id);
	if (n <= 0)
		return false;
	request->length = (uint32_t) n;
#else
	int id = sftp_async_read_begin(r->file, length);
	if (id < 0)
		return false;
	request->id = (uint32_t) id;
#endif
	return true;
}

/* Waits for an answer.  Bytes, 0 at the end of the file, -1. */
static ssize_t
answer(struct remote *r, struct remote_request *request, void *buf)
{
#if REMOTE_HAS_AIO
	(void) r;
	ssize_t n = sftp_aio_wait_read(&request->id, buf, request->length);
#else
	/* an earlier answer may have set the end of file, and then this one would be left in the queue */
	sftp_seek64(r->file, request->offset);
	ssize_t n = sftp_async_read(r->file, buf, request->length, request->id);
#endif
	if (n >= 0)
		watch_progress(n);
	return n;
}

static bool
fill(struct remote *r)
{
	while (r->count < r->depth && r->asked < r->end) {
		uint64_t left = r->end - r->asked;
		struct remote_request *request = at(r, r->count);
		if (!ask(r, request, r->asked, left < r->chunk ? (uint32_t) left : r->chunk))
			return false;
		r->asked += request->length;
		r->count++;
	}
	return true;
}

/* Takes in all that is under way behind the first, and keeps it. */
static bool
keep_others(struct remote *r)
{
	for (unsigned i = 1; i < r->count; i++) {
		struct remote_request *request = at(r, i);
		if (request->answered)
			continue;
		if (request->kept == NULL && (request->kept = malloc(REMOTE_CHUNK)) == NULL) {
			remote_fail(r, "%s", strerror(ENOMEM));
			return false;
		}
		ssize_t n = answer(r, request, request->kept);
		/* an answer that says no is one too: nobody may wait for it again */
		request->answered = true;
		if (n < 0)
			return false;
		request->got = (uint32_t) n;
	}
	return true;
}

/* Pieces get as small as the answers of a server that always gives the same, and try to grow again. */
static void
fit_chunk(struct remote *r, uint32_t wanted, uint32_t got)
{
	if (got < wanted) {
		if (got == r->last_short)
			r->chunk = got;
		r->last_short = got;
		r->whole_answers = 0;
	} else if (r->chunk < REMOTE_CHUNK && ++r->whole_answers >= WHOLE_ANSWERS_TO_GROW) {
		r->chunk = r->chunk < REMOTE_CHUNK / 2 ? r->chunk * 2 : REMOTE_CHUNK;
		r->whole_answers = 0;
	}
}

/* The answer to the first request, from the line or as it was kept. */
static ssize_t
first_answer(struct remote *r, struct remote_request *first, void *buf)
{
	if (!first->answered)
		return answer(r, first, buf);
	memcpy(buf, first->kept, first->got);
	return (ssize_t) first->got;
}

static void
drop_first(struct remote *r)
{
	r->first = (r->first + 1) % REMOTE_DEPTH;
	r->count--;
}

enum remote_status
remote_read(struct remote *r, void *buf, size_t *ret_len)
{
	if (watch_expired() != NULL || !fill(r))
		return remote_sftp_status(r, false);
	if (r->count == 0)
		return REMOTE_END;
	struct remote_request *first = at(r, 0);
	ssize_t n = first_answer(r, first, buf);
	if (n <= 0) {
		drop_first(r);
		return n == 0 ? REMOTE_END : remote_sftp_status(r, false);
	}
	uint32_t got = (uint32_t) n, wanted = first->length;
	fit_chunk(r, wanted, got);
	if (got < wanted) {
		/* the rest of this piece, when nothing else is under way */
		if (!keep_others(r) || !ask(r, first, first->offset + got, wanted - got)) {
			drop_first(r);
			return remote_sftp_status(r, false);
		}
	} else {
		drop_first(r);
	}
	*ret_len = got;
	return REMOTE_OK;
}

/* Takes in what is under way and forgets it. */
static void
drain(struct remote *r)
{
	static char waste[REMOTE_CHUNK];
	for (unsigned i = 0; i < r->count; i++) {
		struct remote_request *request = at(r, i);
		if (request->answered)
			continue;
		if (watch_expired() == NULL && ssh_is_connected(r->session))
			(void) answer(r, request, waste);
#if REMOTE_HAS_AIO
		SFTP_AIO_FREE(request->id);
#endif
	}
	r->first = r->count = 0;
	r->asked = r->end;
}

enum remote_status
remote_read_beyond(struct remote *r, uint64_t offset)
{
	char byte;
	struct remote_request request = {0};
	drain(r);
	if (watch_expired() != NULL || !ask(r, &request, offset, 1))
		return remote_sftp_status(r, false);
	ssize_t n = answer(r, &request, &byte);
	return n == 0 ? REMOTE_END : remote_sftp_status(r, n > 0);
}

void
remote_read_close(struct remote *r)
{
	if (r->file == NULL)
		return;
	drain(r);
	sftp_close(r->file);
	r->file = NULL;
}
